// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc
import OperatorWorld

// keelson-opsim: simulated operators. `--seeds N [--first S]`, or `--seed S --trace`.
var options: [String: UInt64] = [:]
var words = CommandLine.arguments.dropFirst()[...]
while let word = words.popFirst() {
    if word == "--trace" {
        options[word] = 1
    } else {
        options[word] = UInt64(words.popFirst() ?? "")
    }
}

if let seed = options["--seed"] {
    var sink: (@Sendable (String) -> Void)?
    if options["--trace"] != nil { sink = { (line: String) in print(line) } }
    let report = OperatorSimulator.run(seed: seed, trace: sink)
    for (what, count) in report.counters { print("  \(what): \(count)") }
    if let failure = report.failure {
        print("FAIL \(seed) \(failure.rule) at \(failure.second) s: \(failure.reason)")
    } else {
        print("pass \(seed)")
    }
} else {
    var failed = 0
    var totals = SortedMap<String, Int>()
    let first = options["--first"] ?? 1
    let count = options["--seeds"] ?? 100
    for seed in first..<first + count {
        let report = OperatorSimulator.run(seed: seed)
        for (what, count) in report.counters { totals[what] = (totals[what] ?? 0) + count }
        totals["seconds"] = (totals["seconds"] ?? 0) + Int(report.seconds)
        totals["writes"] = (totals["writes"] ?? 0) + report.writeCount
        totals["kills"] = (totals["kills"] ?? 0) + report.kills
        totals["acknowledged"] = (totals["acknowledged"] ?? 0) + report.acknowledged
        guard let failure = report.failure else { continue }
        failed += 1
        print("FAIL \(seed) \(failure.rule) at \(failure.second) s: \(failure.reason)")
    }
    for (what, count) in totals { print("  \(what): \(count)") }
    print("\(count) seeds, \(failed) failed")
}
