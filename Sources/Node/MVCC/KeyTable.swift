// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Key entries by hash: open addressing with linear probes, at most three quarters full. It does
/// not own the entries.
///
/// A slot is one word: the entry's address in the lower 48 bits, which is all that Linux gives to a
/// process that does not ask for more, and the upper half of the hash above it; 0 is an empty slot.
@safe
final class KeyTable {
    private struct Slot {
        let word: UInt64

        static var empty: Slot { Slot(word: 0) }

        private init(word: UInt64) {
            self.word = word
        }

        init(_ entry: KeyEntry) {
            let address = unsafe UInt64(UInt(bitPattern: entry.header))
            invariant(address >> 48 == 0, "an entry at address \(address)")
            word = address | Slot.tag(entry.hash)
        }

        static func tag(_ hash: UInt32) -> UInt64 { UInt64(hash >> 16) << 48 }

        var isEmpty: Bool { word == 0 }

        /// Whether the hash may be that of the entry here.
        @inline(__always)
        func resembles(_ hash: UInt32) -> Bool { word >> 48 == UInt64(hash >> 16) }

        /// Nil of an empty slot.
        @inline(__always)
        var entry: KeyEntry? {
            let address = UInt(word & (1 << 48 - 1))
            guard let header = unsafe UnsafeMutablePointer<KeyHeader>(bitPattern: address) else {
                return nil
            }
            return unsafe KeyEntry(header)
        }
    }

    private let seed: UInt64
    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private(set) var count = 0

    init(seed: UInt64) {
        self.seed = seed
        mask = 63
        unsafe slots = KeyTable.emptySlots(64)
    }

    deinit {
        unsafe slots.deallocate()
    }

    private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        unsafe slots.initialize(repeating: .empty, count: count)
        return unsafe slots
    }

    func hash(_ key: UnsafeRawBufferPointer) -> UInt32 {
        unsafe hashBytes(key, seed: seed)
    }

    func find(_ key: UnsafeRawBufferPointer, hash: UInt32) -> KeyEntry? {
        var at = Int(hash) & mask
        while let entry = unsafe slots[at].entry {
            if unsafe slots[at].resembles(hash), entry.hash == hash {
                let found = unsafe entry.key
                if unsafe found.count == key.count && compareBytes(found, key) == 0 { return entry }
            }
            at = (at &+ 1) & mask
        }
        return nil
    }

    /// The entry's key must not be in the table yet.
    func insert(_ entry: KeyEntry) {
        if (count &+ 1) &* 4 > (mask &+ 1) &* 3 { grow() }
        place(Slot(entry), hash: entry.hash)
        count &+= 1
    }

    private func place(_ slot: Slot, hash: UInt32) {
        var at = Int(hash) & mask
        while unsafe !slots[at].isEmpty { at = (at &+ 1) & mask }
        unsafe slots[at] = slot
    }

    private func grow() {
        let old = unsafe slots
        let oldCount = mask &+ 1
        mask = oldCount &* 2 &- 1
        unsafe slots = KeyTable.emptySlots(oldCount &* 2)
        for at in 0..<oldCount {
            if let entry = unsafe old[at].entry { unsafe place(old[at], hash: entry.hash) }
        }
        unsafe old.deallocate()
    }

    /// Removes the entry; those behind it move up, so no gap breaks a probe.
    func remove(_ entry: KeyEntry) {
        var gap = Int(entry.hash) & mask
        while let found = unsafe slots[gap].entry, found != entry { gap = (gap &+ 1) & mask }
        guard unsafe !slots[gap].isEmpty else { return }
        var at = (gap &+ 1) & mask
        while let next = unsafe slots[at].entry {
            let home = Int(next.hash) & mask
            // The slot may fill the gap unless its home lies after the gap.
            if (at &- home) & mask >= (at &- gap) & mask {
                unsafe slots[gap] = unsafe slots[at]
                gap = at
            }
            at = (at &+ 1) & mask
        }
        unsafe slots[gap] = .empty
        count &-= 1
    }

    /// Every entry, in no order that may be seen outside.
    func forEach(_ body: (KeyEntry) -> Void) {
        for at in 0...mask {
            if let entry = unsafe slots[at].entry { body(entry) }
        }
    }
}
