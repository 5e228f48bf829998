// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    /// Three members under load, one disaster after the other.
    struct ChaosTests {
        private struct Fault {
            var what: String
            var at: Instant
        }

        private static let rounds = 30
        private static let timeMax = Duration.seconds(65)
        /// The promise is two election timeouts; a busy machine gets more.
        private static let promise = Cluster.electionTimeout * 2
        private static let gapMax = Duration.seconds(5)

        @Test func `nothing acknowledged is lost or told wrong when members die and hang`() throws {
            let flags = ["--snapshot-count=500", "--snapshot-catchup-entries=100"]
            let cluster = try Cluster(3, flags: flags)
            try cluster.showingOutput {
                try cluster.start()
                let recorder = Recorder()
                let crew = Crew<Int>()
                defer { crew.stop() }
                try Load(endpoints: cluster.endpoints, recorder: recorder).start(6, crew)
                let firstTerm = try term(of: cluster)
                let faults = try torment(cluster, recorder)
                let end = MonotonicClock.now
                try crew.finish()
                let count = try cluster.judge(recorder)
                tell(recorder, faults, until: end, changes: count)
                report("chaos: \(try term(of: cluster) - firstTerm) terms used")
            }
        }

        private func term(of cluster: Cluster) throws -> UInt64 {
            try cluster[try cluster.leader()].client().status().raftTerm
        }

        /// Leaders and followers in turn; each is killed and started, or stopped and continued.
        private func torment(_ cluster: Cluster, _ recorder: Recorder) throws -> [Fault] {
            let deadline = MonotonicClock.now + ChaosTests.timeMax
            var random = Random(seed: 30)
            var faults: [Fault] = []
            while faults.count < ChaosTests.rounds, MonotonicClock.now < deadline {
                let leader = try cluster.leader()
                let hitsLeader = faults.count % 2 == 0
                let target = hitsLeader ? leader : (leader + 1 + random.below(2)) % 3
                let role = hitsLeader ? "leader" : "follower"
                let hangs = faults.count / 2 % 2 == 1
                faults.append(
                    Fault(what: "\(hangs ? "hanging" : "killed") \(role)", at: MonotonicClock.now))
                if hangs {
                    cluster[target].pause()
                    let end = MonotonicClock.now + .milliseconds(1_500 + random.below(700))
                    try expectProgress(recorder)
                    try eventually("the pause is over") { MonotonicClock.now >= end }
                    cluster[target].resume()
                } else {
                    try cluster[target].kill()
                    try expectProgress(recorder)
                    try cluster.start(target)
                }
                try cluster.waitUntilLevel(target)
            }
            return faults
        }

        private func expectProgress(_ recorder: Recorder) throws {
            let goal = recorder.acknowledgedWrites + 25
            try eventually("writes go on", within: .seconds(10)) {
                recorder.acknowledgedWrites >= goal
            }
        }

        private func tell(
            _ recorder: Recorder, _ faults: [Fault], until end: Instant, changes: Int
        ) {
            var gaps: [String: [Duration]] = [:]
            for (number, fault) in faults.enumerated() {
                let next = number + 1 < faults.count ? faults[number + 1].at : end
                let gap = recorder.longestGap(from: fault.at, to: next)
                gaps[fault.what, default: []].append(gap)
                #expect(gap <= ChaosTests.gapMax, "\(fault.what), round \(number)")
            }
            for (what, times) in gaps.sorted(by: { $0.key < $1.key }) {
                let sorted = times.sorted()
                let kept = sorted.count { $0 <= ChaosTests.promise }
                report(
                    "chaos, \(what): no write for \(sorted[sorted.count / 2].inMilliseconds) "
                        + "(median), \(sorted[sorted.count - 1].inMilliseconds) (worst); \(kept) of "
                        + "\(sorted.count) within \(ChaosTests.promise.inMilliseconds)")
            }
            report(
                "chaos: \(faults.count) rounds, \(recorder.operations.count) operations, "
                    + "\(recorder.acknowledgedWrites) writes acknowledged, \(changes) changes")
            for (text, count) in recorder.failures { report("chaos: \(count) x \(text)") }
            #expect(faults.count >= 15, "the machine is too slow for this test")
        }
    }
}
