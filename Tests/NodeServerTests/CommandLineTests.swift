// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP
import Posix
import TestKit
import Testing

@Suite(.enabled(if: TestNode.program != nil)) struct CommandLineTests {
    @Test func `version and help are printed and the exit code is 0`() throws {
        let version = try run(["--version"])
        #expect(version.ending == .exited(code: 0))
        #expect(version.output.contains("3.6.5"))
        let help = try run(["--help"])
        #expect(help.ending == .exited(code: 0))
        #expect(help.output.contains("Usage:"))
        #expect(help.output.contains("--data-dir"))
    }

    @Test func `what is printed goes behind what the file holds already`() throws {
        let folder = try TemporaryFolder()
        try File(folder["out"], .create).append(Array("before\n".utf8))
        let process = try TestNode.launch(["--version"], output: folder["out"])
        _ = try process.waitForEnd()
        #expect(process.output.hasPrefix("before\n"))
        #expect(process.output.contains("3.6.5"))
    }

    @Test func `an unknown flag is a usage error`() throws {
        let result = try run(["--no-such-flag"])
        #expect(result.ending == .exited(code: 2))
        #expect(result.output.contains("flag provided but not defined: -no-such-flag"))
    }

    @Test(arguments: [
        ["--heartbeat-interval=100", "--election-timeout=110"],
        ["--listen-client-urls=http://no-port"],
        ["--initial-cluster=other=http://127.0.0.1:1", "--name=me"],
        ["--initial-cluster-state=neither"],
    ]) func `values that make no sense end the start with a sentence`(arguments: [String]) throws {
        let folder = try TemporaryFolder()
        let result = try run(["--data-dir", folder["data"]] + arguments)
        guard case .exited(let code) = result.ending else {
            Issue.record("\(result.ending)")
            return
        }
        #expect(code == 1 || code == 2)
        #expect(!result.output.isEmpty)
        #expect(!result.output.contains("Fatal error"))
    }

    @Test func `a data directory in use is refused`() throws {
        let node = try TestNode()
        let ports = try Ports.free(2)
        let result = try run(TestNode.arguments(node.folder, ports[0], ports[1]))
        #expect(result.ending == .exited(code: 1))
        #expect(result.output.contains("is in use by another process"))
        #expect(try node.client().put("a").code == .ok)
    }

    @Test func `ports in use are named`() throws {
        let node = try TestNode()
        let folder = try TemporaryFolder()
        let other = try Ports.free(2)
        let client = try run(TestNode.arguments(folder, node.clientPort, other[0]))
        #expect(client.ending == .exited(code: 1))
        #expect(client.output.contains("127.0.0.1:\(node.clientPort): address already in use"))
        let second = try TemporaryFolder()
        let peer = try run(TestNode.arguments(second, other[1], node.peerPort))
        #expect(peer.ending == .exited(code: 1))
        #expect(peer.output.contains("127.0.0.1:\(node.peerPort): address already in use"))
    }
}
