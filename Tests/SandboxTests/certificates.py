#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates of clusters on keelson-sandbox: made, renewed, replaced, while clients write.

usage: certificates.py BIN [NAME...]     BIN is the folder of the programs; NAMEs choose cases

Takes about five minutes, most of which is the time that authorities overlap. Clients are pods with
the Secret mounted: one begins a new connection for each write, one watches over a single connection
from beginning to end. Not one of their requests may fail.
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kubectl import Failure, Stage, expect, play  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHORT = "auto: {caValidity: 24h, certValidity: 4h, renewBefore: 1h, overlap: 25s}"


class Play(Stage):
    """A sandbox with the operator, and short ways to look at certificates."""

    def __init__(self, folder):
        self.bin = folder
        self.runs = 0
        super().__init__(os.path.join(folder, "keelson-sandbox"), "--bin", folder, "--rbac")
        self.ctl = os.path.join(folder, "keelsonctl")
        with open(os.path.join(ROOT, "Manifests/keelson.yaml"), encoding="utf-8") as file:
            text = re.sub(r"keelson:[0-9][0-9.]*\n", "keelson:dev\n", file.read())
        self.apply(text, "--server-side", "--force-conflicts")
        self.kubectl("-n", "keelson-system", "rollout", "status", "deployment/keelson-operator",
                     "--timeout=60s", limit=70)

    # -- Clusters

    def cluster(self, name, tls, replicas=3):
        self.apply("""
apiVersion: keelson.dev/v1alpha1
kind: EtcdCluster
metadata: {name: %s}
spec: {replicas: %d, image: "keelson:dev", storage: {size: 1Gi}, tls: {%s}}
""" % (name, replicas, tls))

    def available(self, name, replicas=3, limit=120):
        self.until("%s is available" % name, lambda: self.voters(name) == replicas, limit)

    def voters(self, name):
        status = self.get("etcd", name).get("status", {})
        ready = [c for c in status.get("conditions", [])
                 if c["type"] in ("Available", "MembersReady") and c["status"] == "True"]
        return status.get("voters") if len(ready) == 2 else None

    def condition(self, name, kind="TLSReady"):
        for found in self.get("etcd", name).get("status", {}).get("conditions", []):
            if found["type"] == kind:
                return found
        return {"status": "", "reason": "", "message": ""}

    def secret(self, name):
        """Its content, decoded; empty if it is not there."""
        done = self.call("get", "secret", name, "-o", "json")
        if done.returncode != 0:
            return {}
        data = json.loads(done.stdout).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def trusted(self, name):
        return blocks(self.secret(name).get("ca.crt", ""))

    def notes(self, name):
        return self.get("secret", name)["metadata"]["annotations"]

    def pods(self, name):
        found = self.get("pods", "-l", "keelson.dev/cluster=%s,app.kubernetes.io/component=etcd"
                         % name)["items"]
        return {pod["metadata"]["name"]: pod for pod in found}

    def lives(self, name):
        """Which processes there are: none may be restarted for a certificate."""
        return {
            pod: (item["metadata"]["uid"],
                  sum(c["restartCount"] for c in item["status"]["containerStatuses"]))
            for pod, item in self.pods(name).items()}

    def served(self, address, port=2379):
        """The certificate that a member shows now, as the number it has."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "%s:%d" % (address, port)], input="",
            capture_output=True, text=True, timeout=10)
        if "BEGIN CERTIFICATE" not in done.stdout:
            return ""
        return serial(done.stdout[done.stdout.index("-----BEGIN"):])

    def all_serve(self, name, secret, port=2379):
        wanted = serial(self.secret(secret)["tls.crt"])
        return all(self.served(pod["status"]["podIP"], port) == wanted
                   for pod in self.pods(name).values())

    def events(self, reason):
        return [e["message"] for e in self.get("events")["items"] if e["reason"] == reason]

    def operator_says(self):
        """The end of the operators' logs, for somebody who wants to know why."""
        names = self.call("get", "pods", "-n", "keelson-system", "-o", "name").stdout.split()
        return "".join(
            self.call("-n", "keelson-system", "logs", name, "--tail=25").stdout for name in names)

    def metric(self, name):
        pods = self.get("pods", "-n", "keelson-system")["items"]
        text = ""
        for pod in pods:
            address = "http://%s:8080/metrics" % pod["status"]["podIP"]
            with urllib.request.urlopen(address, timeout=10) as answer:
                text += answer.read().decode()
        return re.findall(r'^%s\{[^}]*secret="([^"]*)"[^}]*\} (\S+)$' % name, text, re.M)

    # -- Clients

    def clients(self, name):
        """Two pods that write and watch until `silent` is called, keys of their own each time."""
        self.runs += 1
        hosts = ",".join("https://%s-%d.%s-peers.default.svc:2379" % (name, n, name)
                         for n in range(3))
        flags = "--endpoints=%s --cacert=/tls/ca.crt --cert=/tls/tls.crt --key=/tls/tls.key" % hosts
        # Each write is a process of its own: it reads the files as they are, and dials anew.
        write = ("n=0; trap 'exit 0' TERM; while :; do n=$((n+1)); "
                 "if words=$(%s %s put run%d/$n $n 2>&1); then echo ok $n; "
                 "else echo FAILED $n $words; fi; done" % (self.ctl, flags, self.runs))
        # From the first revision on, so that it misses nothing, whenever it begins.
        watch = "exec %s %s watch run%d/ --prefix --rev=1" % (self.ctl, flags, self.runs)
        for role, script in [("watcher", watch), ("writer", write)]:
            self.apply("""
apiVersion: v1
kind: Pod
metadata: {name: %s-%s}
spec:
  terminationGracePeriodSeconds: 2
  restartPolicy: Never
  volumes: [{name: tls, secret: {secretName: %s-client-tls}}]
  containers:
  - name: main
    image: busybox
    command: [sh, -c, %s]
    volumeMounts: [{name: tls, mountPath: /tls}]
""" % (name, role, name, json.dumps(script)))
            if role == "watcher":
                self.kubectl("wait", "pod/%s-watcher" % name, "--for=condition=Ready",
                             "--timeout=30s", limit=40)
        self.until("the first writes", lambda: self.words(name, "writer").count("ok") > 3)

    def words(self, name, role):
        return self.call("logs", "%s-%s" % (name, role)).stdout

    def calm(self, name):
        """How many writes there were; none may have failed, and the watch has seen them all."""
        lines = self.words(name, "writer").splitlines()
        bad = [line for line in lines if not line.startswith("ok ")]
        expect(not bad, "%d of %d writes failed: %s" % (len(bad), len(lines), bad[:3]))
        self.until("the watch has everything",
                   lambda: self.words(name, "watcher").count("PUT\n") >= len(lines))
        return len(lines)

    def silent(self, name):
        count = self.calm(name)
        self.kubectl("delete", "pod", "%s-writer" % name, "%s-watcher" % name)
        return count

    def put(self, name, folder):
        """One write with copies of files; what it says if it fails."""
        done = subprocess.run(
            [self.ctl, "--endpoints=https://%s-0.%s-peers.default.svc:2379" % (name, name),
             "--cacert=%s/ca.crt" % folder, "--cert=%s/tls.crt" % folder,
             "--key=%s/tls.key" % folder, "--dial-timeout=2s", "--command-timeout=3s",
             "put", "copy", "x"], capture_output=True, text=True, timeout=30,
            env=dict(os.environ, KEELSON_HOSTS=os.path.join(self.dir, "hosts"), ETCDCTL_API="3"))
        return "" if done.returncode == 0 else done.stderr.strip() or "no reason"

    def copy(self, secret):
        folder = os.path.join(self.folder, "copy-%s-%d" % (secret, time.monotonic_ns()))
        os.mkdir(folder)
        for key, text in self.secret(secret).items():
            with open(os.path.join(folder, key), "w", encoding="utf-8") as file:
                file.write(text)
        return folder


