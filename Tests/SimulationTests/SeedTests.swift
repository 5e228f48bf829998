// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Simulation
internal import Testing

struct SeedTests {
    private static let smoke = RunOptions(isSmoke: true)

    @Test(arguments: [1, 21, 41, 61, 81, 101, 121, 141, 161, 181] as [UInt64])
    func `twenty seeds pass`(_ first: UInt64) {
        for seed in first..<first + 20 {
            let report = Simulator.run(seed: seed, options: Self.smoke)
            #expect(report.failure == nil, "keelson-sim run --smoke --seed \(seed) --trace")
        }
    }

    @Test func `the seeds that once failed pass`() {
        for scenario in Scenarios.all {
            let report = Simulator.run(
                seed: scenario.seed, options: RunOptions(isSmoke: scenario.isSmoke))
            #expect(report.failure == nil, "\(scenario.seed): \(scenario.about)")
        }
    }

    @Test(arguments: [3, 17, 42, 99] as [UInt64])
    func `a seed always runs the same`(_ seed: UInt64) {
        let first = Simulator.run(seed: seed, options: Self.smoke)
        let second = Simulator.run(seed: seed, options: Self.smoke)
        #expect(first.traceHash == second.traceHash)
        #expect(first.eventCount == second.eventCount)
        #expect(first.eventCount > 300)
    }

    @Test func `different seeds run differently`() {
        let hashes = Set(
            (UInt64(1)...8).map { Simulator.run(seed: $0, options: Self.smoke).traceHash })
        #expect(hashes.count == 8)
    }

    @Test func `the seeds reach what they are for`() {
        var counts = SortedMap<String, Int>()
        for seed in UInt64(201)...230 {
            for (what, count) in Simulator.run(seed: seed, options: Self.smoke).counters {
                counts[what] = (counts[what] ?? 0) + count
            }
        }
        let wanted = [
            "answered", "checkpoint", "compaction", "lease expired", "lease renewed",
            "leader elected", "message lost", "snapshot restored", "state compared", "timed out",
            "watch events", "watch progress", "clean stop",
        ]
        for what in wanted { #expect((counts[what] ?? 0) > 0, "\(what) never happened") }
    }
}
