// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import Simulation

/// Runs seeds in child processes: a broken invariant ends the child, and with it one seed only.
struct WorkerPool {
    private let program: String
    private let isSmoke: Bool
    private let jobs: Int
    private var passed = 0
    private var tally = Tally()
    private var failures: [(seed: UInt64, text: String)] = []
    private var waiting: [Range<UInt64>] = []
    private var workers: [Worker] = []
    private let began = MonotonicClock.now

    private static let sliceLength: UInt64 = 25

    private struct Worker {
        var child: ChildProcess
        var range: Range<UInt64>
        var output: String
    }

    init(program: String, isSmoke: Bool, jobs: Int) {
        self.program = program
        self.isSmoke = isSmoke
        self.jobs = max(1, min(jobs, 64))
    }

    mutating func run(_ range: Range<UInt64>) -> Int32 {
        var first = range.lowerBound
        while first < range.upperBound {
            let end = min(first + Self.sliceLength, range.upperBound)
            waiting.append(first..<end)
            first = end
        }
        waiting.reverse()
        var lastLine = MonotonicClock.now
        do throws(PosixError) {
            while !waiting.isEmpty || !workers.isEmpty {
                try startWorkers()
                try collect()
                if MonotonicClock.now - lastLine >= .seconds(1) {
                    lastLine = MonotonicClock.now
                    progress()
                }
            }
        } catch {
            Console.error("\(error)")
            return 2
        }
        return finish()
    }

    private mutating func startWorkers() throws(PosixError) {
        while workers.count < jobs, let range = waiting.popLast() {
            let output = "/tmp/keelson-sim.\(Console.processID).\(range.lowerBound)"
            var plan = ChildProcess.Plan(
                program,
                [
                    "run", "--worker", "--first", "\(range.lowerBound)", "--seeds",
                    "\(range.upperBound - range.lowerBound)",
                ] + (isSmoke ? ["--smoke"] : []))
            plan.output = .file(output)
            plan.errors = .file(output)
            plan.diesWithThread = true
            workers.append(
                Worker(child: try ChildProcess(plan), range: range, output: output))
        }
    }

    private mutating func collect() throws(PosixError) {
        let deadline = MonotonicClock.now + .milliseconds(200)
        _ = try workers.first?.child.wait(until: deadline)
        var running: [Worker] = []
        for worker in workers {
            if let ending = try worker.child.poll() {
                try read(worker, ending)
            } else {
                running.append(worker)
            }
        }
        workers = running
    }

    private mutating func read(
        _ worker: Worker, _ ending: ChildProcess.Ending
    ) throws(PosixError) {
        let file = try File(worker.output, .read)
        let text = String(decoding: try file.readAll(limit: 64 << 20), as: UTF8.self)
        Console.remove(worker.output)
        var current: UInt64?
        var last = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2)
            let seed = words.count > 1 ? UInt64(words[1]) : nil
            switch words.first {
            case "begin": current = seed
            case "count":
                if words.count == 3, let times = Int(words[1]) {
                    tally.note(String(words[2]), times: times)
                }
            case "pass":
                passed += 1
                current = nil
            case "FAIL":
                if let seed { note(seed, String(line.dropFirst(5))) }
                current = nil
            default:
                if line.contains("atal error") { last = String(line) }
            }
        }
        guard ending != .exited(code: 0) || current != nil else { return }
        guard let seed = current ?? worker.range.first else { return }
        note(seed, "\(seed) ended the process (\(ending)): \(last)")
        if seed + 1 < worker.range.upperBound {
            waiting.append(seed + 1..<worker.range.upperBound)
        }
    }

    private mutating func note(_ seed: UInt64, _ text: String) {
        failures.append((seed, text))
        Console.line("FAIL \(text)")
        Console.line(
            "  replay: keelson-sim run --seed \(seed) --trace" + (isSmoke ? " --smoke" : ""))
    }

    private func progress() {
        let seconds = max(1, (MonotonicClock.now - began).milliseconds / 1_000)
        Console.error(
            "\(passed + failures.count) seeds, \(failures.count) failed, "
                + "\((passed + failures.count) / Int(seconds)) seeds/s")
    }

    private func finish() -> Int32 {
        Console.line(tally.summary)
        Console.line("\(passed) passed, \(failures.count) failed")
        return failures.isEmpty ? 0 : 1
    }
}
