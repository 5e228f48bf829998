// SPDX-License-Identifier: Apache-2.0
import Bytes
import Posix
import TestKit
import Testing

@testable import Net

/// Files that are no good, and files that change.
@Suite struct TLSFilesTests {
    private func failure(_ policy: TLSPolicy, _ role: TLSPolicy.Role = .server) -> String {
        do throws(NetError) {
            _ = try TLSContext(policy, role)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func `an error names the file and what is wrong with it`() throws {
        let papers = try TLSPapers()
        try papers.authority.issue("other", .init("other"))
        let folder = papers.folder
        try TestAuthority.write(folder["empty"], [])
        try TestAuthority.write(folder["words"], Array("no certificate\n".utf8))
        let good = try File(folder["server.crt"], .read).readAll()
        try TestAuthority.write(folder["half"], Array(good.prefix(good.count / 2)))
        let torn = String(decoding: good, as: UTF8.self).replacing("MII", with: "AII")
        try TestAuthority.write(folder["torn"], Array(torn.utf8))
        func with(_ change: (inout TLSPolicy) -> Void) -> String { failure(papers.server(change)) }
        #expect(
            with {
                $0.credentials = .init(
                    certificateFile: folder["none"], keyFile: folder["server.key"])
            }
                == "open \(folder["none"]): no such file or directory")
        #expect(
            with {
                $0.credentials = .init(
                    certificateFile: folder["server.crt"], keyFile: folder["none"])
            }
                == "open \(folder["none"]): no such file or directory")
        for name in ["empty", "words"] {
            #expect(
                with {
                    $0.credentials = .init(
                        certificateFile: folder[name], keyFile: folder["server.key"])
                }
                    == "\(folder[name]): it holds no certificate in PEM form")
            #expect(
                with {
                    $0.credentials = .init(
                        certificateFile: folder["server.crt"], keyFile: folder[name])
                }
                    == "\(folder[name]): it holds no private key in PEM form")
            #expect(
                with { $0.authorityFile = folder[name] }
                    == "\(folder[name]): it holds no certificate in PEM form")
            #expect(
                with { $0.revocationFile = folder[name] }
                    == "\(folder[name]): it holds no certificate revocation list")
        }
        for name in ["half", "torn"] {
            #expect(
                with {
                    $0.credentials = .init(
                        certificateFile: folder[name], keyFile: folder["server.key"])
                }
                .hasPrefix("\(folder[name]): a certificate in it cannot be read ("))
        }
        #expect(
            with {
                $0.credentials = .init(
                    certificateFile: folder["server.crt"], keyFile: folder["other.key"])
            }
            .hasPrefix(
                "\(folder["other.key"]): the key does not belong to the certificate "
                    + "\(folder["server.crt"]) ("))
        #expect(
            with {
                $0.credentials = .init(certificateFile: folder["server.crt"], keyFile: folder.path)
            }
                == "open \(folder.path): is a directory")
        #expect(
            with { $0.cipherSuites = ["TLS_NONE"] } == "unexpected TLS cipher suite \"TLS_NONE\"")
        #expect(with { $0.credentials = nil } == "tls: a server needs a certificate and a key")
        #expect(with { _ in } == "none")
        #expect(failure(TLSPolicy(), .client) == "none")
    }

    @Test func `changed files are taken, bad ones are not, and a second passes between looks`()
        throws
    {
        let papers = try TLSPapers()
        var told: [CertificateReload.Report] = []
        let reload = try CertificateReload(papers.strictServer(), .server) { told.append($0) }
        var now = Instant(nanoseconds: 0)
        func look() -> TLSContext {
            now = now + .seconds(1)
            return reload.context(now: now)
        }
        let first = look()
        #expect(look() === first)
        // A new certificate whose key has not come yet.
        let issued = try papers.authority.issue(
            "next", .init("next", ["IP:127.0.0.1", "DNS:one.example"]))
        try Directory.rename(issued.certificateFile, to: papers.folder["server.crt"])
        #expect(look() === first)
        #expect(told.count == 1)
        guard case .failed(let reason) = told.first else { throw TestFailure("no failure told") }
        #expect(reason.contains("does not belong"))
        #expect(look() === first)
        #expect(told.count == 1, "the same state is told once")
        try Directory.rename(issued.keyFile, to: papers.folder["server.key"])
        let early = reload.context(now: now + .milliseconds(999))
        #expect(early === first)
        let second = look()
        #expect(second !== first)
        #expect(told.last == .reloaded && told.count == 2)
        // Established sessions go on; a new authority counts from now on.
        let before = try TLSTwin(papers.client(), papers.server())
        #expect(before.works)
        try Directory.rename(papers.stranger.certificateFile, to: papers.authority.certificateFile)
        let third = look()
        #expect(third !== second)
        before.clientGot = []
        before.server.write([1])
        before.run()
        #expect(before.clientGot == [1])
    }

    @Test func `each of the four files is watched`() throws {
        let papers = try TLSPapers()
        try papers.authority.revoke([1], into: papers.folder["crl"])
        let policy = papers.strictServer { $0.revocationFile = papers.folder["crl"] }
        #expect(policy.files.count == 4)
        let reload = try CertificateReload(policy, .server) { _ in }
        var now = Instant(nanoseconds: 0)
        for file in policy.files {
            let old = reload.context(now: now)
            let bytes = try File(file, .read).readAll()
            try TestAuthority.write(file, bytes)
            now = now + .seconds(1)
            #expect(reload.context(now: now) !== old, "\(file)")
        }
    }

    @Test func `a pair that is renewed while it is read is read again`() throws {
        let mismatch = NetError.session("the key does not belong to the certificate")
        /// How often the files change, each time while they are read.
        func read(changes: Int) -> (state: Int?, reads: Int) {
            var (state, reads) = (0, 0)
            let found = try? CertificateReload.settled {
                state
            } read: { () throws(NetError) in
                reads += 1
                if reads > changes { return }
                state += 1
                throw mismatch
            }
            return (found?.0, reads)
        }
        #expect(read(changes: 0) == (0, 1))
        #expect(read(changes: 1) == (1, 2))
        #expect(read(changes: 2) == (2, 3))
        #expect(read(changes: 100) == (nil, 3), "not for ever")
        var reads = 0
        #expect(throws: mismatch) {
            try CertificateReload.settled {
                0
            } read: { () throws(NetError) in
                reads += 1
                throw mismatch
            }
        }
        #expect(reads == 1, "it is what it is")
    }

    @Test func `a certificate of one's own is made once and kept`() throws {
        let folder = try TemporaryFolder()
        let path = folder["fixtures/client"]
        let made = try SelfSignedCertificate.ensure(
            in: path, hosts: ["127.0.0.1", "localhost", "::1", "bad,name"], years: 1)
        let bytes = try File(made.certificateFile, .read).readAll()
        #expect(try Directory.permissions(of: made.keyFile) == 0o600)
        _ = try SelfSignedCertificate.ensure(in: path, hosts: ["other"], years: 1)
        #expect(try File(made.certificateFile, .read).readAll() == bytes)
        var server = TLSPolicy()
        server.credentials = made
        var client = TLSPolicy()
        client.authorityFile = made.certificateFile
        for host in ["127.0.0.1", "localhost", "::1"] {
            #expect(try TLSTwin(client, server, host: host).works)
        }
        let other = try TLSTwin(client, server, host: "other")
        #expect(!other.works)
    }
}
