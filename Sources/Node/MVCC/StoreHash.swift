// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The key of a row of the key bucket: main, `_`, sub and, of a tombstone, `t`.
struct RowKey {
    private var bytes = InlineArray<18, UInt8>(repeating: 0)

    mutating func with<Failure: Error>(
        _ chunk: Chunk, _ offset: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let main = chunk.main(at: offset).bigEndian
        let sub = chunk.sub(at: offset).bigEndian
        let count = chunk.isTombstone(at: offset) ? 18 : 17
        try unsafe withUnsafeMutableBytes(of: &bytes) { (buffer) throws(Failure) in
            unsafe buffer.storeBytes(of: main, toByteOffset: 0, as: Int64.self)
            unsafe buffer[8] = 0x5f
            unsafe buffer.storeBytes(of: sub, toByteOffset: 9, as: Int64.self)
            unsafe buffer[17] = 0x74
            try unsafe body(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
        }
    }
}

/// Of each key in a view, its newest row at or before a revision. Built by one pass over the rows,
/// without the live index, so it works on any thread.
@safe
final class NewestRows {
    @unsafe
    private struct Slot {
        var chunk: Unmanaged<Chunk>?
        var offset: Int
        var hash: UInt32
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask = 1023
    private var count = 0
    /// Whether any key's newest row is not a tombstone.
    private(set) var hasLivingKey = false

    /// The view must outlive this.
    init(of view: KeyspaceView, through main: Int64) {
        unsafe slots = NewestRows.emptySlots(1024)
        view.forEachRecord { chunk, offset in
            if chunk.main(at: offset) <= main { note(chunk, offset) }
        }
        for at in 0...mask {
            if let chunk = unsafe slots[at].chunk,
                unsafe !chunk._withUnsafeGuaranteedRef({
                    unsafe $0.isTombstone(at: slots[at].offset)
                })
            {
                hasLivingKey = true
                break
            }
        }
    }

    deinit {
        unsafe slots.deallocate()
    }

    private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        unsafe slots.initialize(repeating: Slot(chunk: nil, offset: 0, hash: 0), count: count)
        return unsafe slots
    }

    /// Whether the row is the newest one of its key.
    func contains(_ chunk: Chunk, _ offset: Int) -> Bool {
        let key = unsafe chunk.key(at: offset)
        let slot = unsafe slots[find(key, hash: hashBytes(key, seed: 0))]
        guard let found = unsafe slot.chunk, unsafe slot.offset == offset else { return false }
        return unsafe found.toOpaque() == Unmanaged.passUnretained(chunk).toOpaque()
    }

    private func note(_ chunk: Chunk, _ offset: Int) {
        if (count &+ 1) &* 4 > (mask &+ 1) &* 3 { grow() }
        let key = unsafe chunk.key(at: offset)
        let hash = unsafe hashBytes(key, seed: 0)
        let at = unsafe find(key, hash: hash)
        if unsafe slots[at].chunk == nil { count &+= 1 }
        unsafe slots[at] = unsafe Slot(
            chunk: Unmanaged.passUnretained(chunk), offset: offset, hash: hash)
    }

    /// Where the key is, or would go.
    private func find(_ key: UnsafeRawBufferPointer, hash: UInt32) -> Int {
        var at = Int(hash) & mask
        while let chunk = unsafe slots[at].chunk {
            if unsafe slots[at].hash == hash {
                let offset = unsafe slots[at].offset
                let isSame = unsafe chunk._withUnsafeGuaranteedRef { chunk in
                    let other = unsafe chunk.key(at: offset)
                    return unsafe other.count == key.count && compareBytes(other, key) == 0
                }
                if isSame { return at }
            }
            at = (at &+ 1) & mask
        }
        return at
    }

    private func grow() {
        let old = unsafe slots
        let oldCount = mask &+ 1
        mask = oldCount &* 2 &- 1
        unsafe slots = NewestRows.emptySlots(oldCount &* 2)
        for index in 0..<oldCount where unsafe old[index].chunk != nil {
            var at = unsafe Int(old[index].hash) & mask
            while unsafe slots[at].chunk != nil { at = (at &+ 1) & mask }
            unsafe slots[at] = unsafe old[index]
        }
        unsafe old.deallocate()
    }
}

package struct KeyspaceHash: Equatable, Sendable {
    package var hash: UInt32
    /// The revision hashed.
    package var revision: Int64
    package var compactRevision: Int64

    package init(hash: UInt32, revision: Int64, compactRevision: Int64) {
        self.hash = hash
        self.revision = revision
        self.compactRevision = compactRevision
    }
}

extension KeyspaceView {
    /// etcd's HashKV: equal on members with the same history and the same compaction.
    ///
    /// CRC-32C over "key" and then keys and values of the rows up to `revision` (0: the view's).
    /// If any key lived at `revision`, then of the rows not after the compaction only the newest
    /// up to `revision` of each living key count. A tombstone exactly at the compaction never
    /// counts, because versions of etcd differ in keeping it.
    package func hashKV(at revision: Int64 = 0) throws(KeyspaceError) -> KeyspaceHash {
        // As in etcd, a negative revision is taken at its word: no row is that old.
        let main = revision == 0 ? self.revision : revision
        if main > self.revision { throw .futureRevision }
        if main >= 0, main < compactRevision { throw .compacted(revision: compactRevision) }
        var hash = CRC32C()
        hash.update(Array("key".utf8))
        var rowKey = RowKey()
        let feed = { (chunk: Chunk, offset: Int) in
            unsafe rowKey.with(chunk, offset) { unsafe hash.update($0) }
            unsafe hash.update(chunk.wire(at: offset))
        }
        if compactRevision < 0 {
            forEachRecord { chunk, offset in
                if chunk.main(at: offset) <= main { feed(chunk, offset) }
            }
        } else {
            forEachHashed(through: main, feed)
        }
        return KeyspaceHash(hash: hash.value, revision: main, compactRevision: compactRevision)
    }

    private func forEachHashed(through main: Int64, _ body: (Chunk, Int) -> Void) {
        let newest = NewestRows(of: self, through: main)
        if !newest.hasLivingKey {
            forEachKept { chunk, offset in
                let row = chunk.main(at: offset)
                if row > main || row == compactRevision && chunk.isTombstone(at: offset) { return }
                body(chunk, offset)
            }
            return
        }
        forEachRecord { chunk, offset in
            let row = chunk.main(at: offset)
            if row > main { return }
            if row > compactRevision
                || !chunk.isTombstone(at: offset) && newest.contains(chunk, offset)
            {
                body(chunk, offset)
            }
        }
    }
}
