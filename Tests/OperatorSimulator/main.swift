// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc
import OperatorWorld

// keelson-opsim: simulated operators. `--seeds N [--first S]`, `--seed S --trace`, `--kills`, or
// `--plants`; with `--keep-claims` clusters keep the claims of members that leave. It ends with 1 if
// anything failed.
var options: [String: UInt64] = [:]
var words = CommandLine.arguments.dropFirst()[...]
while let word = words.popFirst() {
    if ["--trace", "--kills", "--plants", "--short", "--keep-claims"].contains(word) {
        options[word] = 1
    } else {
        options[word] = UInt64(words.popFirst() ?? "")
    }
}

var failed = 0
if options["--kills"] != nil {
    for name in Courses.names {
        var writes = 0
        _ = Courses.run(name, killAfter: nil, writes: &writes)
        for write in 1...max(1, writes) {
            var ignored = 0
            let failure = Courses.run(name, killAfter: write, writes: &ignored)
            guard let failure else { continue }
            failed += 1
            print("FAIL \(name) killed after write \(write): \(failure)")
        }
        print("\(name): killed after each of \(writes) writes")
    }
    print("\(failed) failed")
} else if options["--plants"] != nil {
    let most = options["--seeds"] ?? 60
    for plant in Plant.allCases {
        var found: (UInt64, WorldFailure)?
        var others = 0
        for seed in 1...most where found == nil {
            let report = OperatorSimulator.run(seed: seed, isShort: true, plant: plant)
            guard let failure = report.failure else { continue }
            if plant.rules.contains(failure.rule) { found = (seed, failure) } else { others += 1 }
        }
        if let (seed, failure) = found {
            print("\(plant.rawValue): seed \(seed): \(failure.rule): \(failure.reason) (\(others))")
        } else {
            failed += 1
            print("FAIL \(plant.rawValue) was not found in \(most) seeds (\(others) others)")
        }
    }
} else if let seed = options["--seed"] {
    var sink: (@Sendable (String) -> Void)?
    if options["--trace"] != nil { sink = { (line: String) in print(line) } }
    let report = OperatorSimulator.run(
        seed: seed, isShort: options["--short"] != nil,
        keepsClaims: options["--keep-claims"] != nil, trace: sink)
    for (what, count) in report.counters { print("  \(what): \(count)") }
    if let failure = report.failure {
        failed += 1
        print("FAIL \(seed) \(failure.rule) at \(failure.second) s: \(failure.reason)")
    } else {
        print("pass \(seed)")
    }
} else {
    var totals = SortedMap<String, Int>()
    let first = options["--first"] ?? 1
    let count = options["--seeds"] ?? 100
    for seed in first..<first + count {
        let report = OperatorSimulator.run(
            seed: seed, isShort: options["--short"] != nil,
            keepsClaims: options["--keep-claims"] != nil)
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
exit(failed == 0 ? 0 : 1)
