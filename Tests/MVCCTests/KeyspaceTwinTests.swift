// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import MVCC

/// Drives a keyspace and its naive twin with the same random traffic.
struct Twins {
    var random: Random
    let seed: UInt64
    var keyspace: Keyspace
    var naive = NaiveKeyspace()
    var kept: [(view: KeyspaceView, rows: [RawRow], hash: UInt32)] = []

    init(seed: UInt64) {
        self.seed = seed
        random = Random(seed: seed)
        keyspace = Keyspace(hashSeed: seed, chunkSize: [128, 512, 4096][Int(seed % 3)])
    }

    mutating func key() -> [UInt8] {
        let letters: [UInt8] = [0x61, 0x62, 0xff, 0x00]
        return [0x6b] + (0..<random.below(4)).map { _ in letters[random.below(4)] }
    }

    mutating func range() -> KeyRange {
        switch random.below(4) {
        case 0: KeyRange(key: key())
        case 1: KeyRange(key: key(), end: [0])
        default: KeyRange(key: key(), end: key())
        }
    }

    /// 0, or around what may be asked for.
    mutating func revision() -> Int64 {
        if random.chance(percent: 30) { return 0 }
        let oldest = max(1, naive.compactRevision - 1)
        return oldest + Int64(random.below(Int(naive.revision - oldest) + 3))
    }

    mutating func step() throws {
        switch random.below(100) {
        case 0..<45: try write()
        case 45..<60: try read()
        case 60..<68: try compact()
        case 68..<82: _ = keyspace.removeCompacted(budget: 1 + random.below(12))
        case 82..<88: try history()
        case 88..<93: try look()
        case 93..<97: keep()
        default: try restart()
        }
    }

