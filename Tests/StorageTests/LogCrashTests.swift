// SPDX-License-Identifier: Apache-2.0
import Bytes
import SimulatedDisk
import Storage
import Testing

struct LogCrashTests {
    /// Everything a log does: rolls, groups, replacements over segments, marks, release, restarts.
    static let script: [LogStep] = [
        .append([LogBatch(hardState: state(1, commit: 0), entries: entries(1...4, term: 1))]),
        .sync,
        .append([
            LogBatch(entries: entries(5...8, term: 1)),
            LogBatch(hardState: state(2, commit: 4), entries: entries(9...12, term: 2, size: 90)),
        ]),
        .append([LogBatch(entries: entries(13...13, term: 2))]),
        .sync, .prepare,
        .append([LogBatch(entries: entries(14...20, term: 2, size: 60))]),
        .append([LogBatch(hardState: state(3, commit: 8), entries: entries(11...15, term: 3))]),
        .sync, .markEnd,
        .append([LogBatch(mark: mark(10, term: 2))]), .prepare,
        .append([LogBatch(entries: entries(16...40, term: 3, size: 40))]),
        .sync,
        .release(LogIndex(10)),
        .append([LogBatch(entries: entries(41...44, term: 3, size: 100))]),
        .reopen,
        .append([LogBatch(entries: entries(30...45, term: 4, size: 50))]),
        .sync,
        .append([LogBatch(hardState: state(5, commit: 90), mark: mark(90, term: 5))]),
        .append([LogBatch(entries: entries(91...99, term: 5, size: 70))]),
        .sync,
        .release(LogIndex(90)),
        .append([LogBatch(entries: entries(100...101, term: 5, size: 1500))]),
        .markEnd,
        .append([LogBatch(mark: mark(99, term: 5))]), .prepare, .sync, .release(LogIndex(99)),
        .reopen,
    ]

    @Test func `a crash at any call, twice, loses nothing that was synced`() {
        var callCount = 0
        let whole = crash(after: .max / 2, seed: 0, mode: .keepsAll, &callCount)
        #expect(whole == nil)
        for mode in [SimulatedDisk.CrashMode.tears, .losesAll, .keepsAll] {
            for seed in 0..<(mode == .tears ? UInt64(4) : 1) {
                for calls in 0..<callCount {
                    let problem = crash(after: calls, seed: seed, mode: mode, &callCount)
                    #expect(problem == nil, "seed \(seed), calls \(calls), \(mode)")
                }
            }
        }
        #expect(callCount > 60)
    }

    /// Runs the script until the crash, recovers (dying once more in that), goes on, and recovers.
    private func crash(
        after calls: Int, seed: UInt64, mode: SimulatedDisk.CrashMode, _ callCount: inout Int
    ) -> String? {
        let disk = SimulatedDisk(seed: seed &* 1000 &+ UInt64(calls % 1000))
        disk.crashAfter(calls)
        var life = LogLife(disk: disk)
        do {
            try life.begin()
            for step in Self.script { try life.take(step) }
        } catch {
            if !disk.hasCrashed { return "\(error)" }
        }
        callCount = max(callCount, disk.callCount)
        disk.crash(mode)
        disk.crashAfter(Int(seed % 5))
        if let problem = life.recover(), !disk.hasCrashed { return "first: \(problem)" }
        disk.crash(mode)
        if let problem = life.recover() { return "second: \(problem)" }
        if life.log == nil { return nil }
        let next = life.models[0].last.number + 1
        do {
            try life.take(.append([LogBatch(entries: entries(next...next + 3, term: 9))]))
            try life.take(.sync)
            try life.take(.append([LogBatch(entries: entries(next + 2...next + 5, term: 10))]))
        } catch {
            return "after: \(error)"
        }
        disk.crash(mode)
        return life.recover().map { problem in "third: \(problem)" }
    }

    @Test func `random lives with random crashes keep their promises`() {
        for seed in 0..<UInt64(60) {
            var random = Random(seed: seed)
            let disk = SimulatedDisk(seed: seed)
            var life = LogLife(disk: disk)
            var problem: String?
            for round in 0..<6 where problem == nil {
                disk.crashAfter(random.below(60))
                do {
                    if life.log == nil { try life.begin() }
                    for _ in 0..<40 { try life.take(step(life, &random)) }
                } catch {
                    if !disk.hasCrashed { problem = "\(error)" }
                }
                disk.crash(random.chance(percent: 80) ? .tears : .losesAll)
                if problem == nil { problem = life.recover() }
                if let found = problem { problem = "round \(round): \(found)" }
            }
            #expect(problem == nil, "seed \(seed)")
        }
    }

    private func step(_ life: LogLife, _ random: inout Random) -> LogStep {
        let model = life.models[life.models.count - 1]
        switch random.below(11) {
        case 0...4:
            var batches: [LogBatch] = []
            var ahead = model
            for _ in 0...random.below(3) {
                let batch = batch(after: ahead, &random)
                ahead.take(batch)
                batches.append(batch)
            }
            return .append(batches)
        case 5, 6: return .sync
        case 7: return .release(LogIndex(UInt64(random.below(Int(model.last.number) + 2))))
        case 8: return .markEnd
        case 9: return .prepare
        default: return .reopen
        }
    }

    private func batch(after model: LogModel, _ random: inout Random) -> LogBatch {
        var batch = LogBatch()
        let term = (model.entries.last?.term ?? Term(1)).number
        if random.chance(percent: 30) { batch.hardState = state(term, commit: 0) }
        if random.chance(percent: 20) {
            if random.chance(percent: 30) {
                batch.mark = mark(model.last.number + UInt64(1 + random.below(5)), term: term + 1)
                return batch
            }
            let covered = model.marks.last?.index ?? .zero
            let later = model.entries.filter { entry in entry.index >= covered }
            if let entry = later.randomElement(using: &random) {
                batch.mark = mark(entry.index.number, term: entry.term.number)
            }
        }
        let newest = max(model.base, batch.mark?.index ?? model.marks.last?.index ?? .zero)
        let back = UInt64(random.below(4))
        let first = max(newest.number + 1, model.last.number + 1 - min(back, model.last.number))
        let count = UInt64(random.below(5))
        let isLong = random.chance(percent: 5)
        if count > 0, first <= model.last.number + 1 {
            batch.entries = entries(
                first...first + count - 1, term: back == 0 ? term : term + 1,
                size: isLong ? 2000 : random.below(80))
        }
        return batch
    }
}
