// SPDX-License-Identifier: Apache-2.0

// A record in a chunk, at an offset that is a multiple of eight:
//
//   0   main revision   Int64
//   8   sub revision    UInt32, the top bit set for a tombstone
//   12  length          UInt32, of the KeyValue bytes
//   16  KeyValue bytes, padded to eight
//
// Numbers are in the machine's own order: a chunk never leaves the process.

/// Raw memory for records.
///
/// Sendable because a byte is written once, by the owner of the keyspace, before anyone else is
/// told how far the chunk is used; nobody reads beyond what he was told.
@safe
final class Chunk: @unchecked Sendable {
    static let headerSize = 16
    static let alignment = 8
    private static let tombstoneBit: UInt32 = 1 << 31
    /// Sub revisions and lengths must stay below this.
    static let numberMax = 1 << 31

    let capacity: Int
    private let base: UnsafeMutableRawPointer

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = .allocate(byteCount: max(capacity, 1), alignment: Chunk.alignment)
    }

    deinit {
        unsafe base.deallocate()
    }

    /// How much of a chunk a KeyValue of `length` bytes takes.
    static func footprint(_ length: Int) -> Int {
        (headerSize &+ length &+ alignment &- 1) & ~(alignment &- 1)
    }

    func main(at offset: Int) -> Int64 {
        unsafe base.load(fromByteOffset: offset, as: Int64.self)
    }

    func sub(at offset: Int) -> Int64 {
        Int64(unsafe base.load(fromByteOffset: offset &+ 8, as: UInt32.self) & ~Chunk.tombstoneBit)
    }

    func isTombstone(at offset: Int) -> Bool {
        unsafe base.load(fromByteOffset: offset &+ 8, as: UInt32.self) & Chunk.tombstoneBit != 0
    }

    func length(at offset: Int) -> Int {
        Int(unsafe base.load(fromByteOffset: offset &+ 12, as: UInt32.self))
    }

    func revision(at offset: Int) -> Revision {
        Revision(main: main(at: offset), sub: sub(at: offset))
    }

    func footprint(at offset: Int) -> Int {
        Chunk.footprint(length(at: offset))
    }

    /// The KeyValue bytes; they live as long as the chunk.
    func wire(at offset: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: base + (offset &+ Chunk.headerSize), count: length(at: offset))
    }

    func fields(at offset: Int) -> KeyValueFields {
        guard let fields = unsafe KeyValueFields.read(wire(at: offset)) else {
            fatalError("a stored record does not decode, revision \(revision(at: offset))")
        }
        return fields
    }

    func key(at offset: Int) -> UnsafeRawBufferPointer {
        let wire = unsafe wire(at: offset)
        return unsafe UnsafeRawBufferPointer(rebasing: wire[fields(at: offset).key])
    }

    // MARK: Writing, by the owner of the keyspace alone

    func write(_ draft: KeyValueDraft, length: Int, revision: Revision, tombstone: Bool, at: Int) {
        writeHeader(revision, tombstone: tombstone, length: length, at: at)
        unsafe draft.write(to: base + (at &+ Chunk.headerSize))
    }

    func write(_ wire: UnsafeRawBufferPointer, revision: Revision, tombstone: Bool, at: Int) {
        writeHeader(revision, tombstone: tombstone, length: wire.count, at: at)
        guard let source = wire.baseAddress else { return }
        unsafe (base + (at &+ Chunk.headerSize)).copyMemory(from: source, byteCount: wire.count)
    }

    func copy(from other: Chunk, at source: Int, to target: Int) {
        let count = Chunk.headerSize &+ other.length(at: source)
        unsafe (base + target).copyMemory(from: other.base + source, byteCount: count)
    }

    private func writeHeader(_ revision: Revision, tombstone: Bool, length: Int, at offset: Int) {
        let flag = tombstone ? Chunk.tombstoneBit : 0
        let sub = UInt32(truncatingIfNeeded: revision.sub) | flag
        unsafe base.storeBytes(of: revision.main, toByteOffset: offset, as: Int64.self)
        unsafe base.storeBytes(of: sub, toByteOffset: offset &+ 8, as: UInt32.self)
        unsafe base.storeBytes(
            of: UInt32(truncatingIfNeeded: length), toByteOffset: offset &+ 12, as: UInt32.self)
    }
}
