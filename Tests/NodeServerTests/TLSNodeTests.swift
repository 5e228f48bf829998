// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP
import Posix
import TestKit
import Testing

/// Members with certificates, and the tools that people use with them.
@Suite(.enabled(if: TestNode.program != nil)) struct TLSNodeTests {
    /// The folder and the command line that kubeadm makes for a control plane of one node.
    final class Kubeadm {
        let folder: TemporaryFolder
        let clientPort: UInt16
        let peerPort: UInt16
        let metricsPort: UInt16
        let authority: TestAuthority
        let process: ServerProcess

        /// `hosts` is a table like /etc/hosts that the member asks first.
        init(_ more: [String] = [], hosts: String = "") throws {
            folder = try TemporaryFolder()
            let pki = folder["pki/etcd"]
            try Directory.make(pki)
            authority = try TestAuthority("ca", in: pki)
            let names = ["DNS:localhost", "DNS:node1", "IP:127.0.0.1", "IP:::1"]
            try authority.issue("server", .init("node1", names))
            try authority.issue("peer", .init("node1", names))
            var health = TestAuthority.Wish(
                "kube-etcd-healthcheck-client", usages: "clientAuth")
            health.organization = "system:masters"
            try authority.issue("healthcheck-client", health)
            let ports = try Ports.free(3)
            (clientPort, peerPort, metricsPort) = (ports[0], ports[1], ports[2])
            try TestAuthority.write(folder["hosts"], Array(hosts.utf8))
            let (client, peer) = ("https://127.0.0.1:\(ports[0])", "https://127.0.0.1:\(ports[1])")
            process = try TestNode.launch(
                [
                    "--advertise-client-urls=\(client)", "--cert-file=\(pki)/server.crt",
                    "--client-cert-auth=true", "--data-dir=\(folder["data"])",
                    "--experimental-watch-progress-notify-interval=5s",
                    "--initial-advertise-peer-urls=\(peer)", "--initial-cluster=node1=\(peer)",
                    "--key-file=\(pki)/server.key", "--listen-client-urls=\(client)",
                    "--listen-metrics-urls=http://127.0.0.1:\(ports[2])",
                    "--listen-peer-urls=\(peer)", "--name=node1",
                    "--peer-cert-file=\(pki)/peer.crt", "--peer-client-cert-auth=true",
                    "--peer-key-file=\(pki)/peer.key", "--peer-trusted-ca-file=\(pki)/ca.crt",
                    "--snapshot-count=10000", "--trusted-ca-file=\(pki)/ca.crt",
                ] + more, environment: ["KEELSON_HOSTS": folder["hosts"]], output: folder["log"])
            try process.waitForOutput(containing: "ready to serve client requests")
        }

        func pki(_ name: String) -> String { folder["pki/etcd/\(name)"] }

        /// Runs a tool to its end; nil if the machine does not have it.
        func run(_ tool: String?, _ arguments: [String], input: String? = nil) throws -> String? {
            guard let tool else { return nil }
            let output = folder["tool.\(try SecureRandom.number())"]
            let process = try ServerProcess(
                tool, arguments, environment: ["ETCDCTL_API": "3"], output: output)
            _ = try process.waitForEnd()
            return process.output
        }
    }

    static let etcdctls: [String?] = [Tools.etcd("etcdctl"), Tools.onPath("etcdctl")]

    @Test func `kubeadm's layout and command line work with etcd's own tools`() throws {
        let node = try Kubeadm()
        var tried = 0
        for etcdctl in Self.etcdctls {
            let all = [
                "--endpoints=https://127.0.0.1:\(node.clientPort)",
                "--cacert=\(node.pki("ca.crt"))", "--cert=\(node.pki("healthcheck-client.crt"))",
                "--key=\(node.pki("healthcheck-client.key"))",
            ]
            guard let put = try node.run(etcdctl, all + ["put", "a", "b"]) else {
                skip("no etcdctl")
                continue
            }
            tried += 1
            #expect(put == "OK\n")
            #expect(try node.run(etcdctl, all + ["get", "a"]) == "a\nb\n")
            let health = try node.run(etcdctl, all + ["endpoint", "health"]) ?? ""
            #expect(health.contains("is healthy"))
            let bare =
                try node.run(
                    etcdctl, Array(all[..<2]) + ["--command-timeout=1s", "get", "a"]) ?? ""
            #expect(!bare.contains("a\nb\n"))
        }
        if tried == 0 { skip("0 of \(Self.etcdctls.count) etcdctl") }
        #expect(try http(node.metricsPort, "/health").status == 200)
    }

    @Test func `curl and openssl see a server as it should be`() throws {
        let node = try Kubeadm()
        let health = "https://127.0.0.1:\(node.clientPort)/health"
        let curl = Tools.onPath("curl")
        let own = [
            "-sS", "--cacert", node.pki("ca.crt"), "--cert", node.pki("healthcheck-client.crt"),
            "--key", node.pki("healthcheck-client.key"),
        ]
        if let answer = try node.run(curl, own + [health]) {
            #expect(answer == "{\"health\":\"true\",\"reason\":\"\"}")
            #expect(try node.run(curl, ["-sS", "-k", health])?.contains("curl: (56)") == true)
            let plain = "http://127.0.0.1:\(node.clientPort)/health"
            #expect(
                try node.run(curl, ["-sS", plain])
                    == "Client sent an HTTP request to an HTTPS server.\n")
            #expect(try node.run(curl, own + ["--tls-max", "1.1", health])?.contains("35") == true)
        } else {
            skip("no curl")
        }
        let openssl = Tools.onPath("openssl")
        func client(_ more: [String]) throws -> String? {
            try node.run(
                openssl,
                [
                    "s_client", "-connect", "127.0.0.1:\(node.clientPort)", "-CAfile",
                    node.pki("ca.crt"), "-cert", node.pki("healthcheck-client.crt"), "-key",
                    node.pki("healthcheck-client.key"), "-verify_return_error",
                ] + more)
        }
        if let said = try client(["-alpn", "h2"]) {
            #expect(said.contains("Verify return code: 0 (ok)"))
            #expect(said.contains("ALPN protocol: h2") && said.contains("TLSv1.3"))
            #expect(said.contains("Compression: NONE"))
            #expect(try client(["-tls1_2"])?.contains("Verify return code: 0 (ok)") == true)
            #expect(
                try client(["-tls1_2", "-cipher", "AES128-SHA"])?.contains("handshake failure")
                    == true)
        } else {
            skip("no openssl")
        }
    }

    /// Known bug: TOB-2020-17.
    @Test func `a peer must come from where its certificate says`() throws {
        let hosts = "127.0.0.1 here.example\n10.0.0.1 there.example\n"
        for skips in [false, true] {
            let node = try Kubeadm(
                skips ? ["--experimental-peer-skip-client-san-verification"] : [], hosts: hosts)
            for (name, hosts, isLetIn) in [
                ("nowhere", [], true), ("here", ["IP:127.0.0.1"], true),
                ("elsewhere", ["IP:10.0.0.1"], false),
                ("named", ["DNS:here.example"], true),
                ("misnamed", ["DNS:there.example"], false),
                ("star", ["DNS:*.example"], true), ("far-star", ["DNS:*.invalid"], false),
                ("either", ["IP:10.0.0.1", "DNS:here.example"], true),
                ("unknown", ["DNS:nowhere.invalid"], false),
            ] as [(String, [String], Bool)] {
                try node.authority.issue(name, .init(name, hosts))
                let said = try node.run(
                    Tools.onPath("curl"),
                    [
                        "-sS", "--cacert", node.pki("ca.crt"), "--cert",
                        node.pki("\(name).crt"), "--key", node.pki("\(name).key"),
                        "https://127.0.0.1:\(node.peerPort)/members",
                    ])
                guard let said else { return skip("no curl") }
                #expect(said.contains("node1") == (isLetIn || skips), "\(name): \(said)")
            }
        }
    }

    @Test func `TLS on a plain port is told so in HTTP, and the log once`() throws {
        let node = try TestNode()
        for _ in 0..<5 {
            let wire = try Wire(port: node.clientPort)
            wire.send([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3])
            let answer = String(decoding: wire.receive(within: .seconds(5)), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.hasSuffix("speaks plain HTTP here.\n"))
            #expect(wire.waitForEnd())
        }
        let lines = node.process.output.split(separator: "\n")
            .filter { $0.contains("rejected connection on client endpoint") }
        #expect(lines.count == 1)
    }

    @Test func `certificates of one's own are made where etcd makes them`() throws {
        let folder = try TemporaryFolder()
        let ports = try Ports.free(2)
        let (client, peer) = ("https://127.0.0.1:\(ports[0])", "https://127.0.0.1:\(ports[1])")
        let arguments = [
            "--data-dir=\(folder["data"])", "--auto-tls", "--peer-auto-tls",
            "--listen-client-urls=\(client)", "--advertise-client-urls=\(client)",
            "--listen-peer-urls=\(peer)", "--initial-advertise-peer-urls=\(peer)",
            "--initial-cluster=default=\(peer)",
        ]
        var made: [[UInt8]] = []
        for life in 0..<2 {
            let process = try TestNode.launch(arguments, output: folder["log.\(life)"])
            try process.waitForOutput(containing: "ready to serve client requests")
            for kind in ["client", "peer"] {
                for name in ["cert.pem", "key.pem"] {
                    made.append(
                        try File(folder["data/fixtures/\(kind)/\(name)"], .read).readAll())
                }
            }
            try process.terminate()
        }
        #expect(Array(made[..<4]) == Array(made[4...]), "kept for the next life")
    }

    @Test func `a bad file ends the start with its name`() throws {
        let folder = try TemporaryFolder()
        let authority = try TestAuthority("ca", in: folder.path)
        let one = try authority.issue("one", .init("one"))
        let two = try authority.issue("two", .init("two"))
        let port = try Ports.free()
        func said(_ certificate: String, _ key: String, _ more: [String] = []) throws -> String {
            let url = "https://127.0.0.1:\(port)"
            let (ending, output) = try run(
                [
                    "--data-dir=\(folder["data"])", "--listen-client-urls=\(url)",
                    "--advertise-client-urls=\(url)", "--cert-file=\(certificate)",
                    "--key-file=\(key)",
                ] + more)
            #expect(ending == .exited(code: 1))
            return output
        }
        #expect(
            try said(folder["none"], one.keyFile)
                .contains("keelson-node: open \(folder["none"]): no such file or directory"))
        #expect(
            try said(one.certificateFile, two.keyFile)
                .contains("\(two.keyFile): the key does not belong to the certificate"))
        #expect(
            try said(
                one.certificateFile, one.keyFile, ["--client-crl-file=\(one.keyFile)"]
            ).contains("\(one.keyFile): it holds no certificate revocation list"))
    }
}
