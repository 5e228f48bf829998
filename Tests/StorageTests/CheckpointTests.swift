// SPDX-License-Identifier: Apache-2.0
import Bytes
import SimulatedDisk
import Storage
import Testing

struct CheckpointTests {
    private func prepared(_ seed: UInt64) throws -> (SimulatedDisk, Checkpoints) {
        let disk = SimulatedDisk(seed: seed)
        let folder = MemberFolder(root: "/data")
        try folder.prepare(on: disk)
        return (disk, Checkpoints(on: disk, directory: folder.snapDirectory))
    }

    private func publish(_ checkpoints: Checkpoints, _ number: UInt64) throws {
        _ = try checkpoints.publish(transaction: number) { writer throws(StorageError) in
            try writer.beginBucket("meta")
            try writer.put(key: Array("number".utf8), value: [UInt8(number)])
            try writer.put(key: Array("pad".utf8), value: [UInt8](repeating: 1, count: 9000))
            try writer.endBucket()
        }
    }

    private func number(_ checkpoint: OpenCheckpoint?) throws -> UInt8? {
        defer { checkpoint?.close() }
        return try checkpoint?.reader.value(of: "number", in: "meta")?.first
    }

    /// Known bug: 14685.
    @Test func `a crash at any call of publishing leaves the old or the new, with its sums`() throws
    {
        for seed in 0..<UInt64(5) {
            for calls in 0..<30 {
                let (disk, checkpoints) = try prepared(seed &* 100 &+ UInt64(calls))
                try publish(checkpoints, 1)
                disk.crashAfter(calls)
                var isPublished = false
                do {
                    try publish(checkpoints, 2)
                    isPublished = true
                } catch {
                    #expect(disk.hasCrashed)
                }
                disk.crash()
                disk.crashAfter(Int(seed % 4))
                try? checkpoints.tidy()
                disk.crash()
                try checkpoints.tidy()
                let newest = try #require(try checkpoints.newest())
                #expect(newest.hasSums, "seed \(seed), calls \(calls)")
                let found = try number(newest)
                #expect(found == 2 || (!isPublished && found == 1), "seed \(seed), calls \(calls)")
                #expect(disk.paths == ["/data/member/snap/db", "/data/member/snap/db.sums"])
            }
        }
    }

    @Test func `each flipped bit of a checkpoint is found in its block`() throws {
        let (disk, checkpoints) = try prepared(1)
        _ = try checkpoints.publish(transaction: 3) { writer throws(StorageError) in
            try writer.beginBucket("key")
            for row in revisions(2_000, valueSize: 60) {
                try writer.put(key: row.key, value: row.value)
            }
            try writer.endBucket()
        }
        let size = try #require(disk.contents(checkpoints.path)).count
        var random = Random(seed: 2)
        for _ in 0..<100 {
            let offset = random.below(size)
            disk.flipBit(checkpoints.path, offset: offset, bit: 3)
            do {
                _ = try checkpoints.newest()
                Issue.record("not found: \(offset)")
            } catch {
                // A pattern in the `catch` itself crashes the compiler (Swift 6.3.1).
                guard case .damaged(let path, let place, _) = error else { throw error }
                #expect(path == checkpoints.path)
                #expect(Int(place) == offset / BlockSums.blockSize * BlockSums.blockSize)
            }
            disk.flipBit(checkpoints.path, offset: offset, bit: 3)
        }
        try checkpoints.newest()?.close()
    }

    @Test func `loading gives out no row of a damaged block, and tells of damage nobody has read`()
        throws
    {
        let (disk, checkpoints) = try prepared(1)
        let rows = revisions(3_000, valueSize: 400)
        _ = try checkpoints.publish(transaction: 3) { writer throws(StorageError) in
            try writer.beginBucket("key")
            for row in rows { try writer.put(key: row.key, value: row.value) }
            try writer.endBucket()
        }
        let size = try #require(disk.contents(checkpoints.path)).count
        #expect(size > 4 * BlockSums.blockSize)
        var random = Random(seed: 12)
        for round in 0..<60 {
            let offset = random.below(size)
            disk.flipBit(checkpoints.path, offset: offset, bit: round % 8)
            var given = 0
            do {
                let found = try #require(try checkpoints.openForLoading(checkpoints.path))
                defer { found.close() }
                unsafe try found.reader.forEach(in: "key") { key, value throws(StorageError) in
                    unsafe #expect(Array(key) == rows[given].key, "offset \(offset)")
                    unsafe #expect(Array(value) == rows[given].value, "offset \(offset)")
                    given += 1
                }
                try found.reader.verifyRest()
                Issue.record("not found: \(offset)")
            } catch let error as StorageError {
                guard case .damaged(let path, let place, _) = error else { throw error }
                #expect(path == checkpoints.path)
                #expect(Int(place) == offset / BlockSums.blockSize * BlockSums.blockSize)
            }
            disk.flipBit(checkpoints.path, offset: offset, bit: round % 8)
        }
        let whole = try #require(try checkpoints.openForLoading(checkpoints.path))
        defer { whole.close() }
        try whole.reader.verifyRest()
    }

    /// Known bug: 20650.
    @Test func `a received checkpoint is checked, named and adopted, over crashes`() throws {
        let (source, from) = try prepared(1)
        try publish(from, 7)
        let image = try #require(source.contents(from.path))
        for seed in 0..<UInt64(4) {
            for calls in 0..<30 {
                let (disk, checkpoints) = try prepared(seed &* 100 &+ UInt64(calls))
                try publish(checkpoints, 1)
                disk.crashAfter(calls)
                var isAdopted = false
                do {
                    var incoming = try checkpoints.receive(LogIndex(50))
                    try incoming.append(Array(image[..<5000]))
                    try incoming.append(Array(image[5000...]))
                    try checkpoints.finish(incoming)
                    #expect(try checkpoints.received() == [LogIndex(50)])
                    try checkpoints.adopt(LogIndex(50))
                    isAdopted = true
                } catch {
                    #expect(disk.hasCrashed, "\(error)")
                }
                disk.crash()
                try checkpoints.tidy()
                for index in try checkpoints.received() {
                    let received = try checkpoints.open(checkpoints.receivedPath(index))
                    #expect(try number(received) == 7)
                }
                let newest = try #require(try checkpoints.newest())
                #expect(newest.hasSums)
                let found = try number(newest)
                #expect(found == 7 || (!isAdopted && found == 1), "seed \(seed), calls \(calls)")
            }
        }
    }

    @Test func `a received file that is not sound is refused and removed`() throws {
        let (disk, checkpoints) = try prepared(1)
        var incoming = try checkpoints.receive(LogIndex(5))
        try incoming.append([UInt8](repeating: 7, count: 20_000))
        #expect(throws: StorageError.self) { try checkpoints.finish(incoming) }
        #expect(disk.paths.isEmpty)
    }

    /// Known bug: 18842.
    @Test func `a full disk while publishing keeps the old checkpoint and leaves no remains`()
        throws
    {
        let (disk, checkpoints) = try prepared(1)
        try publish(checkpoints, 1)
        disk.capacity = disk.usedByteCount + 3000
        #expect(throws: StorageError.self) { try publish(checkpoints, 2) }
        #expect(disk.paths.count == 2)
        #expect(try number(try checkpoints.newest()) == 1)
    }

    @Test func `a file without sums is taken as it is`() throws {
        let (disk, checkpoints) = try prepared(1)
        try publish(checkpoints, 4)
        try disk.remove(checkpoints.path + ".sums")
        let found = try #require(try checkpoints.newest())
        #expect(!found.hasSums)
        #expect(try number(found) == 4)
    }
}
