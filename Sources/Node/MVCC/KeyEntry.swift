// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Where one version of a key is: 16 bytes.
struct Version: Equatable {
    let main: Int64
    let slot: UInt32
    /// Offsets are multiples of eight; the lowest bit says tombstone.
    private let place: UInt32

    init(_ main: Int64, slot: UInt32, offset: Int, tombstone: Bool) {
        self.main = main
        self.slot = slot
        place = UInt32(truncatingIfNeeded: offset) | (tombstone ? 1 : 0)
    }

    /// Stands for "no version"; real ones have a main of at least 1.
    static var none: Version { Version(0, slot: 0, offset: 0, tombstone: true) }

    var offset: Int { Int(place & ~7) }
    var isTombstone: Bool { place & 1 == 1 }
}

/// The block of a key: this header and then the bytes of the key. Most keys have one version, so
/// what more take has a block of its own.
@unsafe
struct KeyHeader {
    var newest: Version
    /// The versions before the newest, ascending; nil while there are none.
    var older: UnsafeMutablePointer<OlderHeader>?
    var hash: UInt32
    var keyLength: UInt32
}

/// The block of a key's older versions: this header and then the versions.
struct OlderHeader {
    var count: UInt32
    var capacity: UInt32
}

/// A key and where its versions are, in one block of memory that the two indexes share. The
/// keyspace frees it when compaction has taken the last version.
///
/// Worked example: put a (2), put a (4), delete a (5), put a (7).
///
///     versions              2  4  5†  7         † tombstone
///     at revision 3 → 2;    at 6 → 5†, so absent;    at 9 → 7
///     prune(through: 4)     4  5†  7            4 is the newest at or before 4
///     prune(through: 5)     5†  7               a tombstone exactly there stays
///     prune(through: 6)     7                   a tombstone before it goes
@safe
struct KeyEntry: Equatable {
    let header: UnsafeMutablePointer<KeyHeader>

    init(_ header: UnsafeMutablePointer<KeyHeader>) {
        unsafe self.header = unsafe header
    }

    static func == (left: KeyEntry, right: KeyEntry) -> Bool { unsafe left.header == right.header }

    /// A key without versions; give it one before anyone looks.
    static func make(key: UnsafeRawBufferPointer, hash: UInt32) -> KeyEntry {
        let size = unsafe MemoryLayout<KeyHeader>.size
        let block = unsafe UnsafeMutableRawPointer.allocate(
            byteCount: size + key.count, alignment: MemoryLayout<KeyHeader>.alignment)
        if let source = key.baseAddress {
            unsafe (block + size).copyMemory(from: source, byteCount: key.count)
        }
        let header = unsafe block.bindMemory(to: KeyHeader.self, capacity: 1)
        unsafe header.initialize(
            to: KeyHeader(
                newest: .none, older: nil, hash: hash,
                keyLength: UInt32(truncatingIfNeeded: key.count)))
        return unsafe KeyEntry(header)
    }

    func free() {
        unsafe UnsafeMutableRawPointer(header.pointee.older)?.deallocate()
        unsafe UnsafeMutableRawPointer(header).deallocate()
    }

    var hash: UInt32 { unsafe header.pointee.hash }
    var newest: Version { unsafe header.pointee.newest }
    var isLive: Bool { !newest.isTombstone }
    var versionCount: Int { newest.main == 0 ? 0 : olderCount &+ 1 }
    private var olderCount: Int { unsafe Int(header.pointee.older?.pointee.count ?? 0) }
    private var olderCapacity: Int { unsafe Int(header.pointee.older?.pointee.capacity ?? 0) }

    private var olderVersions: UnsafeMutablePointer<Version>? {
        guard let older = unsafe header.pointee.older else { return nil }
        return unsafe KeyEntry.versions(of: older)
    }