    mutating func write() throws {
        keyspace.beginWrite()
        var touched: Set<[UInt8]> = []
        var changes: [Change] = []
        for _ in 0..<1 + random.below(3) {
            if random.chance(percent: 65) {
                let key = key()
                if !touched.insert(key).inserted { continue }
                let value = random.bytes(random.chance(percent: 5) ? 600 : random.below(20))
                let lease = Int64(random.below(3))
                let before = naive.get(key, at: 0)
                naive.put(key, value, lease)
                changes.append(keyspace.put(key: key, value: value, lease: lease))
                #expect(changes.last?.previous?.naive == before, "seed \(seed)")
            } else {
                let range = range()
                let victims = naive.range(range, at: 0)
                if victims.contains(where: { touched.contains($0.key) }) { continue }
                victims.forEach { touched.insert($0.key) }
                naive.delete(range)
                let deleted = keyspace.delete(range)
                #expect(deleted.compactMap { $0.previous?.naive } == victims, "seed \(seed)")
                changes += deleted
            }
            let range = range()
            #expect(
                try keyspace.range(range).records.map(\.naive) == naive.range(range, at: 0),
                "seed \(seed)")
        }
        let ended = keyspace.endWrite()
        let expected = naive.endWrite()
        #expect(ended.map(\.record.naive) == expected, "seed \(seed)")
        #expect(changes.map(\.record.naive) == expected, "seed \(seed)")
        #expect(ended.map(\.record.wire) == expected.map(\.wire), "seed \(seed)")
        #expect(keyspace.revision == naive.revision, "seed \(seed)")
    }

    func refusal(at revision: Int64) -> KeyspaceError? {
        if revision > naive.revision { return .futureRevision }
        if revision > 0, revision < naive.compactRevision {
            return .compacted(revision: naive.compactRevision)
        }
        return nil
    }

    mutating func read() throws {
        let range = range()
        let key = key()
        let limit = random.below(4)
        let revision = revision()
        do throws(KeyspaceError) {
            let found = try keyspace.range(range, at: revision, limit: limit)
            let counted = try keyspace.range(range, at: revision, countOnly: true)
            let expected = naive.range(range, at: revision)
            let cut = limit > 0 ? Array(expected.prefix(limit)) : expected
            #expect(found.records.map(\.naive) == cut, "seed \(seed)")
            #expect(found.count == expected.count, "seed \(seed)")
            #expect(counted.count == expected.count && counted.records.isEmpty, "seed \(seed)")
            let got = try keyspace.get(key, at: revision)
            #expect(got?.naive == naive.get(key, at: revision), "seed \(seed)")
            #expect(refusal(at: revision) == nil, "seed \(seed)")
        } catch {
            #expect(refusal(at: revision) == error, "seed \(seed)")
        }
    }

    mutating func compact() throws {
        let main = naive.compactRevision + Int64(random.below(8))
        do throws(KeyspaceError) {
            try keyspace.compact(through: main)
            #expect(main > naive.compactRevision && main <= naive.revision, "seed \(seed)")
            naive.compactRevision = main
        } catch {
            let expected: KeyspaceError =
                main <= naive.compactRevision
                ? .compacted(revision: naive.compactRevision) : .futureRevision
            #expect(error == expected, "seed \(seed)")
        }
    }

    mutating func history() throws {
        let from = max(1, naive.compactRevision) + Int64(random.below(6))
        let most = 1 + random.below(4)
        let (changes, next) = try keyspace.history(
            from: from, maxRevisions: most, maxBytes: random.chance(percent: 20) ? 1 : 1 << 20)
        let expected = naive.rows.filter {
            $0.revision.main >= from && $0.revision.main < next
                && (naive.keptRows.contains($0))
        }
        #expect(changes.map(\.record.naive) == expected, "seed \(seed) from \(from)")
        #expect(next > from || from > naive.revision, "seed \(seed)")
        #expect(Set(changes.map(\.record.modRevision)).count <= most, "seed \(seed)")
        for change in changes {
            let record = change.record
            let main = record.modRevision
            let before =
                main > naive.compactRevision ? naive.get(record.key, at: main - 1) : nil
            let found = keyspace.previous(of: record)
            #expect(found?.naive == (main > 1 ? before : nil), "seed \(seed)")
        }
    }

    /// Rows and hashes of a view, whatever the removal has got to.
    mutating func look() throws {
        let view = keyspace.view()
        let expected = naive.keptRows.map { RawRow(key: $0.rowKey, value: $0.wire) }
        #expect(view.rows == expected, "seed \(seed)")
        #expect(view.rowCount == expected.count, "seed \(seed)")
        for _ in 0..<3 {
            let oldest = max(1, naive.compactRevision)
            let main = oldest + Int64(random.below(Int(naive.revision - oldest) + 1))
            let hash = try view.hashKV(at: main)
            #expect(hash.hash == naive.hash(at: main), "seed \(seed) at \(main)")
        }
        #expect(throws: KeyspaceError.futureRevision) {
            try view.hashKV(at: naive.revision + 1)
        }
    }

    mutating func keep() {
        let view = keyspace.view()
        guard let hash = try? view.hashKV() else { return }
        kept.append((view, view.rows, hash.hash))
    }

    /// A new process reads the rows: those of a view, or all that were ever written and not yet
    /// removed, as a file may hold them in the middle of a compaction.
    mutating func restart() throws {
        let compact = naive.compactRevision
        let isFinished = random.chance(percent: 50)
        let rows = isFinished ? naive.keptRows : naive.rows
        let new = Keyspace(hashSeed: seed + 1, chunkSize: [128, 512, 4096][random.below(3)])
        for row in rows { try new.restoreRow(row.rowKey, row.wire) }
        try new.finishRestore(
            scheduledCompact: compact < 0 ? nil : compact,
            finishedCompact: isFinished && compact >= 0 ? compact : nil)
        #expect(new.revision == keyspace.revision, "seed \(seed)")
        #expect(new.compactRevision == compact, "seed \(seed)")
        keyspace = new
    }

    mutating func finish() throws {
        while !keyspace.removeCompacted(budget: 1 + random.below(20)) {}
        #expect(keyspace.finishedCompactRevision == keyspace.scheduledCompactRevision)
        try look()
        let rows = naive.keptRows
        let keys = Set(rows.map(\.key))
        #expect(keyspace.log.liveCount == rows.count, "seed \(seed)")
        #expect(keyspace.tree.count == keys.count, "seed \(seed)")
        #expect(keyspace.table.count == keys.count, "seed \(seed)")
        #expect(keyspace.liveKeyCount == keys.filter { naive.get($0, at: 0) != nil }.count)
        let bytes = rows.reduce(0) { $0 + $1.rowKey.count + $1.wire.count + 32 }
        #expect(keyspace.log.liveRowBytes == bytes, "seed \(seed)")
        let walked = keyspace.log.segments.reduce(0) { $0 + $1.liveCount }
        #expect(walked == rows.count, "seed \(seed)")
        #expect(keyspace.log.rowBytes >= bytes, "seed \(seed)")
        for (view, rows, hash) in kept {
            #expect(view.rows == rows, "seed \(seed)")
            #expect(try view.hashKV().hash == hash, "seed \(seed)")
        }
    }
}

