// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    struct LateNamesTests {
        /// As in Kubernetes, where a pod runs before its name can be resolved.
        @Test func `members wait for names that do not resolve yet, and say so`() throws {
            let folder = try TemporaryFolder()
            let names = (0..<3).map { "m\($0).keelson.invalid" }
            let cluster = try Cluster(
                3, environment: ["KEELSON_HOSTS": folder["hosts"]], peerHosts: names)
            try cluster.showingOutput {
                for number in 0..<3 { try cluster.start(number) }
                for number in 0..<3 {
                    let process = try cluster[number].running()
                    try process.waitForOutput(containing: "peer cannot be reached")
                    #expect(process.output.contains("no such host"), "\(process.tail())")
                }
                let lines = names.map { "127.0.0.1 \($0)\n" }.joined()
                try File(folder["hosts"], .append).append(bytes(lines))
                let began = MonotonicClock.now
                try cluster.waitUntilReady()
                report(
                    "late names: ready " + (MonotonicClock.now - began).inMilliseconds + " later")
                for member in cluster.members {
                    let lines = try member.running().output.split(separator: "\n")
                    let said = lines.count { $0.contains("no such host") }
                    #expect(said <= 6, "\(member.name) said it \(said) times")
                }
            }
        }
    }
}
