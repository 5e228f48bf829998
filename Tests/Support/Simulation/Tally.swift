// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What many seeds came to: how often each thing happened, and in how many seeds.
package struct Tally: Sendable {
    package private(set) var seedCount = 0
    /// A line for each seed that failed, with the command that shows it again.
    package private(set) var failures: [String] = []
    private var counters = SortedMap<String, Counter>()

    private struct Counter: Sendable {
        var times = 0
        var seeds = 0
    }

    package init() {}

    package mutating func add(_ report: SeedReport) {
        seedCount += 1
        for (what, times) in report.counters { note(what, times: times) }
        if let failure = report.failure {
            failures.append(
                "seed \(report.seed): \(failure.kind.rawValue): \(failure.reason); "
                    + "keelson-sim run --smoke --seed \(report.seed) --trace")
        }
    }

    package mutating func add(_ other: Tally) {
        seedCount += other.seedCount
        failures += other.failures
        for (what, counter) in other.counters {
            note(what, times: counter.times, seeds: counter.seeds)
        }
    }

    /// `what` happened in so many seeds, so many times in all.
    package mutating func note(_ what: String, times: Int, seeds: Int = 1) {
        let known = counters[what] ?? Counter()
        counters[what] = Counter(times: known.times + times, seeds: known.seeds + seeds)
    }

    package func count(of what: String) -> Int { counters[what]?.times ?? 0 }

    package var summary: String {
        counters.map { what, counter in "  \(what): \(counter.times) in \(counter.seeds) seeds" }
            .joined(separator: "\n")
    }
}