@Suite struct KeyspaceTwinTests {
    /// Known bug: 17780.
    @Test(arguments: 0..<60)
    func `a keyspace answers as a list of rows does`(seed: Int) throws {
        var twins = Twins(seed: UInt64(seed))
        for _ in 0..<150 { try twins.step() }
        try twins.finish()
    }

    @Test(arguments: 0..<6)
    func `the key tree is a sorted list`(seed: Int) {
        var random = Random(seed: UInt64(seed))
        let tree = KeyTree()
        let table = KeyTable(seed: UInt64(seed))
        var keys: [[UInt8]] = []
        var entries: [[UInt8]: KeyEntry] = [:]
        var alive: Set<[UInt8]> = []
        defer { for entry in entries.values { entry.free() } }
        for step in 0..<9000 {
            let growing = step < 5000
            if growing || keys.isEmpty {
                let key =
                    seed % 2 == 0
                    ? random.bytes(1 + random.below(3)) : Array("\(1e6 + Double(step))".utf8)
                if entries[key] != nil { continue }
                let entry = unsafe key.withUnsafeBytes {
                    unsafe KeyEntry.make(key: $0, hash: table.hash($0))
                }
                let lives = random.chance(percent: 70)
                entries[key] = entry
                if lives { alive.insert(key) }
                tree.insert(entry, isLive: lives)
                table.insert(entry)
                let at = place(of: key, in: keys)
                keys.insert(key, at: seed % 2 == 0 ? at : keys.count)
            } else {
                let at = seed == 4 ? 0 : seed == 5 ? keys.count - 1 : random.below(keys.count)
                let key = keys[at]
                guard let entry = entries[key] else { continue }
                if random.chance(percent: 10) {
                    let lives = !alive.contains(key)
                    tree.setLive(entry, lives)
                    if lives { alive.insert(key) } else { alive.remove(key) }
                    continue
                }
                tree.remove(entry)
                table.remove(entry)
                entry.free()
                entries[key] = nil
                alive.remove(key)
                keys.remove(at: at)
            }
            if step % 250 == 0 { compare(tree, table, keys, entries, alive, &random) }
        }
        compare(tree, table, keys, entries, alive, &random)
    }

    private func place(of key: [UInt8], in keys: [[UInt8]]) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].lexicographicallyPrecedes(key) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    private func compare(
        _ tree: KeyTree, _ table: KeyTable, _ keys: [[UInt8]], _ entries: [[UInt8]: KeyEntry],
        _ alive: Set<[UInt8]>, _ random: inout Random
    ) {
        #expect(tree.count == keys.count)
        #expect(table.count == keys.count)
        #expect(tree.liveCount == alive.count)
        let start = random.bytes(random.below(4))
        let from = place(of: start, in: keys)
        let before = keys[..<from].filter { alive.contains($0) }.count
        unsafe start.withUnsafeBytes { bytes in
            #expect(unsafe tree.liveCount(before: bytes) == before)
            var at = from
            var isSame = true
            unsafe tree.forEach(from: bytes) { entry, lives in
                isSame =
                    isSame && at < keys.count && entries[keys[at]] == entry
                    && lives == alive.contains(keys[at])
                at += 1
                return isSame
            }
            #expect(isSame && at == keys.count)
            #expect(
                unsafe table.find(bytes, hash: table.hash(bytes)) == entries[start])
        }
        if let key = keys.randomElement(using: &random) {
            unsafe key.withUnsafeBytes { bytes in
                #expect(unsafe table.find(bytes, hash: table.hash(bytes)) == entries[key])
            }
        }
    }
}
