// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import SimulatedDisk
import Storage
import Testing

typealias Rows = [(key: [UInt8], value: [UInt8])]

/// Buckets by name with rows in key order.
func write(
    _ buckets: [(name: String, rows: Rows)], to file: any DiskFile, pageSize: Int = 4096
) throws -> Int64 {
    var writer = BoltWriter(file: file, pageSize: pageSize)
    for bucket in buckets {
        try writer.beginBucket(bucket.name)
        for row in bucket.rows { try writer.put(key: row.key, value: row.value) }
        try writer.endBucket()
    }
    return try writer.finish(transaction: 10)
}

func rows(of reader: BoltReader, in bucket: String) throws -> Rows {
    var found: Rows = []
    unsafe try reader.forEach(in: bucket) { key, value throws(StorageError) in
        unsafe found.append((Array(key), Array(value)))
    }
    return found
}

func same(_ left: Rows, _ right: Rows) -> Bool {
    left.elementsEqual(right) { one, other in one == other }
}

func randomRows(_ count: Int, _ random: inout Random, bigValues: Bool) -> Rows {
    var rows: [[UInt8]: [UInt8]] = [:]
    for _ in 0..<count {
        let isBig = bigValues && random.chance(percent: 3)
        let key = random.bytes(1 + random.below(isBig ? 3000 : 30))
        rows[key] = random.bytes(random.below(isBig ? 60_000 : 300))
    }
    return rows.keys.sorted { one, other in one.lexicographicallyPrecedes(other) }
        .map { key in (key, rows[key] ?? []) }
}

/// The rows of an etcd: `count` revisions.
func revisions(_ count: Int, valueSize: Int) -> Rows {
    (1...count).map { number in
        var key = ByteWriter()
        key.appendBigEndian(UInt64(number + 1))
        key.append(0x5F)
        key.appendBigEndian(UInt64(0))
        var value = ByteWriter()
        value.appendField(1, bytes: Array("key\(number)".utf8))
        value.appendField(2, UInt64(number + 1))
        value.appendField(3, UInt64(number + 1))
        value.appendField(4, 1)
        value.appendField(5, bytes: [UInt8](repeating: 0x61, count: valueSize))
        return (key.bytes, value.bytes)
    }
}

struct BoltTests {
    private func file() throws -> any DiskFile {
        try SimulatedDisk(seed: 1).open("/db", .create)
    }

    @Test func `what was written is read back, for random buckets and page sizes`() throws {
        for seed in 0..<UInt64(20) {
            var random = Random(seed: seed)
            let pageSize = [1024, 4096, 16384][random.below(3)]
            let names = ["auth", "key", "lease", "meta"].prefix(random.below(5))
            let buckets = names.map { name in
                (
                    name: name,
                    rows: randomRows(
                        [0, 1, 3, 40, 300][random.below(5)], &random, bigValues: true)
                )
            }
            let file = try file()
            let size = try write(buckets, to: file, pageSize: pageSize)
            #expect(try file.size() == size)
            let reader = try BoltReader(file: file)
            #expect(reader.check().isEmpty, "seed \(seed)")
            #expect(reader.size == size)
            #expect(reader.bucketNames == names.map { name in Array(name.utf8) })
            for bucket in buckets {
                #expect(same(try rows(of: reader, in: bucket.name), bucket.rows), "seed \(seed)")
            }
        }
    }

    @Test func `long keys and deep trees`() throws {
        let long: Rows = (0..<60).map { number in
            ([UInt8(number)] + [UInt8](repeating: 7, count: 32_000), [1, 2, 3])
        }
        let file = try file()
        _ = try write([("b", long)], to: file, pageSize: 1024)
        let reader = try BoltReader(file: file)
        #expect(reader.check().isEmpty)
        #expect(same(try rows(of: reader, in: "b"), long))
    }

    @Test func `a hundred thousand keys in three buckets`() throws {
        let buckets = [
            ("key", revisions(100_000, valueSize: 20)), ("lease", Rows()),
            ("meta", [(Array("consistent_index".utf8), [0, 0, 0, 0, 0, 0, 0, 9])]),
        ]
        let file = try file()
        _ = try write(buckets, to: file)
        let reader = try BoltReader(file: file)
        var count = 0
        unsafe try reader.forEach(in: "key") { _, _ throws(StorageError) in count += 1 }
        #expect(count == 100_000)
        let status = try SnapshotStatus.of(reader)
        #expect(status.rowCount == 100_001)
        #expect(status.revision == 100_001)
        let index = try reader.value(of: "consistent_index", in: "meta")
        #expect(index == [0, 0, 0, 0, 0, 0, 0, 9])
        #expect(try reader.value(of: "absent", in: "meta") == nil)
    }

    @Test func `a body that refuses ends the walk`() throws {
        let file = try file()
        _ = try write([("key", revisions(100, valueSize: 20))], to: file)
        let reader = try BoltReader(file: file)
        var seen = 0
        #expect(throws: StorageError.refused("no")) {
            unsafe try reader.forEach(in: "key") { _, _ throws(StorageError) in
                seen += 1
                if seen == 5 { throw .refused("no") }
            }
        }
        #expect(seen == 5)
    }

    @Test func `a full disk is reported as such`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.capacity = 100_000
        let file = try disk.open("/db", .create)
        do {
            _ = try write([("key", revisions(5_000, valueSize: 200))], to: file)
            Issue.record("written all the same")
        } catch let error as StorageError {
            #expect(error.isNoSpace)
        }
    }

    @Test func `etcd's own tool accepts the file and computes the same status`() throws {
        guard let tool = ProcessInfo.processInfo.environment["KEELSON_ETCDUTL"],
            FileManager.default.isExecutableFile(atPath: tool)
        else {
            print("skipped: KEELSON_ETCDUTL names no etcdutl")
            return
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "keelson-bolt-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var big = revisions(3_000, valueSize: 100)
        big[1_500].value += [UInt8](repeating: 0x62, count: 1_500_000)
        let path = folder.appendingPathComponent("snapshot.db")
        for keys in [big, Array(big.prefix(3)), Rows()] {
            let disk = SimulatedDisk(seed: 1)
            let file = try disk.open("/db", .create)
            let meta: Rows = [(Array("consistent_index".utf8), [UInt8](repeating: 0, count: 8))]
            let buckets = [("alarm", Rows()), ("key", keys), ("lease", Rows()), ("meta", meta)]
            _ = try write(buckets, to: file)
            try Data(disk.contents("/db") ?? []).write(to: path)
            let status = try SnapshotStatus.of(try BoltReader(file: file))
            let printed = try run(tool, ["snapshot", "status", path.path, "-w", "json"])
            let wanted =
                "{\"hash\":\(status.hash),\"revision\":\(status.revision),"
                + "\"totalKey\":\(status.rowCount),\"totalSize\":\(status.size)}"
            #expect(printed.trimmingCharacters(in: .whitespacesAndNewlines) == wanted)
        }
    }

    private func run(_ tool: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(bytes: output, encoding: .utf8) ?? ""
    }
}
