// SPDX-License-Identifier: Apache-2.0
import Bytes
import SimulatedDisk
import Storage
import Testing

struct BoltFuzzTests {
    /// A file in memory without any simulation, for speed.
    private final class MemoryFile: DiskFile {
        var bytes: [UInt8] = []
        var path: String { "/db" }

        func size() throws(DiskError) -> Int64 { Int64(bytes.count) }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
        ) throws(DiskError) -> Int {
            let start = min(Int(offset), bytes.count)
            let count = min(buffer.count, bytes.count - start)
            unsafe buffer.copyBytes(from: bytes[start..<start + count])
            return count
        }

        func write(_ more: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
            let end = Int(offset) + more.count
            if bytes.count < end {
                bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
            }
            unsafe bytes.replaceSubrange(Int(offset)..<end, with: more)
        }

        func allocate(to size: Int64) throws(DiskError) {}
        func truncate(to size: Int64) throws(DiskError) {}
        func sync() throws(DiskError) {}
        func close() {}
    }

    private func readAll(_ file: any DiskFile) throws(StorageError) -> Int {
        let reader = try BoltReader(file: file)
        var count = 0
        for name in reader.bucketNames {
            unsafe try reader.forEach(in: name) { _, value throws(StorageError) in
                count += 1 + value.count
            }
        }
        return count
    }

    private func whole() throws -> [UInt8] {
        let file = MemoryFile()
        var random = Random(seed: 3)
        let keys = randomRows(9, &random, bigValues: false)
        let big: Rows = [([1], [UInt8](repeating: 5, count: 1200)), ([2], [3])]
        _ = try write([("a", [([9], [8])]), ("big", big), ("key", keys)], to: file, pageSize: 1024)
        return file.bytes
    }

    /// Known bug: fuzz-2022-index.
    @Test func `fuzz: 100,000 mutated files neither trap nor hang`() throws {
        let whole = try whole()
        // Where the structure is: headers, element tables and metas.
        let pageCount = whole.count / 1024
        let file = MemoryFile()
        file.bytes = whole
        var random = Random(seed: 8)
        var refused = 0
        for round in 0..<100_000 {
            var touched: [Int] = []
            for _ in 0...random.below(2) {
                let page = 1024 * random.below(pageCount)
                let at = min(page + random.below(random.below(4) == 0 ? 1024 : 64), whole.count - 1)
                file.bytes[at] = mutatedByte(file.bytes[at], &random)
                touched.append(at)
            }
            // The walk is the slow part; a tenth also goes through the whole check.
            do throws(StorageError) {
                _ = try readAll(file)
                if round % 10 == 0 { _ = try BoltReader(file: file).check() }
            } catch {
                refused += 1
            }
            for at in touched { file.bytes[at] = whole[at] }
        }
        #expect(refused > 10_000)
        #expect(file.bytes == whole)
    }

    private func mutatedByte(_ byte: UInt8, _ random: inout Random) -> UInt8 {
        switch random.below(4) {
        case 0: byte ^ (1 << UInt8(random.below(8)))
        case 1: byte &+ 1
        case 2: [0, 1, 2, 0x7f, 0x80, 0xff][random.below(6)]
        default: UInt8(random.below(256))
        }
    }

    @Test func `fuzz: random and cut files are refused`() throws {
        let whole = try whole()
        let file = MemoryFile()
        var random = Random(seed: 4)
        for round in 0..<3_000 {
            file.bytes =
                round % 2 == 0
                ? random.bytes(random.below(200)) : Array(whole.prefix(random.below(whole.count)))
            #expect(throws: StorageError.self) { _ = try readAll(file) }
        }
    }

    @Test func `pages that point at each other are found out`() throws {
        let file = MemoryFile()
        file.bytes = try whole()
        var cycles = 0
        // Each branch element is made to point at each page.
        let pages = file.bytes.count / 1024
        for page in 2..<pages where file.bytes[page * 1024 + 8] == 1 {
            let start = page * 1024
            for target in 2..<pages {
                let old = file.bytes[start + 24]
                file.bytes[start + 24] = UInt8(target)
                if (try? readAll(file)) == nil { cycles += 1 }
                if target == page {
                    let problems = try BoltReader(file: file).check()
                    #expect(!problems.isEmpty)
                }
                file.bytes[start + 24] = old
            }
        }
        #expect(cycles > 0)
    }

    @Test func `fuzz: mutated sums are refused or the same`() throws {
        let file = MemoryFile()
        file.bytes = [UInt8](repeating: 3, count: 70_000)
        let sums = try BlockSums.of(file)
        let encoded = sums.encoded()
        #expect(BlockSums(decoding: encoded) == sums)
        var random = Random(seed: 4)
        for _ in 0..<100_000 {
            var bytes = encoded
            bytes[random.below(bytes.count)] ^= UInt8(1 + random.below(255))
            if random.below(4) == 0 { bytes.removeLast(random.below(bytes.count)) }
            if BlockSums(decoding: bytes) != nil { Issue.record("accepted damaged sums") }
        }
    }
}
