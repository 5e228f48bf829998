// SPDX-License-Identifier: Apache-2.0
import Bytes
import SimulatedDisk
import Storage
import Testing

struct LogDamageTests {
    private static let directory = LogLife.directory

    /// Three segments, everything synced, the end vouched for.
    private func smallLog(steps: Int = 13) throws -> (SimulatedDisk, LogModel) {
        let disk = SimulatedDisk(seed: 1)
        var life = LogLife(disk: disk)
        try life.begin()
        for step in LogCrashTests.script.prefix(steps) { try life.take(step) }
        try life.take(.markEnd)
        return (disk, life.models[life.models.count - 1])
    }

    private func open(_ disk: SimulatedDisk) throws -> RecoveredLog {
        try Log.open(on: disk, directory: Self.directory, settings: LogLife.settings).recovered
    }

    /// Known bug: torn-tail.
    @Test func `each flipped bit of what was synced is reported, with file and offset`() throws {
        let (disk, model) = try smallLog()
        #expect(model.agrees(with: try open(disk)))
        let paths = disk.paths
        #expect(paths.count >= 3)
        for path in paths {
            let whole = try #require(disk.contents(path))
            // Behind the last byte that is not zero there is no log.
            let used = (whole.lastIndex { byte in byte != 0 } ?? 0) + 1
            // The end mark itself is not vouched for.
            let vouched = path == paths.last ? used - 40 : used
            for offset in 0..<used {
                disk.flipBit(path, offset: offset, bit: offset % 8)
                do {
                    let recovered = try open(disk)
                    #expect(offset >= vouched, "\(path) \(offset)")
                    #expect(model.agrees(with: recovered), "\(path) \(offset)")
                } catch StorageError.damaged(let found, let place, _) {
                    #expect(found == path || place == 0)
                    #expect(place <= Int64(offset), "\(path) \(offset)")
                } catch {
                    Issue.record("\(path) \(offset): \(error)")
                }
                disk.replace(path, with: whole)
            }
        }
    }

    @Test func `a zeroed region in the middle is damage, not the end`() throws {
        let (disk, _) = try smallLog()
        for path in disk.paths {
            let whole = try #require(disk.contents(path))
            let used = (whole.lastIndex { byte in byte != 0 } ?? 0) + 1
            for start in stride(from: 0, to: used - 100, by: 24) {
                var holed = whole
                for offset in start..<min(start + 48, used - 48) { holed[offset] = 0 }
                if holed == whole { continue }
                disk.replace(path, with: holed)
                #expect(throws: StorageError.self, "\(path) \(start)") { try open(disk) }
            }
            disk.replace(path, with: whole)
        }
    }

    /// Known bug: torn-tail.
    @Test func `a torn tail is cut and the log goes on from there`() throws {
        let disk = SimulatedDisk(seed: 3)
        var life = LogLife(disk: disk)
        try life.begin()
        try life.take(.append([LogBatch(entries: entries(1...3, term: 1))]))
        try life.take(.sync)
        try life.take(.append([LogBatch(entries: entries(4...5, term: 1))]))
        let path = disk.paths[0]
        let whole = try #require(disk.contents(path))
        let end = (whole.lastIndex { byte in byte != 0 } ?? 0) + 1
        disk.flipBit(path, offset: end - 10, bit: 0)
        var (log, recovered) = try Log.open(
            on: disk, directory: Self.directory, settings: LogLife.settings)
        #expect(recovered.entries == entries(1...3, term: 1))
        #expect(recovered.tornByteCount > 0)
        try log.append([LogBatch(entries: entries(4...4, term: 2))])
        try log.sync()
        let again = try open(disk)
        #expect(again.entries == entries(1...3, term: 1) + entries(4...4, term: 2))
        #expect(again.tornByteCount == 0)
    }

    @Test func `a missing segment and a swapped segment are reported`() throws {
        // Without a mark that would cover the first segment.
        let disk = SimulatedDisk(seed: 1)
        var life = LogLife(disk: disk)
        try life.begin()
        for first in stride(from: UInt64(1), to: 60, by: 5) {
            try life.take(.append([LogBatch(entries: entries(first...first + 4, term: 1))]))
        }
        try life.take(.markEnd)
        let paths = disk.paths
        #expect(paths.count >= 3)
        let second = try #require(disk.contents(paths[1]))
        try disk.remove(paths[1])
        #expect(throws: StorageError.missing(path: paths[1])) { try open(disk) }
        disk.replace(paths[1], with: try #require(disk.contents(paths[0])))
        #expect(throws: StorageError.self) { try open(disk) }
        disk.replace(paths[1], with: second)
        _ = try open(disk)
        try disk.remove(paths[0])
        #expect(throws: StorageError.self) { try open(disk) }
    }

    /// Known bug: TOB-2020-13.
    @Test func `Trail of Bits 13: a log that was just made opens, and is empty`() throws {
        let disk = SimulatedDisk(seed: 1)
        var life = LogLife(disk: disk)
        try life.begin()
        #expect(try open(disk).entries.isEmpty)
    }

    /// Known bug: TOB-2020-13.
    @Test func `an empty folder holds no log, and a log is not created twice`() throws {
        let disk = SimulatedDisk(seed: 1)
        #expect(throws: StorageError.missing(path: Self.directory)) { try open(disk) }
        var life = LogLife(disk: disk)
        try life.begin()
        #expect(throws: StorageError.exists(path: Self.directory)) { try life.begin() }
    }

    /// Known bug: TOB-2020-6.
    @Test func `fuzz: mutated segments neither trap nor invent entries`() throws {
        let (disk, model) = try smallLog()
        let images = disk.paths.map { path in (path, disk.contents(path) ?? []) }
        var random = Random(seed: 77)
        var opened = 0
        for _ in 0..<1_000 {
            let (path, whole) = images[random.below(images.count)]
            disk.replace(path, with: mutated(whole, &random))
            do {
                let recovered = try open(disk)
                opened += 1
                let known = recovered.entries.allSatisfy { entry in
                    entry.index <= model.last || entry.index.number < 64
                }
                #expect(known)
            } catch is StorageError {
                // Reported, as it must be.
            }
            for (path, whole) in images { disk.replace(path, with: whole) }
        }
        #expect(opened < 1_000)
    }

    private func mutated(_ whole: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = whole
        for _ in 0...random.below(4) {
            let at = random.below(bytes.count)
            switch random.below(4) {
            case 0: bytes[at] = UInt8(random.below(256))
            case 1:
                let length = min(random.below(64), bytes.count - at)
                for offset in at..<at + length { bytes[offset] = 0 }
            case 2: bytes.removeLast(random.below(bytes.count / 2))
            default:
                let length = min(random.below(200), bytes.count - at)
                let from = random.below(bytes.count - length + 1)
                bytes.replaceSubrange(at..<at + length, with: whole[from..<from + length])
            }
        }
        return bytes
    }
}
