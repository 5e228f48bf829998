// SPDX-License-Identifier: Apache-2.0
import Bytes
import Posix
import TestKit
import Testing

/// keelson-node as a process on free ports of 127.0.0.1, with a folder of its own.
final class TestNode {
    let folder: TemporaryFolder
    let clientPort: UInt16
    let peerPort: UInt16
    let extra: [String]
    private(set) var process: ServerProcess
    private var lives = 0

    static var program: String? { Tools.product("keelson-node") }

    init(_ extra: [String] = [], ports given: [UInt16]? = nil, waits: Bool = true) throws {
        folder = try TemporaryFolder()
        let ports = try given ?? Ports.free(2)
        (clientPort, peerPort) = (ports[0], ports[1])
        self.extra = extra
        process = try TestNode.launch(
            TestNode.arguments(folder, clientPort, peerPort) + extra, output: folder["log.0"])
        if waits { try waitUntilServing() }
    }

    static func launch(
        _ arguments: [String], environment: [String: String] = [:], output: String
    ) throws -> ServerProcess {
        guard let program else { throw TestFailure("keelson-node is not built") }
        return try ServerProcess(program, arguments, environment: environment, output: output)
    }

    static func arguments(
        _ folder: TemporaryFolder, _ clientPort: UInt16, _ peerPort: UInt16
    ) -> [String] {
        let client = "http://127.0.0.1:\(clientPort)"
        let peer = "http://127.0.0.1:\(peerPort)"
        return [
            "--name", "one", "--data-dir", folder["data"], "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls=\(peer)", "--initial-cluster=one=\(peer)",
            "--heartbeat-interval=20", "--election-timeout=100",
        ]
    }

    /// Starts it again on the same data; does not wait.
    func launch() throws {
        lives += 1
        process = try TestNode.launch(
            TestNode.arguments(folder, clientPort, peerPort) + extra,
            output: folder["log.\(lives)"])
    }

    func restart() throws {
        try launch()
        try waitUntilServing()
    }

    func waitUntilServing() throws {
        try process.waitForOutput(containing: "ready to serve client requests")
    }

    func client() throws -> TestClient { try TestClient(port: clientPort) }

    /// Files of a folder of the member, sorted.
    func files(_ sub: String) throws -> [String] {
        try Directory.list(folder["data/member/\(sub)"]).sorted().map {
            folder["data/member/\(sub)/\($0)"]
        }
    }
}

/// Runs the program to its end.
func run(_ arguments: [String]) throws -> (ending: ChildProcess.Ending, output: String) {
    let folder = try TemporaryFolder()
    let process = try TestNode.launch(arguments, output: folder["out"])
    let ending = try process.waitForEnd()
    return (ending, process.output)
}

func flip(_ path: String, at offset: Int64) throws {
    let file = try File(path, .update)
    let old = try file.read(at: offset, count: 1)
    try file.write(at: offset, [(old.first ?? 0) ^ 0x55])
}
