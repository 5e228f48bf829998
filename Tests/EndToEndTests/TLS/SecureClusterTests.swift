// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import EtcdClient
import Posix
import TestKit
import Testing

/// Clusters whose members and clients show certificates.
@Suite(.serialized, .enabled(if: Tools.product("keelson-node") != nil)) struct SecureClusterTests {
    @Test func `three members with peer certificates survive the end of their leader`() throws {
        let cluster = try SecureCluster(3)
        try cluster.startAll()
        try cluster.showingOutput {
            let client = try cluster.client()
            for number in 0..<50 { try cluster.put(client, "k\(number)", "before") }
            let leader = try cluster.leader()
            try leader.process?.kill()
            try eventually("a write after the leader's end") {
                (try? cluster.put(try cluster.client(timeout: .seconds(1)), "after", "x")) != nil
            }
            try cluster.start(leader)
            try cluster.waitUntilServing()
            let again = try cluster.client(of: [leader])
            #expect(try cluster.get(again, "k49") == "before")
            #expect(try cluster.get(again, "after") == "x")
        }
    }

    @Test func `a client that is refused is told why, with the endpoint`() throws {
        let cluster = try SecureCluster(1)
        try cluster.startAll()
        let stranger = try TestAuthority("stranger", in: cluster.folder["pki"])
        try cluster.issue("foreign", by: stranger)
        var late = TestAuthority.Wish("late", SecureCluster.names)
        (late.begins, late.ends) = (-7200, -3600)
        try cluster.authority.issue(cluster.file("late"), late)
        func failure(_ name: String?, _ authority: String = "ca.crt") -> String {
            do {
                _ = try cluster.get(try cluster.client(name, authority: authority), "a")
                return "none"
            } catch {
                return "\(error)"
            }
        }
        let endpoint = cluster.members[0].clientURL
        #expect(failure("client") == "none")
        for (name, authority, reason) in [
            (nil, "ca.crt", "remote error: tls: certificate required"),
            ("foreign", "ca.crt", "remote error: tls: unknown certificate authority"),
            ("late", "ca.crt", "remote error: tls: expired certificate"),
            ("client", "stranger.crt", "x509: certificate signed by unknown authority"),
        ] {
            let said = failure(name, authority)
            #expect(said.contains(reason) && said.contains(endpoint), "\(said)")
        }
        var settings = ClientSettings(endpoints: ["localhost.:\(cluster.members[0].clientPort)"])
        settings.lookup.hosts = ["localhost.": ["127.0.0.1"]]
        var tls = ClientTLS()
        tls.authorityFile = cluster.file("ca.crt")
        tls.serverName = "two.example"
        settings.tls = tls
        #expect {
            _ = try Client(settings).status()
        } throws: {
            "\($0)".contains("it is good for localhost, 127.0.0.1, not for two.example")
        }
    }

    @Test func `keelsonctl takes etcdctl's flags for TLS`() throws {
        guard let program = Tools.product("keelsonctl") else { return skip("no keelsonctl") }
        let cluster = try SecureCluster(1)
        try cluster.startAll()
        let member = cluster.members[0]
        var runs = 0
        func said(_ arguments: String...) throws -> String {
            runs += 1
            let process = try ServerProcess(
                program, arguments, output: cluster.folder["ctl.\(runs)"])
            _ = try process.waitForEnd()
            return process.output
        }
        let endpoint = "--endpoints=\(member.clientURL)"
        let (cacert, cert, key) = (
            "--cacert=\(cluster.file("ca.crt"))", "--cert=\(cluster.file("client.crt"))",
            "--key=\(cluster.file("client.key"))"
        )
        #expect(try said(endpoint, cacert, cert, key, "put", "a", "b") == "OK\n")
        // Without a scheme the files alone ask for TLS.
        let bare = "--endpoints=127.0.0.1:\(member.clientPort)"
        #expect(try said(bare, cacert, cert, key, "get", "a") == "a\nb\n")
        #expect(
            try said(bare, cert, key, "--insecure-transport=false", "get", "a")
                .contains("certificate signed by unknown authority"))
        #expect(
            try said(
                bare, cert, key, "--insecure-transport=false", "--insecure-skip-tls-verify",
                "get", "a") == "a\nb\n")
        #expect(
            try said(endpoint, cert, key, "--insecure-skip-tls-verify", "get", "a") == "a\nb\n")
        #expect(try said(endpoint, cacert, "get", "a").contains("certificate required"))
        #expect(
            try said(endpoint, cacert, cert, "get", "a").hasPrefix(
                "Error: KeyFile and CertFile must both be present[key: , cert: "))
        let missing = "--cacert=\(cluster.folder["none"])"
        #expect(
            try said(endpoint, missing, "get", "a").hasPrefix(
                "Error: open \(cluster.folder["none"]): no such file or directory"))
        #expect(try said(bare, "get", "a").contains("TLS"))
    }

    @Test func `certificates, keys, authorities and revocations change under load`() throws {
        let cluster = try SecureCluster(3)
        try cluster.startAll()
        let load = SecureLoad(cluster)
        try load.start(threads: 4)
        var failed = false
        do {
            try rotate(cluster, load)
        } catch {
            failed = true
            Issue.record(error)
        }
        let (done, failures) = load.stop()
        #expect(failures.isEmpty, "\(failures.count) of \(done): \(failures.prefix(3))")
        #expect(failed || done > 200)
    }

    private func rotate(_ cluster: SecureCluster, _ load: SecureLoad) throws {
        try load.wait(forMore: 50)
        let revoked = try cluster.issue("revoked")
        let probe = try cluster.client("revoked")
        try cluster.put(probe, "probe", "1")
        // The new authority is trusted beside the old one before anybody shows its certificates.
        let next = try TestAuthority("next", in: cluster.folder["pki"])
        let both =
            try File(cluster.file("ca.crt"), .read).readAll()
            + File(next.certificateFile, .read).readAll()
        try TestAuthority.write(cluster.file("ca.crt"), both)
        try cluster.authority.revoke([revoked.serial], into: cluster.file("crl"))
        try eventually("the revoked one is refused") {
            (try? cluster.put(try cluster.client("revoked", timeout: .seconds(1)), "no", "")) == nil
        }
        // One that stands goes on.
        try cluster.put(probe, "probe", "2")
        try load.wait(forMore: 50)
        for member in cluster.members { try cluster.issue(member.name, by: next) }
        try cluster.renewClient(by: next)
        try load.wait(forMore: 50)
        try eventually("every member shows its new certificate") {
            cluster.members.allSatisfy { member in
                (try? cluster.get(
                    try cluster.client(
                        authority: "next.crt", timeout: .seconds(1), of: [member]), "probe"))
                    != nil
            }
        }
        // Now the old authority can go.
        try TestAuthority.write(
            cluster.file("ca.crt"), try File(next.certificateFile, .read).readAll())
        try eventually("what the old authority signed is refused") {
            (try? cluster.put(try cluster.client("revoked", timeout: .seconds(1)), "no", "")) == nil
        }
        try load.wait(forMore: 50)
        // Peers find each other with the new ones, too.
        let leader = try cluster.leader()
        try load.forgiving {
            try leader.process?.kill()
            try cluster.start(leader)
            try cluster.waitUntilServing()
        }
        try load.wait(forMore: 50)
    }

    /// Known bug: GHSA-6vch-q96h-7gc3.
    @Test func `a thousand handshakes that never end leave honest clients served`() throws {
        let cluster = try SecureCluster(1)
        try cluster.startAll()
        let member = cluster.members[0]
        var silent: [Socket] = []
        for _ in 0..<1000 {
            silent.append(try Socket.connect(to: .loopback(port: member.clientPort)).socket)
        }
        let started = MonotonicClock.now
        for round in 0..<20 {
            let client = try cluster.client()
            try cluster.put(client, "flood", "\(round)")
            #expect(try cluster.get(client, "flood") == "\(round)")
        }
        #expect(MonotonicClock.now - started < .seconds(10))
        // Those beyond the bound were dropped at once, the others after ten seconds.
        try eventually("all of them are gone", within: .seconds(25)) {
            silent.removeAll { socket in
                var room = [UInt8](repeating: 0, count: 16)
                do {
                    let count = try unsafe room.withUnsafeMutableBytes {
                        try unsafe socket.read(into: $0)
                    }
                    return count == 0
                } catch {
                    return true
                }
            }
            return silent.isEmpty
        }
    }

    @Test func `a member of etcd joins over peer TLS`() throws {
        guard let etcd = Tools.etcd() else { return skip("no etcd") }
        let cluster = try SecureCluster(3)
        cluster.members[2].program = etcd
        try cluster.startAll()
        try cluster.showingOutput {
            let client = try cluster.client(of: [cluster.members[0]])
            try cluster.put(client, "ours", "1")
            let theirs = try cluster.client(of: [cluster.members[2]])
            try cluster.put(theirs, "theirs", "2")
            for member in cluster.members {
                let client = try cluster.client(of: [member])
                #expect(try cluster.get(client, "ours") == "1")
                #expect(try cluster.get(client, "theirs") == "2")
            }
        }
    }
}
