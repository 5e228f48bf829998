// SPDX-License-Identifier: Apache-2.0

/// Key entries by hash: open addressing with linear probes, at most three quarters full. It does
/// not own the entries.
@safe
final class KeyTable {
    @unsafe
    private struct Slot {
        var header: UnsafeMutablePointer<KeyHeader>?
        var hash: UInt32
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
        unsafe slots.initialize(repeating: Slot(header: nil, hash: 0), count: count)
        return unsafe slots
    }

    func hash(_ key: UnsafeRawBufferPointer) -> UInt32 {
        unsafe hashBytes(key, seed: seed)
    }

    func find(_ key: UnsafeRawBufferPointer, hash: UInt32) -> KeyEntry? {
        var at = Int(hash) & mask
        while let header = unsafe slots[at].header {
            if unsafe slots[at].hash == hash {
                let entry = unsafe KeyEntry(header)
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
        unsafe place(Slot(header: entry.header, hash: entry.hash))
        count &+= 1
    }

    private func place(_ slot: Slot) {
        var at = unsafe Int(slot.hash) & mask
        while unsafe slots[at].header != nil { at = (at &+ 1) & mask }
        unsafe slots[at] = unsafe slot
    }

    private func grow() {
        let old = unsafe slots
        let oldCount = mask &+ 1
        mask = oldCount &* 2 &- 1
        unsafe slots = KeyTable.emptySlots(oldCount &* 2)
        for at in 0..<oldCount where unsafe old[at].header != nil { unsafe place(old[at]) }
        unsafe old.deallocate()
    }

    /// Removes the entry; those behind it move up, so no gap breaks a probe.
    func remove(_ entry: KeyEntry) {
        var gap = Int(entry.hash) & mask
        while let header = unsafe slots[gap].header {
            if unsafe header == entry.header { break }
            gap = (gap &+ 1) & mask
        }
        guard unsafe slots[gap].header != nil else { return }
        var at = (gap &+ 1) & mask
        while unsafe slots[at].header != nil {
            let home = unsafe Int(slots[at].hash) & mask
            // The slot may fill the gap unless its home lies after the gap.
            if (at &- home) & mask >= (at &- gap) & mask {
                unsafe slots[gap] = unsafe slots[at]
                gap = at
            }
            at = (at &+ 1) & mask
        }
        unsafe slots[gap] = unsafe Slot(header: nil, hash: 0)
        count &-= 1
    }

    /// Every entry, in no order that may be seen outside.
    func forEach(_ body: (KeyEntry) -> Void) {
        for at in 0...mask {
            if let header = unsafe slots[at].header { unsafe body(KeyEntry(header)) }
        }
    }
}