def blocks(text):
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)


def serial(text):
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=text,
                          capture_output=True, text=True, check=True).stdout.strip()


# ---- Mode Auto


def a_cluster_is_encrypted(s):
    s.cluster("demo", "mode: Auto, " + SHORT)
    s.available("demo")
    expect(s.condition("demo")["reason"] == "Issued", str(s.condition("demo")))
    status = s.get("etcd", "demo")["status"]["tls"]
    expect(status["clientCertSecret"] == "demo-client-tls", str(status))
    names = ["demo-ca", "demo-client-tls", "demo-peer-ca", "demo-peer-tls", "demo-server-tls"]
    ends = dict(s.metric("keelson_certificate_expiry_timestamp_seconds"))
    expect(sorted(ends) == names, "metrics of %s" % sorted(ends))
    left = float(ends["demo-client-tls"]) - time.time()
    expect(3 * 3600 < left < 5 * 3600, "it ends in %d s" % left)
    issued = s.events("CertificateIssued")
    expect(len(issued) == 5, "events: %s" % issued)
    nobody = os.path.join(s.folder, "nobody")
    os.mkdir(nobody)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=nobody", "-keyout",
                    nobody + "/tls.key", "-out", nobody + "/tls.crt"], check=True,
                   capture_output=True)
    shutil.copy(os.path.join(s.copy("demo-client-tls"), "ca.crt"), nobody)
    expect(s.put("demo", nobody) != "", "a stranger's certificate was accepted")
    s.clients("demo")


