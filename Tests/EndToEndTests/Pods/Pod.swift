// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Posix
internal import TestKit
internal import Testing

/// keelson-node as it runs in a pod: with a name, a UID for each life of the pod, a volume, and
/// tickets.
final class Pod {
    let name: String
    var uid: String
    let folder: TemporaryFolder
    let dataDirectory: String
    let clientPort: UInt16
    let peerPort: UInt16
    let healthPort: UInt16
    private var life = 0
    private(set) var process: ServerProcess?

    static let token = "a secret of the test"

    init(_ number: Int, _ folder: TemporaryFolder) throws {
        name = "demo-\(number)"
        uid = "uid-\(number)"
        self.folder = folder
        dataDirectory = folder[name]
        clientPort = try Ports.free()
        peerPort = try Ports.free()
        healthPort = try Ports.free()
        try Directory.make(folder["tickets"])
        let secret = try File(folder["token"], .replace)
        try secret.write(at: 0, bytes(Self.token + "\n"))
    }

    var endpoint: String { "127.0.0.1:\(clientPort)" }
    var peerURL: String { "http://127.0.0.1:\(peerPort)" }
    var messagePath: String { folder["\(name).message"] }

    // MARK: Lives

    func start(_ more: [String] = []) throws {
        guard let program = Tools.product("keelson-node") else {
            throw TestFailure("keelson-node is not built; build it or set KEELSON_PRODUCTS")
        }
        life += 1
        let flags = [
            "--name=\(name)", "--data-dir=\(dataDirectory)",
            "--listen-client-urls=http://\(endpoint)",
            "--advertise-client-urls=http://\(endpoint)", "--listen-peer-urls=\(peerURL)",
            "--initial-advertise-peer-urls=\(peerURL)",
            "--listen-metrics-urls=http://127.0.0.1:\(healthPort)",
            "--ticket-dir=\(folder["tickets"])", "--admin-token-file=\(folder["token"])",
            "--termination-log=\(messagePath)",
        ]
        process = try ServerProcess(
            program, flags + Cluster.fast + more,
            environment: [
                "POD_NAME": name, "POD_UID": uid,
                "KEELSON_LOG_SEGMENT_BYTES": "\(2 << 20)",
            ], output: folder["\(name).\(life).log"])
    }

    func running() throws -> ServerProcess {
        guard let process else { throw TestFailure("\(name) was never started") }
        return process
    }

    func kill() throws { try process?.kill() }

    /// The exit code, and the termination message that goes with it.
    func end() throws -> (code: Int32, message: JSONValue) {
        let ending = try running().waitForEnd()
        guard case .exited(let code) = ending else { throw TestFailure("\(name): \(ending)") }
        return (code, try JSON.parse(File(messagePath, .read).readAll()))
    }

    // MARK: Asked

    func ask(
        _ method: String, _ target: String, _ body: [UInt8] = [], token: String? = nil
    ) throws -> (status: Int, body: String) {
        var request = WebRequest(
            method, host: "127.0.0.1", port: healthPort, target: target,
            dialTimeout: .seconds(2))
        request.headTimeout = .seconds(30)
        request.body = body
        if let token { request.headers.append(("authorization", "Bearer \(token)")) }
        let answer = try WebClient().exchange(request)
        return (answer.status, text(answer.body))
    }

    func identity() throws -> JSONValue { try JSON.parse(ask("GET", "/identity").body) }

    func word(_ key: String) throws -> String { try identity()[key]?.string ?? "" }

    /// Nil while it does not answer.
    private var state: String? {
        (try? identity())?["state"]?.string
    }

    @discardableResult
    func wait(
        for state: String, reason: String = "", within limit: Duration = .seconds(30)
    ) throws -> JSONValue {
        var last: JSONValue?
        do {
            try running().wait(for: "\(name) is \(state), \(reason)", within: limit) {
                last = try? identity()
                return last?["state"]?.string == state
                    && (reason.isEmpty || last?["reason"]?.string?.contains(reason) == true)
            }
        } catch {
            throw TestFailure("\(error)\nlast: \(String(describing: last))")
        }
        guard let last else { throw TestFailure("\(name) said nothing") }
        return last
    }

