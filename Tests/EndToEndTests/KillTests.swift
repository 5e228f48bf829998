// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    struct KillTests {
        private static let rounds = 15

        @Test func `a member killed at any moment comes back with all it acknowledged`() throws {
            let cluster = try Cluster(
                1, flags: ["--snapshot-count=150", "--snapshot-catchup-entries=50"],
                environment: ["KEELSON_LOG_SEGMENT_BYTES": "\(256 << 10)"])
            try cluster.showingOutput {
                try cluster.start()
                let recorder = Recorder()
                var random = Random(seed: 15)
                var slowest = Duration.zero
                let crew = Crew<Int>()
                defer { crew.stop() }
                var load = Load(endpoints: cluster.endpoints, recorder: recorder)
                load.padding = 0..<6_000
                load.timeout = .seconds(2)
                try load.start(4, crew)
                for _ in 0..<KillTests.rounds {
                    let goal = recorder.acknowledgedWrites + 20 + random.below(200)
                    let end = MonotonicClock.now + .milliseconds(100 + random.below(900))
                    try eventually("the moment has come") {
                        recorder.acknowledgedWrites >= goal && MonotonicClock.now >= end
                    }
                    try cluster[0].kill()
                    let began = MonotonicClock.now
                    try cluster.start(0)
                    try cluster.waitUntilReady()
                    slowest = max(slowest, MonotonicClock.now - began)
                }
                try crew.finish()
                try cluster[0].kill()
                try cluster.start(0)
                let count = try cluster.judge(recorder)
                #expect(try segments(of: cluster[0]) > 5)
                report(
                    "kill: \(KillTests.rounds) rounds, \(recorder.acknowledgedWrites) writes "
                        + "acknowledged, \(count) changes, slowest restart "
                        + slowest.inMilliseconds)
            }
        }

        /// The number of the newest one; they are counted from 1.
        private func segments(of member: Member) throws -> UInt64 {
            let names = try Directory.list("\(member.dataDirectory)/member/wal")
            return names.compactMap { UInt64($0.prefix { $0.isHexDigit }, radix: 16) }.max() ?? 0
        }
    }
}
