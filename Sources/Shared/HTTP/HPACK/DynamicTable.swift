// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The table that both ends of a connection build in step (RFC 7541, section 2.3.2).
struct DynamicTable {
    /// Oldest first; those before `first` are evicted.
    private var entries: [HeaderField] = []
    private var first = 0
    private(set) var byteCount = 0
    private(set) var maxByteCount: Int
    /// Grows with every change; what was computed at one generation holds until the next.
    private(set) var generation: UInt64 = 0

    init(maxByteCount: Int) {
        self.maxByteCount = maxByteCount
    }

    var count: Int { entries.count - first }

    /// 0 is the newest.
    subscript(index: Int) -> HeaderField { entries[entries.count - 1 - index] }

    mutating func insert(_ field: HeaderField) {
        generation += 1
        let size = Int(field.size)
        // Section 4.4: a field larger than the table empties it and is not an error.
        evict(until: maxByteCount - size)
        if size > maxByteCount { return }
        entries.append(field)
        byteCount += size
        invariant(byteCount <= maxByteCount, "table of \(byteCount) beyond \(maxByteCount)")
    }

    mutating func resize(_ limit: Int) {
        generation += 1
        maxByteCount = limit
        evict(until: limit)
    }

    private mutating func evict(until limit: Int) {
        while byteCount > max(0, limit), first < entries.count {
            byteCount -= Int(entries[first].size)
            entries[first] = Self.evicted
            first += 1
        }
        if first == entries.count || first > 64 && first * 2 > entries.count {
            entries.removeFirst(first)
            first = 0
        }
    }

    /// The place of an equal field (0 is the newest), else -1.
    func index(of field: HeaderField) -> Int {
        var at = entries.count - 1
        while at >= first {
            if entries[at].kind == field.kind, entries[at].value == field.value,
                field.kind != .other && field.kind != .connectionSpecific
                    && field.kind != .unknownPseudo || entries[at].name == field.name
            {
                return entries.count - 1 - at
            }
            at -= 1
        }
        return -1
    }

    /// The place of a field with the same name (0 is the newest), else -1.
    func nameIndex(of field: HeaderField) -> Int {
        for index in 0..<count where self[index].name == field.name { return index }
        return -1
    }

    private static let evicted = HeaderField("", "")
}
