// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import Simulation

/// keelson-sim: simulated clusters from the command line.
struct SimulatorTool {
    private var words: [String] = []
    private var options: [String: String] = [:]
    private let mistake: String?

    static let usage = """
        Runs whole clusters in simulated time, with crashes, partitions and bad disks, and judges
        what their clients see. A seed always runs the same.

          keelson-sim run --seeds N [--first S] [--smoke] [--jobs J]   many seeds
          keelson-sim run --seed S [--trace] [--smoke]                 one seed
          keelson-sim plant NAME --seeds N [--first S]                 find a planted bug
          keelson-sim plant list                                       the planted bugs
          keelson-sim hash --seed S [--smoke]                          the sum over all events

        Exit code 1: a seed failed, or a planted bug was not found.
        """

    private static let flags = ["--trace", "--smoke", "--counters", "--worker", "--help"]
    private static let values = ["--seeds", "--seed", "--first", "--jobs", "--plant"]

    init(arguments: [String]) {
        var rest = arguments[...]
        var mistake: String?
        while let word = rest.popFirst() {
            if Self.flags.contains(word) {
                options[word] = ""
            } else if Self.values.contains(word) {
                guard let value = rest.popFirst() else {
                    mistake = "\(word) needs a value"
                    break
                }
                options[word] = value
            } else if word.hasPrefix("-") {
                mistake = "unknown option \(word)"
                break
            } else {
                words.append(word)
            }
        }
        self.mistake = mistake
    }

    func run() -> Int32 {
        if let mistake {
            Console.error(mistake)
            return 2
        }
        if options["--help"] != nil || words.isEmpty {
            Console.line(Self.usage)
            return words.isEmpty && options["--help"] == nil ? 2 : 0
        }
        switch words[0] {
        case "run": return options["--seed"] == nil ? runMany() : runOne()
        case "plant": return plant()
        case "hash": return hash()
        default:
            Console.error("unknown command \(words[0]); see --help")
            return 2
        }
    }

    private func number(_ name: String, _ fallback: UInt64) -> UInt64 {
        options[name].flatMap { UInt64($0) } ?? fallback
    }

    private var isSmoke: Bool { options["--smoke"] != nil }
    private var plantName: String? { options["--plant"] }

    // MARK: Commands

    private func runOne() -> Int32 {
        let seed = number("--seed", 1)
        var options = RunOptions(isSmoke: isSmoke, plant: plantName.flatMap { Plant(rawValue: $0) })
        if self.options["--trace"] != nil {
            options.sink = { (line: String) in Console.line(line) }
        }
        let report = Simulator.run(seed: seed, options: options)
        for (what, count) in report.counters { Console.line("  \(what): \(count)") }
        Console.line(describe(report))
        return report.failure == nil ? 0 : 1
    }

    private func hash() -> Int32 {
        let report = Simulator.run(
            seed: number("--seed", 1), options: RunOptions(isSmoke: isSmoke))
        Console.line(String(report.traceHash, radix: 16))
        return 0
    }

    private func plant() -> Int32 {
        guard words.count == 2, words[1] != "list" else {
            for plant in Plant.allCases { Console.line(plant.rawValue) }
            return 0
        }
        guard let plant = Plant(rawValue: words[1]) else {
            Console.error("no planted bug is called \(words[1])")
            return 2
        }
        let first = number("--first", 1)
        for seed in first..<first + number("--seeds", 200) {
            let report = Simulator.run(
                seed: seed, options: RunOptions(isSmoke: isSmoke, plant: plant))
            if let failure = report.failure {
                Console.line(
                    "\(plant.rawValue): found by seed \(seed): \(failure.kind.rawValue): "
                        + failure.reason)
                return 0
            }
        }
        Console.line("\(plant.rawValue): not found")
        return 1
    }

    private func runMany() -> Int32 {
        let first = number("--first", 1)
        let range = first..<first + number("--seeds", 100)
        if options["--worker"] != nil { return work(range) }
        var pool = WorkerPool(
            program: "/proc/self/exe", isSmoke: isSmoke, jobs: Int(number("--jobs", 1)))
        return pool.run(range)
    }

    /// Runs in a process of its own, which a broken invariant may end. Says before each seed which
    /// one it is, and after it what came of it.
    private func work(_ range: Range<UInt64>) -> Int32 {
        for seed in range {
            Console.line("begin \(seed)")
            let report = Simulator.run(seed: seed, options: RunOptions(isSmoke: isSmoke))
            for (what, count) in report.counters { Console.line("count \(count) \(what)") }
            Console.line(describe(report))
        }
        return 0
    }

    private func describe(_ report: SeedReport) -> String {
        if let failure = report.failure {
            return "FAIL \(report.seed) \(failure.kind.rawValue) at "
                + "\(failure.at.nanoseconds / 1_000_000) ms: \(failure.reason)"
        }
        return "pass \(report.seed) \(report.operationCount) operations, "
            + "\(report.eventCount) events, \(report.simulated.milliseconds) ms, "
            + String(report.traceHash, radix: 16)
    }
}