    private static func versions(
        of block: UnsafeMutablePointer<OlderHeader>
    ) -> UnsafeMutablePointer<Version> {
        unsafe UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: Version.self)
    }

    var key: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: UnsafeRawPointer(header) + MemoryLayout<KeyHeader>.size,
            count: Int(header.pointee.keyLength))
    }

    /// Versions by age; the last is the newest.
    func version(_ index: Int) -> Version {
        if index < olderCount, let older = unsafe olderVersions {
            return unsafe older[index]
        }
        return newest
    }

    /// The newest version at or before `main`.
    func version(at main: Int64) -> Version? {
        let newest = newest
        if newest.main <= main { return newest.main == 0 ? nil : newest }
        let count = countVersions(through: main)
        return count > 0 ? version(count - 1) : nil
    }

    /// How many versions are at or before `main`.
    private func countVersions(through main: Int64) -> Int {
        var low = 0
        var high = versionCount
        while low < high {
            let middle = (low &+ high) / 2
            if version(middle).main <= main { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changing

    func append(_ version: Version) {
        if newest.main != 0 { pushOlder(newest) }
        unsafe header.pointee.newest = version
    }

    private func pushOlder(_ version: Version) {
        let count = olderCount
        if count == olderCapacity { resizeOlder(to: max(1, count * 2)) }
        unsafe olderVersions?[count] = version
        unsafe header.pointee.older?.pointee.count &+= 1
    }

    private func resizeOlder(to capacity: Int) {
        let old = unsafe header.pointee.older
        let count = min(capacity, olderCount)
        unsafe header.pointee.older = nil
        if capacity > 0 {
            let new = unsafe KeyEntry.makeOlder(capacity, count: count)
            if let old = unsafe old {
                unsafe KeyEntry.versions(of: new).update(
                    from: KeyEntry.versions(of: old), count: count)
            }
            unsafe header.pointee.older = unsafe new
        }
        unsafe UnsafeMutableRawPointer(old)?.deallocate()
    }

    private static func makeOlder(
        _ capacity: Int, count: Int
    ) -> UnsafeMutablePointer<OlderHeader> {
        let start = MemoryLayout<OlderHeader>.size
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: start + capacity * MemoryLayout<Version>.stride,
            alignment: MemoryLayout<Version>.alignment)
        unsafe (block + start).bindMemory(to: Version.self, capacity: capacity)
            .initialize(repeating: .none, count: capacity)
        let header = unsafe block.bindMemory(to: OlderHeader.self, capacity: 1)
        unsafe header.initialize(
            to: OlderHeader(
                count: UInt32(truncatingIfNeeded: count),
                capacity: UInt32(truncatingIfNeeded: capacity)))
        return unsafe header
    }

    /// Forgets what a compaction through `main` removes. False when no version is left.
    func prune(through main: Int64, died: (Version) -> Void) -> Bool {
        let total = versionCount
        let reached = countVersions(through: main)
        if reached == 0 { return true }
        let base = version(reached - 1)
        let first = base.isTombstone && base.main < main ? reached : reached - 1
        if first == 0 { return true }
        for index in 0..<first { died(version(index)) }
        if first == total {
            resizeOlder(to: 0)
            unsafe header.pointee.newest = .none
            return false
        }
        let rest = olderCount - first
        if let older = unsafe olderVersions, rest > 0 {
            unsafe older.update(from: older + first, count: rest)
        }
        unsafe header.pointee.older?.pointee.count = UInt32(truncatingIfNeeded: rest)
        if rest == 0 || rest * 4 < olderCapacity { resizeOlder(to: rest) }
        return true
    }

    /// The record of `from` was copied to `to`.
    func relocate(_ from: Version, to: Version) {
        if newest == from {
            unsafe header.pointee.newest = to
            return
        }
        var index = countVersions(through: from.main) - 1
        while index >= 0, version(index) != from { index -= 1 }
        invariant(index >= 0, "no version \(from.main) of the key to move")
        unsafe olderVersions?[index] = to
    }
}
