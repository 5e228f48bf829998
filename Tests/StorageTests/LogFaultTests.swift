// SPDX-License-Identifier: Apache-2.0
import Bytes
import SimulatedDisk
import Storage
import Testing

struct LogFaultTests {
    private func fresh(_ disk: SimulatedDisk) throws -> LogLife {
        var life = LogLife(disk: disk)
        try life.begin()
        try life.take(.append([LogBatch(entries: entries(1...3, term: 1))]))
        try life.take(.sync)
        return life
    }

    /// Known bug: 2819.
    @Test func `a full disk refuses the append, loses nothing, and works again with room`() throws {
        let disk = SimulatedDisk(seed: 5)
        var life = try fresh(disk)
        var log = try #require(life.log)
        disk.capacity = disk.usedByteCount + 100
        var next: UInt64 = 4
        do {
            while next < 100 {
                try log.append([LogBatch(entries: entries(next...next, term: 1, size: 100))])
                try log.sync()
                next += 1
            }
            Issue.record("the disk never filled")
        } catch {
            #expect(error.isNoSpace)
        }
        #expect(log.lastIndex == LogIndex(next - 1))
        // What fits still goes in, and reading goes on.
        disk.capacity = nil
        try log.append([LogBatch(entries: entries(next...next + 20, term: 1, size: 100))])
        try log.sync()
        disk.crash()
        life = LogLife(disk: disk)
        let recovered = try Log.open(
            on: disk, directory: LogLife.directory, settings: LogLife.settings
        ).recovered
        #expect(recovered.entries.last?.index == LogIndex(next + 20))
    }

    @Test func `a write that fails for want of room is written over by the next one`() throws {
        for seed in 0..<UInt64(60) {
            let disk = SimulatedDisk(seed: seed)
            var log = try #require(try fresh(disk).log)
            disk.failNext(.write, DiskError.noSpaceCode)
            #expect(throws: StorageError.self) {
                try log.append([LogBatch(entries: entries(4...9, term: 1))])
            }
            try log.append([LogBatch(entries: entries(4...4, term: 2))])
            if seed % 2 == 0 { try log.sync() }
            disk.crash(seed % 3 == 0 ? .tears : .keepsAll)
            let found = try Log.open(
                on: disk, directory: LogLife.directory, settings: LogLife.settings
            ).recovered.entries
            let synced = entries(1...3, term: 1)
            let both = synced + entries(4...4, term: 2)
            #expect(found == both || (seed % 2 == 1 && found == synced), "seed \(seed)")
        }
    }

    @Test func `each failing call of a roll leaves the log usable or poisoned, never wrong`() throws
    {
        let kinds: [DiskOperation] = [.open, .allocate, .write, .sync, .rename, .syncDirectory]
        for code in [DiskError.noSpaceCode, DiskError.inputOutputCode] {
            for kind in kinds {
                let disk = SimulatedDisk(seed: 9)
                var log = try #require(try fresh(disk).log)
                try log.append([LogBatch(entries: entries(4...4, term: 1))])
                disk.failNext(kind, code)
                let big = LogBatch(entries: entries(5...5, term: 1, size: 900))
                var failed: StorageError?
                do {
                    try log.append([big])
                } catch {
                    failed = error
                }
                #expect(failed != nil, "\(kind)")
                let mayGoOn = failed?.isNoSpace == true && kind != .sync && kind != .syncDirectory
                if mayGoOn {
                    try log.append([big])
                    try log.sync()
                } else {
                    #expect(throws: StorageError.self) { try log.append([big]) }
                    #expect(throws: StorageError.self) { try log.sync() }
                }
                disk.crash()
                let found = try Log.open(
                    on: disk, directory: LogLife.directory, settings: LogLife.settings
                ).recovered.entries
                #expect(found.count >= (mayGoOn ? 5 : 3), "\(kind) \(code)")
            }
        }
    }

    /// Known bug: 2819.
    @Test func `after a failed sync everything is refused, even though the disk would agree`()
        throws
    {
        let disk = SimulatedDisk(seed: 2)
        var log = try #require(try fresh(disk).log)
        try log.append([LogBatch(entries: entries(4...4, term: 1))])
        disk.failNext(.sync, DiskError.noSpaceCode)
        #expect(throws: StorageError.self) { try log.sync() }
        #expect(throws: StorageError.self) { try log.sync() }
        #expect(throws: StorageError.self) { try log.markEnd() }
        #expect(throws: StorageError.self) { try log.release(through: LogIndex(1)) }
        do {
            try log.append([LogBatch(hardState: state(3, commit: 1))])
        } catch {
            guard case .poisoned = error else { return #expect(Bool(false), "\(error)") }
        }
    }

    @Test
    func `preparing writes zeros ahead, minds no full disk, and ends the log on any other error`()
        throws
    {
        let disk = SimulatedDisk(seed: 6)
        let path = "\(LogLife.directory)/\(String(repeating: "0", count: 15))1.log"
        var life = try fresh(disk)
        let end = try #require(disk.contents(path)?.lastIndex { $0 != 0 })
        disk.failNext(.write, DiskError.noSpaceCode)
        try life.take(.prepare)
        disk.failNext(.sync, DiskError.inputOutputCode)
        #expect(throws: StorageError.self) { try life.take(.prepare) }
        #expect(disk.contents(path)?.lastIndex { $0 != 0 } == end)
        #expect(throws: StorageError.self) { try life.take(.sync) }
        disk.crash()
        #expect(life.recover() == nil)
        disk.failNext(.write, DiskError.inputOutputCode)
        #expect(throws: StorageError.self) { try life.take(.prepare) }
        disk.crash()
        #expect(life.recover() == nil)
        // What was prepared once is not prepared again before it is used up.
        try life.take(.prepare)
        disk.failNext(.write, DiskError.inputOutputCode)
        try life.take(.prepare)
    }

    @Test func `a full disk at start does not keep the log from opening`() throws {
        let disk = SimulatedDisk(seed: 2)
        var life = try fresh(disk)
        try life.take(.append([LogBatch(entries: entries(4...6, term: 1))]))
        disk.crash()
        disk.capacity = 0
        var (log, recovered) = try Log.open(
            on: disk, directory: LogLife.directory, settings: LogLife.settings)
        #expect(recovered.entries.count >= 3)
        let next = log.lastIndex.number + 1
        do throws(StorageError) {
            try log.append([LogBatch(entries: entries(next...next, term: 1, size: 2000))])
        } catch {
            #expect(error.isNoSpace)
        }
    }

    @Test func `one append is one write call and rolls only when a segment is full`() throws {
        let disk = SimulatedDisk(seed: 2)
        var log = try #require(try fresh(disk).log)
        let before = disk.callCount
        try log.append((4...9).map { LogBatch(entries: entries($0...$0, term: 1, size: 1)) })
        #expect(disk.callCount == before + 1)
        #expect(log.segmentCount == 1)
    }
}
