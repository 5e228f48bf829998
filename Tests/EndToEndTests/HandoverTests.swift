// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    struct HandoverTests {
        @Test func `a leader that is told to stop leaves without a failed request`() throws {
            let cluster = try Cluster(3)
            try cluster.showingOutput {
                try cluster.start()
                for round in 0..<3 { try handOver(cluster, round) }
            }
        }

        private func handOver(_ cluster: Cluster, _ round: Int) throws {
            let leader = try cluster.leader()
            let others = cluster.members.indices.filter { $0 != leader }
            let recorder = Recorder()
            let crew = Crew<Int>()
            defer { crew.stop() }
            var load = Load(
                endpoints: others.map { cluster[$0].endpoint }, recorder: recorder,
                seed: UInt64(round) + 1)
            load.timeout = .seconds(5)
            load.keyCount = 5
            load.label = "\(round)"
            try load.start(4, crew)
            try eventually("the clients are at work") { recorder.acknowledgedWrites > 100 }
            let told = MonotonicClock.now
            let ending = try cluster[leader].running().terminate()
            let goal = recorder.acknowledgedWrites + 100
            try eventually("writes go on") { recorder.acknowledgedWrites > goal }
            let end = MonotonicClock.now
            try crew.finish()
            #expect(ending == .exited(code: 0))
            #expect(recorder.failureCount == 0, "\(recorder.failures)")
            let gap = recorder.longestGap(from: told, to: end)
            let usual = recorder.longestGap(from: recorder.acknowledgements[0], to: told)
            #expect(gap < .seconds(2))
            report(
                "handover: no write for \(gap.inMilliseconds) (before: \(usual.inMilliseconds)), "
                    + "\(recorder.failureCount) of \(recorder.operations.count) requests failed")
            try cluster.start(leader)
            try cluster.waitUntilLevel(leader)
        }
    }
}
