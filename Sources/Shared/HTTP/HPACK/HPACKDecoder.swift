// SPDX-License-Identifier: Apache-2.0

/// Header blocks to header lists (RFC 7541). One per connection and direction.
///
/// A block that holds nothing but table references means the same until the table changes. Calls of
/// one method repeat such blocks, so the last few are kept with what they mean.
struct HPACKDecoder {
    private var table: DynamicTable
    /// What we announced by SETTINGS_HEADER_TABLE_SIZE.
    private let tableLimit: Int
    private var known: [Known] = []
    private var nextKnown = 0

    private struct Known {
        var bytes: [UInt8]
        var generation: UInt64
        var block: HeaderBlock
    }

    private static let knownCountMax = 8
    private static let knownBytesMax = 64

    init(tableLimit: Int = 4096) {
        self.tableLimit = tableLimit
        table = DynamicTable(maxByteCount: tableLimit)
    }

    var tableByteCount: Int { table.byteCount }
    var tableCount: Int { table.count }

    /// Decodes a whole block. A list beyond `maxListSize` (counted as section 4.1 does) is decoded
    /// to its end, for the table's sake, but not kept. One far beyond it is a bomb, a few bytes that
    /// name large fields again and again, and not worth the work.
    mutating func decode(_ bytes: ByteView, maxListSize: Int) throws(HTTPError) -> HeaderBlock {
        for entry in known
        where entry.generation == table.generation && bytes.equals(entry.bytes) {
            return entry.block
        }
        let before = table.generation
        var block = HeaderBlock()
        var hasLiterals = false
        var listSize = 0
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte & 0xe0 == 0x20 {
                if listSize > 0 { throw .compression("table size update inside a block") }
                try resize(bytes, &at)
                continue
            }
            let field: HeaderField
            if byte & 0x80 != 0 {
                field = try tableField(try integer(bytes, &at, prefix: 7))
            } else {
                hasLiterals = true
                field = try literal(bytes, &at)
            }
            listSize += Int(field.size)
            if listSize <= maxListSize { block.fields.append(field) }
            if listSize > maxListSize * HTTP2Engine.headerBombFactor {
                throw .connection(.enhanceYourCalm, "a header block swells without end")
            }
        }
        block.isTooLarge = listSize > maxListSize
        block.classify()
        if !hasLiterals, before == table.generation { remember(bytes, block) }
        return block
    }

    private mutating func remember(_ bytes: ByteView, _ block: HeaderBlock) {
        if bytes.count > Self.knownBytesMax { return }
        let entry = Known(bytes: bytes.array, generation: table.generation, block: block)
        if known.count < Self.knownCountMax {
            known.append(entry)
        } else {
            known[nextKnown] = entry
            nextKnown = (nextKnown + 1) % Self.knownCountMax
        }
    }

    private mutating func resize(_ bytes: ByteView, _ at: inout Int) throws(HTTPError) {
        let size = try integer(bytes, &at, prefix: 5)
        if size > tableLimit { throw .compression("table size \(size) beyond \(tableLimit)") }
        table.resize(size)
    }

    private func tableField(_ index: Int) throws(HTTPError) -> HeaderField {
        if index >= 1, index <= StaticTable.count { return StaticTable.field(index) }
        let place = index - StaticTable.count - 1
        guard place >= 0, place < table.count else {
            throw .compression("no field at index \(index)")
        }
        return table[place]
    }

    private mutating func literal(
        _ bytes: ByteView, _ at: inout Int
    ) throws(HTTPError) -> HeaderField {
        let isIndexed = bytes[at] & 0x40 != 0
        let nameIndex = try integer(bytes, &at, prefix: isIndexed ? 6 : 4)
        let field: HeaderField
        if nameIndex == 0 {
            let name = try string(bytes, &at)
            let value = try string(bytes, &at)
            field = name.withView { name in
                value.withView { value in HeaderField(wireName: name, value: value) }
            }
        } else {
            let named = try tableField(nameIndex)
            let value = try string(bytes, &at)
            field = value.withView { value in HeaderField(named: named, value: value) }
        }
        if isIndexed { table.insert(field) }
        return field
    }

    private func string(_ bytes: ByteView, _ at: inout Int) throws(HTTPError) -> [UInt8] {
        guard at < bytes.count else { throw .compression("a string is missing") }
        let isCoded = bytes[at] & 0x80 != 0
        let count = try integer(bytes, &at, prefix: 7)
        guard count <= bytes.count - at else { throw .compression("a string ends early") }
        let part = bytes.part(from: at, count: count)
        at += count
        return isCoded ? try Huffman.decode(part) : part.array
    }

    /// Section 5.1. Numbers of 2^28 and more do not occur.
    private func integer(
        _ bytes: ByteView, _ at: inout Int, prefix: Int
    ) throws(HTTPError) -> Int {
        guard at < bytes.count else { throw .compression("a number is missing") }
        let mask = 1 << prefix - 1
        var value = Int(bytes[at]) & mask
        at += 1
        if value < mask { return value }
        var shift = 0
        while at < bytes.count, shift <= 21 {
            let byte = Int(bytes[at])
            at += 1
            value += (byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .compression("a number does not end")
    }
}
