// SPDX-License-Identifier: Apache-2.0
import Bytes
import Interchange
import MVCC
import Replicated
import SimulatedDisk
import Storage
import Testing

struct SnapshotTests {
    private let disk = SimulatedDisk(seed: 1)

    private func snapshot(_ ledger: Ledger, withSum: Bool = true) throws -> SnapshotFile {
        try ledger.view().write(to: "/s.db", on: disk, withSum: withSum)
        return try SnapshotFile.open("/s.db", on: disk)
    }

    @Test(arguments: 1...12)
    func `the hash of a file is that of the member, at each revision`(seed: UInt64) throws {
        let ledger = Story(seed: seed, count: 160).ledger(through: 160)
        let file = try snapshot(ledger)
        let view = ledger.keyspace.view()
        let first = max(1, view.compactRevision)
        for revision in [0] + Array(first...view.revision) where revision < first + 6 {
            let expected = try view.hashKV(at: revision)
            // Small tables make it go over the file again and again.
            for tableKeys in [1_000, 3] {
                let found = try FileHash.of(file, at: revision, tableKeys: tableKeys)
                #expect(found.hash == expected.hash, "seed \(seed), revision \(revision)")
                #expect(found.revision == expected.revision)
                #expect(found.compactRevision == expected.compactRevision)
            }
        }
        #expect(throws: InterchangeError.self) {
            try FileHash.of(file, at: view.revision + 1)
        }
        if view.compactRevision > 1 {
            #expect(throws: InterchangeError.self) {
                try FileHash.of(file, at: view.compactRevision - 1)
            }
        }
    }

    @Test func `a whole file passes, and the numbers are those of the member`() throws {
        let ledger = Story(seed: 5, count: 200).ledger(through: 200)
        let file = try snapshot(ledger)
        let check = try SnapshotCheck.of(file, .real, requiresSum: true)
        let status = try FileStatus.of(file)
        #expect(check.revision == ledger.keyspace.revision)
        #expect(check.hash == status.summary.hash)
        #expect(check.rowCount == status.summary.rowCount)
        #expect(check.compactRevision == ledger.keyspace.compactRevision)
        #expect(check.sum == .matches)
    }

    @Test func `every flipped bit is found when there is a sum`() throws {
        let ledger = Story(seed: 6, count: 60).ledger(through: 60)
        try ledger.view().write(to: "/s.db", on: disk, withSum: true)
        let good = try disk.readAll("/s.db")
        var random = Random(seed: 6)
        for _ in 0..<400 {
            var bytes = good
            let place = random.below(bytes.count)
            bytes[place] ^= 1 << UInt8(random.below(8))
            #expect(throws: InterchangeError.self, "byte \(place)") {
                let file = try SnapshotFile(MemoryFile(bytes))
                _ = try SnapshotCheck.of(file, .real, requiresSum: true)
            }
        }
    }

    @Test func `a file that was cut says so, wherever`() throws {
        let ledger = Story(seed: 7, count: 60).ledger(through: 60)
        try ledger.view().write(to: "/s.db", on: disk, withSum: true)
        let good = try disk.readAll("/s.db")
        for count in stride(from: 0, to: good.count, by: 61) {
            #expect(throws: InterchangeError.self, "cut at \(count)") {
                let file = try SnapshotFile(MemoryFile(Array(good[..<count])))
                _ = try SnapshotCheck.of(file, .real, requiresSum: true)
            }
        }
    }

    @Test func `what never was a snapshot says what it is instead`() {
        func sentence(_ bytes: [UInt8]) -> String {
            do throws(InterchangeError) {
                _ = try SnapshotFile(MemoryFile(bytes, path: "f"))
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(sentence([]).contains("f is empty"))
        #expect(sentence([UInt8](repeating: 65, count: 9_000)).contains("f is no snapshot"))
        #expect(sentence([1, 2, 3]).contains("f is no snapshot"))
    }

    @Test func `rows that contradict their revision are found without a sum`() throws {
        let ledger = Story(seed: 8, count: 80).ledger(through: 80)
        let wrongs: [(String, [UInt8], [UInt8])] = [
            ("key", [1, 2, 3], []),
            ("key", Array(repeating: 0xff, count: 8) + [0x5f] + Array(repeating: 0, count: 8), []),
            ("lease", [1], [2]), ("members", Array("zz".utf8), Array("{}".utf8)),
            ("meta", Array("consistent_index".utf8), [1]),
        ]
        for (bucket, key, value) in wrongs {
            let file = try disk.open("/wrong.db", .create)
            var writer = BoltWriter(file: file)
            for name in LedgerView.bucketNames {
                try writer.beginBucket(name)
                if name == bucket {
                    try writer.put(key: key, value: value)
                } else {
                    unsafe try ledger.view().forEachRow(in: name) {
                        key, value throws(StorageError) in
                        unsafe try writer.put(key: key, value: value)
                    }
                }
                try writer.endBucket()
            }
            _ = try writer.finish(transaction: 3)
            file.close()
            let snapshot = try SnapshotFile.open("/wrong.db", on: disk)
            #expect(throws: InterchangeError.self, "\(bucket) \(key)") {
                try SnapshotCheck.of(snapshot, .real)
            }
        }
    }
}