def certificates_are_renewed_by_annotation(s):
    before = {name: serial(s.secret(name)["tls.crt"])
              for name in ["demo-server-tls", "demo-peer-tls", "demo-client-tls"]}
    lives = s.lives("demo")
    s.kubectl("annotate", "etcd", "demo", "keelson.dev/rotate-certificates=one")
    for name, old in before.items():
        s.until("%s is another" % name, lambda: serial(s.secret(name)["tls.crt"]) != old)
    s.until("all members show the new one", lambda: s.all_serve("demo", "demo-server-tls"))
    s.until("to each other too", lambda: s.all_serve("demo", "demo-peer-tls", 2380))
    s.until("the wish is noted as fulfilled",
            lambda: s.get("etcd", "demo")["status"].get("handledAnnotations", {})
            .get("keelson.dev/rotate-certificates") == "one")
    expect(s.lives("demo") == lives, "a member was restarted")
    expect(len(s.trusted("demo-server-tls")) == 1, "another authority appeared")
    s.calm("demo")


def a_deleted_secret_comes_back(s):
    old = serial(s.secret("demo-server-tls")["tls.crt"])
    s.kubectl("delete", "secret", "demo-server-tls")
    s.until("it is there again", lambda: s.secret("demo-server-tls").get("tls.crt"))
    expect(serial(s.secret("demo-server-tls")["tls.crt"]) != old, "the same certificate")
    s.until("all members show the new one", lambda: s.all_serve("demo", "demo-server-tls"))
    s.calm("demo")


class Diary:
    """Every version of the Secrets of a cluster, from a watch: phases must not be missed."""

    def __init__(self, stage):
        fields = ["metadata.name", "data.ca\\.crt", "data.tls\\.crt", "data.tls\\.key",
                  "metadata.annotations.keelson\\.dev/signer"]
        self.versions = {}
        self.child = subprocess.Popen(
            ["kubectl", "get", "secrets", "--watch", "-o", "jsonpath=%s{\"\\n\"}" % "".join(
                "{.%s}|" % field for field in fields)],
            stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, KUBECONFIG=stage.kubeconfig, HOME=stage.folder))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stdout:
            name, authority, certificate, key, signer = line.strip().split("|")[:5]
            if certificate:
                version = {"ca.crt": authority, "tls.crt": certificate, "tls.key": key}
                version = {k: base64.b64decode(v).decode() for k, v in version.items()}
                self.versions.setdefault(name, []).append((time.monotonic(), signer, version))

    def phases(self, name):
        """(how many authorities are trusted, who signed, since when), without repetitions."""
        found = []
        for at, signer, version in self.versions.get(name, []):
            phase = (len(blocks(version["ca.crt"])), signer)
            if not found or found[-1][:2] != phase:
                found.append((*phase, at))
        return found

    def end(self):
        self.child.kill()
        self.child.wait()


def authorities_change(s, begin=None, families=("server", "peer")):
    """Old and new overlap; at the end the old one is worth nothing."""
    diary = Diary(s)
    try:
        s.until("the diary begins", lambda: len(diary.versions) >= 5)
        follow_change(s, diary, begin or (lambda: s.kubectl(
            "annotate", "etcd", "demo", "--overwrite", "keelson.dev/rotate-authorities=%d"
            % time.monotonic_ns())), families)
    finally:
        diary.end()


