// SPDX-License-Identifier: Apache-2.0
import Net
import Posix
import TestKit
import Testing

/// Who is let in, and why not.
@Suite struct TLSAdmissionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var story: String
        var client = TLSAdmissionTests.papers.client()
        var server = TLSAdmissionTests.papers.server()
        var host = "127.0.0.1"
        /// Part of what one of the two says; nil: both are content.
        var refusal: String?

        var testDescription: String { story }
    }

    /// Made once for all cases; what cannot be made fails each of them.
    static let papers: PapersBox = PapersBox()

    struct PapersBox: Sendable {
        let folder: String

        init() {
            folder = (try? TLSAdmissionTests.makeFolder()) ?? "/nonexistent"
        }

        func credentials(_ name: String) -> TLSPolicy.Credentials {
            .init(certificateFile: "\(folder)/\(name).crt", keyFile: "\(folder)/\(name).key")
        }

        func client(_ name: String? = nil, authority: String = "ca") -> TLSPolicy {
            var policy = TLSPolicy()
            policy.authorityFile = "\(folder)/\(authority).crt"
            policy.credentials = name.map(credentials)
            return policy
        }

        func server(_ name: String = "server") -> TLSPolicy {
            var policy = TLSPolicy()
            policy.credentials = credentials(name)
            return policy
        }

        func strict(
            _ admission: TLSPolicy.Admission = .anyone, crl: String? = nil
        ) -> TLSPolicy {
            var policy = server()
            policy.requiresClientCertificate = true
            policy.authorityFile = "\(folder)/ca.crt"
            policy.revocationFile = crl.map { "\(folder)/\($0)" }
            policy.admission = admission
            return policy
        }
    }

    /// Stays until the process ends: a parameterised test has no owner for it.
    static func makeFolder() throws -> String {
        let root = try TemporaryFolder()
        let path = "\(root.path)-cases"
        try Directory.make(path)
        let authority = try TestAuthority("ca", in: path)
        let stranger = try TestAuthority("stranger", in: path)
        let middle = try TestAuthority("middle", in: path, signedBy: authority)
        try authority.issue("server", .init("server", ["IP:127.0.0.1", "DNS:one.example"]))
        try authority.issue("wild", .init("wild", ["DNS:*.wild.example"]))
        try authority.issue("only-name", .init("127.0.0.1"))
        try authority.issue("alice", .init("alice", ["DNS:alice.example", "IP:10.0.0.1"]))
        let mallory = try authority.issue("mallory", .init("mallory"))
        try authority.issue("nameless", .init(""))
        try authority.issue("only-server", .init("bob", usages: "serverAuth"))
        try authority.issue(
            "only-client", .init("bob", ["IP:127.0.0.1"], usages: "clientAuth"))
        try authority.issue("any-usage", .init("bob", ["IP:127.0.0.1"], usages: ""))
        try stranger.issue("foreign", .init("alice", ["IP:127.0.0.1"]))
        var late = TestAuthority.Wish("late", ["IP:127.0.0.1"])
        (late.begins, late.ends) = (-7200, -3600)
        try authority.issue("late", late)
        var early = TestAuthority.Wish("early", ["IP:127.0.0.1"])
        (early.begins, early.ends) = (3600, 7200)
        try authority.issue("early", early)
        // Signed by an authority in between, which comes along in the same file.
        let deep = try middle.issue("deep", .init("deep", ["IP:127.0.0.1"]))
        try middle.issue("deep-alone", .init("deep", ["IP:127.0.0.1"]))
        let chain =
            try File(deep.certificateFile, .read).readAll()
            + File(middle.certificateFile, .read).readAll()
        try TestAuthority.write(deep.certificateFile, chain)
        try authority.revoke([mallory.serial], into: "\(path)/revoked.pem")
        try authority.revoke([], into: "\(path)/still-revoked.pem")
        try stranger.revoke([12345], into: "\(path)/nobody.pem")
        return path
    }

    static let cases: [Case] = {
        let p = papers
        var skipping = p.client()
        skipping.verifiesServer = false
        let unknown = "unknown authority"
        let purpose = "incompatible key usage"
        return [
            // Servers, as clients see them.
            Case(story: "an address among the names"),
            Case(story: "a name among the names", host: "one.example"),
            Case(story: "another name", host: "two.example", refusal: "one.example, 127.0.0.1"),
            Case(story: "another address", host: "127.0.0.2", refusal: "not for 127.0.0.2"),
            Case(story: "a star for a label", server: p.server("wild"), host: "a.wild.example"),
            Case(
                story: "a star for two labels", server: p.server("wild"),
                host: "a.b.wild.example", refusal: "not for a.b.wild.example"),
            Case(
                story: "a star for no label", server: p.server("wild"), host: "wild.example",
                refusal: "not for"),
            Case(
                story: "a common name is no host name", server: p.server("only-name"),
                refusal: "good for no host"),
            Case(
                story: "a server of strangers", server: p.server("foreign"), refusal: unknown),
            Case(
                story: "the authority of strangers", client: p.client(authority: "stranger"),
                refusal: unknown),
            Case(story: "an expired server", server: p.server("late"), refusal: "expired"),
            Case(
                story: "a server before its time", server: p.server("early"),
                refusal: "not yet valid"),
            Case(
                story: "a client's certificate on a server", server: p.server("only-client"),
                refusal: purpose),
            Case(story: "no usage named", server: p.server("any-usage")),
            Case(story: "a chain", server: p.server("deep")),
            Case(
                story: "a chain without its middle", server: p.server("deep-alone"),
                refusal: unknown),
            Case(
                story: "the middle trusted itself", client: p.client(authority: "middle"),
                server: p.server("deep-alone")),
            Case(
                story: "nobody looks", client: skipping, server: p.server("late"),
                host: "two.example"),
            // Clients, as servers see them.
            Case(story: "a client", client: p.client("alice"), server: p.strict()),
            Case(
                story: "a client without a certificate", server: p.strict(),
                refusal: "didn't provide a certificate"),
            Case(
                story: "a client of strangers", client: p.client("foreign"), server: p.strict(),
                refusal: unknown),
            Case(
                story: "an expired client", client: p.client("late"), server: p.strict(),
                refusal: "expired"),
            Case(
                story: "a server's certificate on a client", client: p.client("only-server"),
                server: p.strict(), refusal: purpose),
            Case(
                story: "a client's certificate on a client", client: p.client("only-client"),
                server: p.strict()),
            Case(
                story: "a client's chain", client: p.client("deep"), server: p.strict()),
            Case(
                story: "a certificate that nobody asked for", client: p.client("foreign"),
                server: p.server()),
            // Revocation.
            Case(
                story: "a revoked client", client: p.client("mallory"),
                server: p.strict(crl: "revoked.pem"), refusal: "revoked"),
            Case(
                story: "the list grows", client: p.client("mallory"),
                server: p.strict(crl: "still-revoked.pem"), refusal: "revoked"),
            Case(
                story: "a client beside the revoked one", client: p.client("alice"),
                server: p.strict(crl: "revoked.pem")),
            Case(
                story: "nobody revoked", client: p.client("mallory"),
                server: p.strict(crl: "nobody.pem")),
            // Lists of names.
            Case(
                story: "a common name on the list", client: p.client("alice"),
                server: p.strict(.commonNames(["bob", "alice"]))),
            Case(
                story: "a common name not on the list", client: p.client("mallory"),
                server: p.strict(.commonNames(["alice"])), refusal: "none of alice"),
            Case(
                story: "no common name", client: p.client("nameless"),
                server: p.strict(.commonNames(["alice"])), refusal: "none of alice"),
            Case(
                story: "a host on the list", client: p.client("alice"),
                server: p.strict(.hostNames(["x.example", "alice.example"]))),
            Case(
                story: "an address on the list", client: p.client("alice"),
                server: p.strict(.hostNames(["10.0.0.1"]))),
            Case(
                story: "a host not on the list", client: p.client("alice"),
                server: p.strict(.hostNames(["bob.example"])), refusal: "none of the hosts"),
            Case(
                story: "no hosts at all", client: p.client("mallory"),
                server: p.strict(.hostNames(["mallory"])), refusal: "none of the hosts"),
        ]
    }()

    /// Known bug: TOB-2020-17.
    @Test(arguments: cases)
    func `who is let in`(_ row: Case) throws {
        for newest in [TLSPolicy.Version.tls12, .tls13] {
            var server = row.server
            server.newestVersion = newest
            let twin = try TLSTwin(row.client, server, host: row.host)
            let works = twin.works
            let said = "\(twin.clientFailure ?? "") | \(twin.serverFailure ?? "")"
            guard let refusal = row.refusal else {
                #expect(works, "\(newest): \(said)")
                continue
            }
            #expect(said.contains(refusal), "\(newest): \(said)")
            #expect(!twin.serverGot.starts(with: Array("ping".utf8)), "\(newest)")
            #expect(twin.server.peerCertificate == nil, "\(newest)")
            // Whoever is refused hears so.
            #expect(said.contains("remote error: tls: "), "\(newest): \(said)")
        }
    }

    @Test func `there are many cases`() {
        #expect(Self.cases.count >= 25)
    }
}
