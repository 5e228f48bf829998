// SPDX-License-Identifier: Apache-2.0

/// Header lists to header blocks (RFC 7541). One per connection and direction.
///
/// Lists that are the same array as before and led to nothing but table references are copied from
/// the last time, so the head and the trailers of a usual gRPC answer cost a few bytes each.
struct HPACKEncoder {
    private var table: DynamicTable
    /// The smallest and the last size since the last block, still to be told.
    private var pendingResize: (smallest: Int, last: Int)?
    private var known: [Known] = []
    private var nextKnown = 0

    private struct Known {
        var fields: [HeaderField]
        var generation: UInt64
        var bytes: [UInt8]
    }

    private static let knownCountMax = 4
    static let tableLimit = 4096

    init() {
        table = DynamicTable(maxByteCount: Self.tableLimit)
    }

    var tableByteCount: Int { table.byteCount }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE.
    mutating func resize(_ size: Int) {
        let size = min(size, Self.tableLimit)
        if size == table.maxByteCount, pendingResize == nil { return }
        table.resize(size)
        pendingResize = (min(size, pendingResize?.smallest ?? size), size)
    }

    mutating func encode(_ fields: [HeaderField], into output: inout [UInt8]) {
        if pendingResize == nil, let bytes = remembered(fields) {
            output.append(contentsOf: bytes)
            return
        }
        let start = output.count
        writeResize(&output)
        let before = table.generation
        var hasLiterals = false
        for field in fields where !write(field, &output) { hasLiterals = true }
        if !hasLiterals, before == table.generation, !fields.isEmpty {
            remember(fields, Array(output[start...]))
        }
    }

    private func remembered(_ fields: [HeaderField]) -> [UInt8]? {
        for entry in known
        where entry.generation == table.generation && isSame(entry.fields, fields) {
            return entry.bytes
        }
        return nil
    }

    /// The same storage, which cannot have changed since `known` shares it.
    private func isSame(_ left: [HeaderField], _ right: [HeaderField]) -> Bool {
        unsafe left.count == right.count
            && left.withUnsafeBufferPointer { left in
                unsafe right.withUnsafeBufferPointer { right in
                    unsafe left.baseAddress == right.baseAddress
                }
            }
    }

    private mutating func remember(_ fields: [HeaderField], _ bytes: [UInt8]) {
        let entry = Known(fields: fields, generation: table.generation, bytes: bytes)
        if known.count < Self.knownCountMax {
            known.append(entry)
        } else {
            known[nextKnown] = entry
            nextKnown = (nextKnown + 1) % Self.knownCountMax
        }
    }

    private mutating func writeResize(_ output: inout [UInt8]) {
        guard let (smallest, last) = pendingResize else { return }
        pendingResize = nil
        if smallest < last { Self.integer(smallest, prefix: 5, flags: 0x20, &output) }
        Self.integer(last, prefix: 5, flags: 0x20, &output)
    }

    /// True when a reference to a table was enough.
    private mutating func write(_ field: HeaderField, _ output: inout [UInt8]) -> Bool {
        let exact = StaticTable.exactIndex(field)
        if exact > 0 {
            output.append(0x80 | UInt8(truncatingIfNeeded: exact))
            return true
        }
        let place = table.index(of: field)
        if place >= 0 {
            Self.integer(StaticTable.count + 1 + place, prefix: 7, flags: 0x80, &output)
            return true
        }
        writeLiteral(field, &output)
        return false
    }

    private mutating func writeLiteral(_ field: HeaderField, _ output: inout [UInt8]) {
        let isIndexed = isWorthIndexing(field)
        var nameIndex = StaticTable.nameIndex(field.name)
        if nameIndex == 0 {
            let place = table.nameIndex(of: field)
            if place >= 0 { nameIndex = StaticTable.count + 1 + place }
        }
        Self.integer(
            nameIndex, prefix: isIndexed ? 6 : 4, flags: isIndexed ? 0x40 : 0, &output)
        if nameIndex == 0 { Self.string(field.name, &output) }
        Self.string(field.value, &output)
        if isIndexed { table.insert(field) }
    }

    /// Values that differ each time would only push others out.
    private func isWorthIndexing(_ field: HeaderField) -> Bool {
        switch field.kind {
        case .timeout, .grpcMessage, .contentLength: false
        default: Int(field.size) <= table.maxByteCount / 2
        }
    }

    private static func string(_ text: String, _ output: inout [UInt8]) {
        let plain = text.utf8.count
        let coded = Huffman.encodedCount(text.utf8)
        if coded < plain {
            integer(coded, prefix: 7, flags: 0x80, &output)
            Huffman.encode(text.utf8, into: &output)
        } else {
            integer(plain, prefix: 7, flags: 0, &output)
            output.append(contentsOf: text.utf8)
        }
    }

    private static func integer(
        _ value: Int, prefix: Int, flags: UInt8, _ output: inout [UInt8]
    ) {
        let mask = 1 << prefix - 1
        if value < mask {
            output.append(flags | UInt8(truncatingIfNeeded: value))
            return
        }
        output.append(flags | UInt8(truncatingIfNeeded: mask))
        var rest = value - mask
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }
}