def follow_change(s, diary, begin, families):
    lives = s.lives("demo")
    begin()
    # Whoever copies the Secret now has both authorities, and a certificate by the old one.
    s.until("the client has both", lambda: len(diary.phases("demo-client-tls")) == 2, 60)
    copied = os.path.join(s.folder, "copied-%d" % time.monotonic_ns())
    os.mkdir(copied)
    for key, text in diary.versions["demo-client-tls"][-1][2].items():
        with open(os.path.join(copied, key), "w", encoding="utf-8") as file:
            file.write(text)
    s.until("it is said", lambda: s.condition("demo")["reason"] == "Rotating")
    s.until("the server's is by the new one", lambda: len(diary.phases("demo-server-tls")) == 3, 120)
    refusal = s.put("demo", copied)
    expect(refusal == "" or len(diary.phases("demo-server-tls")) > 3,
           "a copy of the files is refused too early: " + refusal)
    secrets = ["demo-%s-tls" % name for name in families]
    for name in secrets:
        s.until("%s: the old one is dropped" % name, lambda: len(diary.phases(name)) == 4, 120)
        phases = diary.phases(name)
        old, new = phases[0][1], phases[3][1]
        expect([phase[:2] for phase in phases] == [(1, old), (2, old), (2, new), (1, new)],
               "%s went through %s" % (name, phases))
        for before, after in [(1, 2), (2, 3)]:
            lasted = phases[after][2] - phases[before][2]
            expect(lasted > 22, "%s: phase %d lasted %.1f s" % (name, before, lasted))
        versions = diary.versions[name]
        kept = blocks(versions[-1][2]["ca.crt"])
        expect(kept != blocks(versions[0][2]["ca.crt"]), "%s: the new one was dropped" % name)
    s.until("a copy of the files is refused", lambda: s.put("demo", copied) != "", 30)
    s.until("the change is over", lambda: s.condition("demo")["reason"] == "Issued")
    s.until("all members show the new one", lambda: s.all_serve("demo", "demo-server-tls"))
    expect(s.lives("demo") == lives, "a member was restarted")
    s.calm("demo")


def an_authority_is_lost(s):
    authorities_change(s, lambda: s.kubectl("delete", "secret", "demo-ca"), ("server",))


def members_come_back_after_all_that(s):
    uid = s.pods("demo")["demo-1"]["metadata"]["uid"]
    s.kubectl("delete", "pod", "demo-1", limit=70)
    s.until("demo-1 is back", lambda: "demo-1" in s.pods("demo")
            and s.pods("demo")["demo-1"]["metadata"]["uid"] != uid, 60)
    s.available("demo")
    # The writer's endpoints were down in turn; from here on nothing is promised to it.
    s.kubectl("delete", "pod", "demo-writer", "demo-watcher")
    s.kubectl("delete", "etcd", "demo", "--timeout=60s", limit=70)


# ---- Mode CertManager

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: certificates.cert-manager.io}
spec:
  group: cert-manager.io
  scope: Namespaced
  names: {kind: Certificate, listKind: CertificateList, plural: certificates,
          singular: certificate}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""


def play_cert_manager(s, name, authority):
    """What cert-manager does with one Certificate: the Secret, and the condition Ready."""
    asked = s.get("certificates.cert-manager.io", name)["spec"]
    folder = os.path.join(s.folder, "play-" + name)
    os.makedirs(folder, exist_ok=True)
    names = ["DNS:" + n for n in asked.get("dnsNames", [])]
    names += ["IP:" + a for a in asked.get("ipAddresses", [])]
    with open(folder + "/ext", "w", encoding="utf-8") as file:
        file.write("keyUsage=critical,digitalSignature,keyEncipherment\n"
                   "extendedKeyUsage=serverAuth,clientAuth\n")
        if names:
            file.write("subjectAltName=%s\n" % ",".join(names))
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=" + asked["commonName"], "-keyout", folder + "/tls.key", "-out", folder + "/csr")
    run("x509", "-req", "-in", folder + "/csr", "-CA", authority + "/ca.crt", "-CAkey",
        authority + "/ca.key", "-CAcreateserial", "-days", "90", "-extfile", folder + "/ext",
        "-out", folder + "/tls.crt")
    shutil.copy(authority + "/ca.crt", folder)
    data = {}
    for key in ["tls.crt", "tls.key", "ca.crt"]:
        with open(os.path.join(folder, key), "rb") as file:
            data[key] = base64.b64encode(file.read()).decode()
    s.apply(json.dumps({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": asked["secretName"],
                     "labels": asked.get("secretTemplate", {}).get("labels", {})},
        "data": data}))
    s.kubectl("patch", "certificates.cert-manager.io", name, "--subresource=status",
              "--type=merge", "-p", json.dumps({"status": {"conditions": [
                  {"type": "Ready", "status": "True", "reason": "Ready", "message": "up to date"}]}}))


def authority_of_a_test(s, name):
    folder = os.path.join(s.folder, name)
    os.mkdir(folder)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout",
                    folder + "/ca.key", "-out", folder + "/ca.crt"], check=True,
                   capture_output=True)
    return folder


MANAGED = ["managed-server-tls", "managed-peer-tls", "managed-client-tls"]


