#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who is let in by client and peer ports: the same callers on keelson-node and on etcd.
#
#     tls_parity.sh KEELSON_NODE ETCD
#
# Six configurations, nine callers, two ports; each line says "same" or "DIFF". Needs openssl and
# curl. Ends with 1 if anything differs, or if fewer answers came than there are cases.
set -u
node=$(realpath "$1")
etcd=$(realpath "$2")
suite=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]:-}"; do [ -n "$pid" ] && kill "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
cd "$work" || exit 1

authority() { # NAME
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.crt" -days 30 \
        -subj "/CN=$1" -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

issue() { # NAME COMMON-NAME EXTENSIONS [AUTHORITY]
    local by=${4:-ca}
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" \
        -out "$1.csr" -subj "/CN=$2" 2>/dev/null
    printf '%b' "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$by.crt" -CAkey "$by.key" -set_serial \
        "0x$(openssl rand -hex 8)" -days 30 -out "$1.crt" -extfile "$1.ext" 2>/dev/null
}

authority ca
authority stranger
both="extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
issue server server "$both"
issue peer peer "$both"
issue alice alice "extendedKeyUsage=clientAuth\nsubjectAltName=DNS:alice.example,IP:10.0.0.1\n"
issue mallory mallory "extendedKeyUsage=clientAuth\n"
issue only-server alice "extendedKeyUsage=serverAuth\n"
issue any-use alice "basicConstraints=CA:FALSE\n"
issue foreign alice "extendedKeyUsage=clientAuth\n" stranger
issue here here "subjectAltName=IP:127.0.0.1\n"
issue local local "subjectAltName=DNS:localhost\n"
openssl req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.crt -days 30 \
    -subj /CN=alice 2>/dev/null
: > index
echo 01 > number
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n%s\n' \
    default_crl_days=30 > ca.cnf
openssl ca -config ca.cnf -cert ca.crt -keyfile ca.key -revoke mallory.crt 2>/dev/null
openssl ca -config ca.cnf -cert ca.crt -keyfile ca.key -gencrl -out crl.pem 2>/dev/null

# Four ports that nobody uses: ours for clients and peers, then etcd's.
mapfile -t ports < <(PYTHONPATH=$suite python3 -c 'from server import free_port
for _ in range(4): print(free_port())')
start() { # PROGRAM CLIENT-PORT PEER-PORT FOLDER FLAGS...
    local program=$1 client="https://127.0.0.1:$2" peer="https://127.0.0.1:$3" folder=$4
    shift 4
    "$program" --name n --data-dir "$folder" --listen-client-urls "$client" \
        --advertise-client-urls "$client" --listen-peer-urls "$peer" \
        --initial-advertise-peer-urls "$peer" --initial-cluster "n=$peer" \
        --cert-file server.crt --key-file server.key --peer-cert-file peer.crt \
        --peer-key-file peer.key "$@" > "$folder.log" 2>&1 &
    pids+=($!)
}

# The peer ports of etcd serve HTTP/1.1 only without ALPN.
verdict() { # PORT PATH CALLER
    local files=()
    [ "$3" != nobody ] && files=(--cert "$3.crt" --key "$3.key")
    if curl -s -m 5 --no-alpn --cacert ca.crt "${files[@]}" "https://127.0.0.1:$1$2" \
        > /dev/null 2>&1; then echo in; else echo out; fi
}

serves() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

compare() { # NAME FLAGS...
    local name=$1 tries=0
    shift
    start "$node" "${ports[0]}" "${ports[1]}" "$name.keelson" "$@"
    start "$etcd" "${ports[2]}" "${ports[3]}" "$name.etcd" "$@"
    for port in "${ports[@]}"; do
        until serves "$port" || [ $((tries += 1)) -gt 200 ]; do sleep 0.1; done
    done
    for caller in nobody alice mallory only-server any-use foreign here local self; do
        for kind in client peer; do
            local offset=0 path=/health
            [ $kind = peer ] && offset=1 path=/version
            local ours theirs
            ours=$(verdict "${ports[offset]}" $path $caller)
            theirs=$(verdict "${ports[2 + offset]}" $path $caller)
            [ "$ours" = "$theirs" ] && word=same || word=DIFF
            echo "$word $name $kind $caller keelson=$ours etcd=$theirs"
        done
    done
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    wait "${pids[@]}" 2>/dev/null
    pids=()
}

{
    compare open
    compare required --trusted-ca-file ca.crt --client-cert-auth --peer-trusted-ca-file ca.crt \
        --peer-client-cert-auth
    compare authority-alone --trusted-ca-file ca.crt --peer-trusted-ca-file ca.crt
    compare revoked --trusted-ca-file ca.crt --client-crl-file crl.pem \
        --peer-trusted-ca-file ca.crt --peer-crl-file crl.pem
    compare lists --trusted-ca-file ca.crt --client-cert-allowed-hostname alice.example \
        --peer-trusted-ca-file ca.crt --peer-cert-allowed-cn alice \
        --experimental-peer-skip-client-san-verification
    compare self-made --auto-tls --peer-auto-tls
} > results
cat results
same=$(grep -c '^same' results)
lets=$(grep -c 'keelson=in' results)
echo "$lets callers were let in"
[ "$lets" -gt 0 ] || same=0
echo "$same passed, $((108 - same)) failed, 0 skipped"
[ "$same" = 108 ]