    @discardableResult
    func post(_ ticket: JSONValue, token: String = Pod.token) throws -> Int {
        try ask("POST", "/ticket", JSON.bytes(ticket), token: token).status
    }

    /// As a mounted ConfigMap changes: by a rename.
    func file(_ ticket: JSONValue) throws {
        let path = folder["tickets/\(name)"]
        let part = try File(path + ".part", .replace)
        try part.write(at: 0, JSON.bytes(ticket))
        part.close()
        try Directory.rename(path + ".part", to: path)
    }

    func ticket(
        _ action: String, _ generation: Int64 = 1, cluster: String = "c1",
        _ more: [(String, JSONValue)] = []
    ) -> JSONValue {
        .object(
            [
                ("clusterUID", .string(cluster)), ("generation", .integer(generation)),
                ("action", .string(action)), ("podUID", .string(uid)),
                ("clusterToken", .string("\(cluster)-0")),
            ] + more)
    }

    func client() throws -> Client {
        var settings = ClientSettings(endpoints: [endpoint])
        settings.callTimeout = .seconds(5)
        return try Client(settings)
    }

    func put(_ key: String, _ value: String) throws {
        _ = try client().put(PutRequest(key: bytes(key), value: bytes(value)))
    }

    func get(_ key: String) throws -> String? {
        let answer = try client().range(RangeRequest(key: bytes(key)))
        return answer.kvs.first.map { text($0.value) }
    }

    // MARK: Clusters

    /// Founds a cluster of this pod alone.
    func found(cluster: String = "c1") throws {
        try start()
        try wait(for: "AwaitingTicket")
        #expect(try post(ticket("bootstrap", cluster: cluster)) == 200)
        try wait(for: "Running")
    }

    /// Adds the other one as a learner, and returns its id.
    func add(_ other: Pod) throws -> UInt64 {
        var request = MemberAddRequest(peerURLs: [other.peerURL])
        request.isLearner = true
        var id: UInt64?
        try eventually("\(other.name) is added") {
            id = try? client().memberAdd(request).member?.id
            return id != nil
        }
        return id ?? 0
    }

    func promote(_ id: UInt64) throws {
        try eventually("\(id) is promoted", within: .seconds(30)) {
            (try? client().memberPromote(MemberPromoteRequest(id: id))) != nil
        }
    }

    func joinTicket(_ id: UInt64, _ generation: Int64 = 1, seed: Pod) -> JSONValue {
        ticket(
            "join", generation,
            [
                ("memberID", .string(String(id, radix: 16))),
                ("initialCluster", .string("\(seed.name)=\(seed.peerURL)")),
            ])
    }
}

/// keelsonctl, run to its end.
func runCtl(
    _ arguments: [String], _ folder: TemporaryFolder, shell prefix: String = "",
    environment: [String: String] = [:]
) throws -> (code: Int32, output: String, errors: String) {
    guard let program = Tools.product("keelsonctl") else {
        throw TestFailure("keelsonctl is not built; build it or set KEELSON_PRODUCTS")
    }
    let stem = folder["ctl.\(MonotonicClock.now.nanoseconds)"]
    var plan =
        prefix.isEmpty
        ? ChildProcess.Plan(program, arguments)
        : ChildProcess.Plan(
            "/bin/sh", ["-c", "\(prefix); exec \"$0\" \"$@\"", program] + arguments)
    plan.output = .file(stem + ".out")
    plan.errors = .file(stem + ".err")
    plan.environment =
        ChildProcess.environment + environment.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
    let child = try ChildProcess(plan)
    guard case .exited(let code) = try child.wait() else { throw TestFailure("keelsonctl died") }
    func said(_ end: String) -> String {
        text((try? File(stem + end, .read).readAll()) ?? [])
    }
    return (code, said(".out"), said(".err"))
}