def cert_manager_makes_certificates(s):
    s.cluster("managed", "mode: CertManager, certManager: {clientIssuerRef: {name: clients}, "
              "peerIssuerRef: {name: peers, kind: ClusterIssuer}}")
    s.until("the operator says what is missing",
            lambda: s.condition("managed")["reason"] == "CertManagerMissing")
    s.until("and in an event", lambda: s.events("CertManagerMissing"))
    expect(not s.pods("managed"), "there are pods that cannot start")
    s.apply(DEFINITION)
    kind = "certificates.cert-manager.io"
    s.until("the operator asks for certificates", lambda: sorted(
        c["metadata"]["name"] for c in s.get(kind)["items"]) == sorted(MANAGED), 90)
    s.until("it waits for them", lambda: s.condition("managed")["reason"] == "NotIssued")
    for name in MANAGED:
        asked = s.get(kind, name)["spec"]
        expect({"server auth", "client auth"} <= set(asked["usages"]), str(asked["usages"]))
        expect(asked["renewBefore"] == "720h0m0s" and asked["duration"] == "2160h0m0s", str(asked))
    expect(s.get(kind, "managed-peer-tls")["spec"]["issuerRef"] ==
           {"name": "peers", "kind": "ClusterIssuer", "group": "cert-manager.io"}, "peers' issuer")
    expect(not s.pods("managed"), "there are pods that cannot start")
    clients, peers = authority_of_a_test(s, "clients"), authority_of_a_test(s, "peers")
    for name in MANAGED:
        play_cert_manager(s, name, peers if "peer" in name else clients)
    s.available("managed")
    expect(s.condition("managed")["reason"] == "Issued", str(s.condition("managed")))
    expect(s.metric("keelson_certificate_expiry_timestamp_seconds"), "no metrics")
    s.clients("managed")
    lives = s.lives("managed")
    for name in MANAGED:
        play_cert_manager(s, name, peers if "peer" in name else clients)
    s.until("members show the new one", lambda: s.all_serve("managed", "managed-server-tls"))
    s.until("to each other too", lambda: s.all_serve("managed", "managed-peer-tls", 2380))
    expect(s.lives("managed") == lives, "a member was restarted")
    s.silent("managed")
    s.kubectl("delete", "etcd", "managed", "--timeout=60s", limit=70)
    s.until("the Certificates go with it", lambda: not s.get(kind)["items"])


# ---- Mode Secret


def secrets_of_somebody_else(s):
    """Made by the test as another tool would, without our labels."""
    names = ["*.given-peers.default.svc", "*.given-peers.default.svc.cluster.local",
             "given.default.svc", "localhost"]
    authority = authority_of_a_test(s, "somebody")
    for secret in ["given-client", "given-peer"]:
        folder = os.path.join(s.folder, secret)
        os.mkdir(folder)
        with open(folder + "/ext", "w", encoding="utf-8") as file:
            file.write("extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n"
                       % ",".join("DNS:" + n for n in names))
        run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=given", "-keyout", folder + "/tls.key", "-out", folder + "/csr")
        run("x509", "-req", "-in", folder + "/csr", "-CA", authority + "/ca.crt", "-CAkey",
            authority + "/ca.key", "-CAcreateserial", "-days", "90", "-extfile", folder + "/ext",
            "-out", folder + "/tls.crt")
        shutil.copy(authority + "/ca.crt", folder)
    s.cluster("given", "mode: Secret, client: {secretName: given-client}, "
              "peer: {secretName: given-peer}")
    s.until("the operator says what is missing",
            lambda: s.condition("given")["reason"] == "Missing")
    for secret in ["given-client", "given-peer"]:
        folder = os.path.join(s.folder, secret)
        s.kubectl("create", "secret", "generic", secret,
                  *["--from-file=%s/%s" % (folder, f) for f in ["tls.crt", "tls.key", "ca.crt"]])
    s.available("given")
    expect(s.condition("given")["reason"] == "Issued", str(s.condition("given")))
    s.kubectl("delete", "etcd", "given", "--timeout=60s", limit=70)
    expect(s.secret("given-client"), "somebody else's Secret was deleted")


CASES = [
    a_cluster_is_encrypted, certificates_are_renewed_by_annotation, a_deleted_secret_comes_back,
    authorities_change, an_authority_is_lost, members_come_back_after_all_that,
    cert_manager_makes_certificates, secrets_of_somebody_else,
]


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    for tool in ["kubectl", "openssl"]:
        if not shutil.which(tool):
            print("SKIPPED: %d cases, for there is no %s" % (len(CASES), tool))
            return 0
    # Cases of one cluster build on each other.
    failures = (Failure, LookupError, subprocess.SubprocessError, OSError)
    return play(CASES, sys.argv[2:], lambda: Play(os.path.abspath(sys.argv[1])), failures, tell)


def tell(stage):
    print(stage.call("get", "etcd", "-o", "jsonpath={.items[*].status.conditions}").stdout
          + "\n" + stage.operator_says(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
