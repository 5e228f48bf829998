// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Simulation
internal import Testing

struct SeedTests {
    private static let smoke = RunOptions(isSmoke: true)

    /// What so many seeds must have seen, or they test less than they are for.
    private static let wanted = [
        "answered", "checkpoint", "compaction", "lease expired", "lease renewed", "leader elected",
        "message lost", "snapshot restored", "state compared", "timed out", "watch events",
        "watch progress", "clean stop", "disk full", "member added", "member promoted",
        // The quota, and the way out.
        "alarm raised", "alarm cleared", "refused under alarm", "compaction under alarm",
        // Bits that rot, and new members in the place of those that refused.
        "bit flipped", "damaged log refused", "damaged checkpoint refused",
        "damaged member replaced",
        // Leases that outlive the leader's checkpoints of them.
        "time jumped", "lease checkpoint", "lease checkpoint reset", "long lease ended",
        "watch fragment",
    ]

    @Test func `two hundred seeds pass and reach what they are for`() async {
        let slices = (UInt64(0)..<20).map { slice in (1 + 10 * slice)..<(11 + 10 * slice) }
        let tally = await withTaskGroup(of: Tally.self) { group in
            for slice in slices {
                group.addTask {
                    var tally = Tally()
                    for seed in slice {
                        tally.add(Simulator.run(seed: seed, options: Self.smoke))
                    }
                    return tally
                }
            }
            var all = Tally()
            for await tally in group { all.add(tally) }
            return all
        }
        for failure in tally.failures.sorted() { Issue.record("\(failure)") }
        print(tally.summary)
        for what in Self.wanted {
            #expect(tally.count(of: what) > 0, "\(what) never happened")
        }
    }

    @Test func `the seeds that once failed pass`() {
        #expect(!Scenarios.all.isEmpty)
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
}
