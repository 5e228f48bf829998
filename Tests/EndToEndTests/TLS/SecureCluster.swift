// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit

/// Members that show each other, and their clients, certificates of one authority.
final class SecureCluster {
    final class Member {
        let name: String
        let clientPort: UInt16
        let peerPort: UInt16
        var life = 0
        var process: ServerProcess?
        /// A program other than ours.
        var program: String?

        init(_ name: String) throws {
            self.name = name
            (clientPort, peerPort) = (try Ports.free(), try Ports.free())
        }

        var clientURL: String { "https://127.0.0.1:\(clientPort)" }
        var peerURL: String { "https://127.0.0.1:\(peerPort)" }
    }

    let folder: TemporaryFolder
    private(set) var authority: TestAuthority
    let members: [Member]
    var extra: [String] = []
    private var clientLife = 0

    static let names = ["DNS:localhost", "IP:127.0.0.1"]

    init(_ count: Int) throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority("ca", in: folder["pki"])
        members = try (1...count).map { try Member("m\($0)") }
        for member in members { try issue(member.name) }
        try renewClient(by: authority)
        try authority.revoke([], into: file("crl"))
    }

    func file(_ name: String) -> String { folder["pki/\(name)"] }

    @discardableResult
    func issue(_ name: String, by other: TestAuthority? = nil) throws -> TestAuthority.Issued {
        try (other ?? authority).issue(file(name), .init(name, Self.names))
    }

    /// As Kubernetes renews what a pod has mounted: key and certificate change in one step, for a
    /// link names another folder then. A client that starts in between has nothing older to keep to.
    func renewClient(by signer: TestAuthority) throws {
        clientLife += 1
        try signer.issue(file("client.\(clientLife)/client"), .init("client", Self.names))
        for kind in ["crt", "key"] where clientLife == 1 {
            try Directory.link("client/client.\(kind)", at: file("client.\(kind)"))
        }
        try Directory.link("client.\(clientLife)", at: file("client.new"))
        try Directory.rename(file("client.new"), to: file("client"))
    }

    func start(_ member: Member, state: String = "new", others: [Member]? = nil) throws {
        guard let program = member.program ?? Tools.product("keelson-node") else {
            throw TestFailure("keelson-node is not built; build it or set KEELSON_PRODUCTS")
        }
        let own = file(member.name)
        let cluster = (others ?? members).map { "\($0.name)=\($0.peerURL)" }
        member.life += 1
        member.process = try ServerProcess(
            program,
            [
                "--name=\(member.name)", "--data-dir=\(folder[member.name])",
                "--listen-client-urls=\(member.clientURL)",
                "--advertise-client-urls=\(member.clientURL)",
                "--listen-peer-urls=\(member.peerURL)",
                "--initial-advertise-peer-urls=\(member.peerURL)",
                "--initial-cluster=\(cluster.joined(separator: ","))",
                "--initial-cluster-state=\(state)", "--cert-file=\(own).crt",
                "--key-file=\(own).key", "--client-cert-auth",
                "--trusted-ca-file=\(file("ca.crt"))", "--client-crl-file=\(file("crl"))",
                "--peer-cert-file=\(own).crt", "--peer-key-file=\(own).key",
                "--peer-client-cert-auth", "--peer-trusted-ca-file=\(file("ca.crt"))",
                "--peer-crl-file=\(file("crl"))",
            ] + extra, output: folder["\(member.name).\(member.life).log"])
    }

    func startAll() throws {
        for member in members { try start(member) }
        try waitUntilServing()
    }

    func client(
        _ name: String? = "client", authority: String = "ca.crt", timeout: Duration = .seconds(5),
        of chosen: [Member]? = nil
    ) throws -> Client {
        var settings = ClientSettings(endpoints: (chosen ?? members).map(\.clientURL))
        var tls = ClientTLS()
        tls.authorityFile = file(authority)
        if let name {
            (tls.certificateFile, tls.keyFile) = (file("\(name).crt"), file("\(name).key"))
        }
        settings.tls = tls
        settings.callTimeout = timeout
        settings.dialTimeout = .seconds(2)
        return try Client(settings)
    }

    func put(_ client: Client, _ key: String, _ value: String) throws {
        _ = try client.put(PutRequest(key: bytes(key), value: bytes(value)))
    }

    func get(_ client: Client, _ key: String) throws -> String? {
        try client.range(RangeRequest(key: bytes(key))).kvs.first.map { text($0.value) }
    }

    func waitUntilServing(within limit: Duration = .seconds(40)) throws {
        try showingOutput {
            try eventually("every member takes a write", within: limit) {
                for member in members where member.process?.isRunning == true {
                    let client = try client(timeout: .seconds(1), of: [member])
                    guard (try? put(client, "ready", member.name)) != nil else { return false }
                }
                return true
            }
        }
    }

    /// By its own status.
    func leader() throws -> Member {
        var found: Member?
        try eventually("a leader") {
            found = members.first { member in
                guard member.process?.isRunning == true,
                    let status = try? client(timeout: .seconds(1), of: [member]).status()
                else { return false }
                return status.leader != 0 && status.leader == status.header?.memberID
            }
            return found != nil
        }
        guard let found else { throw TestFailure("no leader") }
        return found
    }

    func showingOutput<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            let tails = members.map { "--- \($0.name)\n\($0.process?.tail(lines: 15) ?? "")" }
            throw TestFailure("\(error)\n\(tails.joined(separator: "\n"))")
        }
    }
}
