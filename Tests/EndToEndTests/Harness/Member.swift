// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit

/// One keelson-node with a folder and ports of its own, through all its lives.
final class Member {
    let name: String
    let clientPort: UInt16
    let peerPort: UInt16
    /// What the others call it.
    let peerHost: String
    let dataDirectory: String
    /// `--name=value`, on top of what makes it this member.
    var flags: [String] = []
    var environment: [String: String] = [:]
    private let outputStem: String
    private var life = 0
    private(set) var process: ServerProcess?

    init(_ name: String, in folder: String, peerHost: String, dataDirectory: String? = nil) throws {
        self.name = name
        self.peerHost = peerHost
        self.dataDirectory = dataDirectory ?? "\(folder)/\(name)"
        outputStem = "\(folder)/\(name)"
        clientPort = try Ports.free()
        peerPort = try Ports.free()
    }

    var endpoint: String { "127.0.0.1:\(clientPort)" }
    var peerURL: String { "http://\(peerHost):\(peerPort)" }
    var isRunning: Bool { process?.isRunning == true }

    // MARK: Lives

    func start(cluster: String, state: String = "new") throws {
        guard let program = Tools.product("keelson-node") else {
            throw TestFailure("keelson-node is not built; build it or set KEELSON_PRODUCTS")
        }
        life += 1
        let own = [
            "--name=\(name)", "--data-dir=\(dataDirectory)",
            "--listen-client-urls=http://\(endpoint)",
            "--advertise-client-urls=http://\(endpoint)",
            "--listen-peer-urls=http://127.0.0.1:\(peerPort)",
            "--initial-advertise-peer-urls=\(peerURL)", "--initial-cluster=\(cluster)",
            "--initial-cluster-state=\(state)",
        ]
        process = try ServerProcess(
            program, own + flags, environment: environment, output: "\(outputStem).\(life).log")
    }

    func running() throws -> ServerProcess {
        guard let process else { throw TestFailure("\(name) was never started") }
        return process
    }

    func kill() throws { try process?.kill() }
    func pause() { process?.pause() }
    func resume() { process?.resume() }

    /// Nothing is left of what it knew.
    func wipe() throws {
        try kill()
        try Directory.removeTree(dataDirectory)
    }

    /// The last it said.
    var tail: String {
        guard let process else { return "\(name): never started" }
        let state = process.ending.map { "\($0)" } ?? "running"
        return "--- \(name) (\(state)), life \(life):\n\(process.tail(lines: 25))"
    }

    // MARK: Asked directly

    func client(timeout: Duration = .seconds(2)) throws -> Client {
        var settings = ClientSettings(endpoints: [endpoint])
        settings.callTimeout = timeout
        settings.dialTimeout = min(timeout, .milliseconds(500))
        return try Client(settings)
    }

    /// Nil while it does not answer.
    func status() -> StatusResponse? {
        guard isRunning else { return nil }
        return try? client(timeout: .milliseconds(500)).status()
    }
}
