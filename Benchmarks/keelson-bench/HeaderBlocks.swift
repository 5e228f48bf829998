// SPDX-License-Identifier: Apache-2.0

internal enum Method: String, CaseIterable {
    case range = "/etcdserverpb.KV/Range"
    case put = "/etcdserverpb.KV/Put"
    case txn = "/etcdserverpb.KV/Txn"
    case watch = "/etcdserverpb.Watch/Watch"
    case leaseGrant = "/etcdserverpb.Lease/LeaseGrant"
    case leaseKeepAlive = "/etcdserverpb.Lease/LeaseKeepAlive"
    case status = "/etcdserverpb.Maintenance/Status"
}

/// Header blocks of requests (RFC 7541). As gRPC's clients do, the first request puts its fields
/// into the peer's dynamic table, and each later one takes seven bytes.
internal struct RequestHeaders {
    private static let firstDynamic = 62

    private let authority: String
    /// False if the peer keeps no table.
    internal var mayIndex = true
    /// The fields in the table, oldest first.
    private var inserted: [String] = []
    private var ready: [Method: [UInt8]] = [:]
    private var last: (method: Method, block: [UInt8])?

    internal init(authority: String) {
        self.authority = authority
    }

    internal mutating func block(for method: Method) -> [UInt8] {
        if let last, last.method == method { return last.block }
        if let block = ready[method] {
            last = (method, block)
            return block
        }
        let before = inserted.count
        let block = build(method)
        if inserted.count > before {
            // Every index moved.
            ready = [:]
            last = nil
        } else {
            ready[method] = block
        }
        return block
    }

    private mutating func build(_ method: Method) -> [UInt8] {
        // :method POST, :scheme http
        var block: [UInt8] = [0x83, 0x86]
        let fields: [(nameIndex: UInt8, name: String, value: String)] = [
            (4, "", method.rawValue), (1, "", authority), (31, "", "application/grpc"),
            (0, "te", "trailers"), (58, "", "keelson-bench"),
        ]
        for field in fields { append(field, to: &block) }
        return block
    }

    private mutating func append(
        _ field: (nameIndex: UInt8, name: String, value: String), to block: inout [UInt8]
    ) {
        if let position = inserted.firstIndex(of: field.value) {
            let index = RequestHeaders.firstDynamic + inserted.count - 1 - position
            block.append(0x80 | UInt8(truncatingIfNeeded: index))
            return
        }
        // Literal with incremental indexing, or (0x00) without; four bits hold 15 and no more.
        if mayIndex {
            block.append(0x40 | field.nameIndex)
        } else if field.nameIndex >= 15 {
            block += [0x0F, field.nameIndex - 15]
        } else {
            block.append(field.nameIndex)
        }
        if field.nameIndex == 0 { RequestHeaders.append(field.name, to: &block) }
        RequestHeaders.append(field.value, to: &block)
        if mayIndex { inserted.append(field.value) }
    }

    private static func append(_ text: String, to block: inout [UInt8]) {
        block.append(UInt8(truncatingIfNeeded: text.utf8.count))
        block += text.utf8
    }
}

/// Finds `grpc-status` in header blocks, and nothing else. It follows the dynamic table by counting
/// from its newest entry, so it need not know sizes: a peer never names an entry it has evicted.
internal struct StatusReader {
    private struct Field {
        var isStatus: Bool
        var status: Int32
    }

    /// As many as a table of 4 KiB can hold.
    private static let fieldCountMax = 128
    /// The name, plain and in Huffman's code.
    private static let names: [[UInt8]] = [
        Array("grpc-status".utf8), [0x9A, 0xCA, 0xC8, 0xB2, 0x12, 0x34, 0xDA, 0x8F],
    ]
    private static let staticCount = 61

    /// Newest first.
    private var table: [Field] = []

    /// The status, or -1 if the block has none.
    internal mutating func read(_ block: UnsafeRawBufferPointer) -> Int32 {
        var status: Int32 = -1
        var offset = 0
        while offset < block.count {
            let first = unsafe block[offset]
            let field: Field
            if first & 0x80 != 0 {
                field = known(unsafe number(block, &offset, bits: 7))
            } else if first & 0xE0 == 0x20 {
                _ = unsafe number(block, &offset, bits: 5)
                continue
            } else {
                let isKept = first & 0xC0 == 0x40
                field = unsafe literal(block, &offset, bits: isKept ? 6 : 4)
                if isKept { keep(field) }
            }
            if field.isStatus { status = field.status }
        }
        return status
    }

    private func known(_ index: Int) -> Field {
        let place = index - StatusReader.staticCount - 1
        return table.indices.contains(place) ? table[place] : Field(isStatus: false, status: -1)
    }

    private mutating func keep(_ field: Field) {
        table.insert(field, at: 0)
        if table.count > StatusReader.fieldCountMax { table.removeLast() }
    }

    private func literal(
        _ block: UnsafeRawBufferPointer, _ offset: inout Int, bits: Int
    ) -> Field {
        let index = unsafe number(block, &offset, bits: bits)
        let isStatus =
            if index == 0 {
                StatusReader.names.contains(unsafe Array(text(block, &offset)))
            } else {
                known(index).isStatus
            }
        let isCoded = unsafe offset < block.count && block[offset] & 0x80 != 0
        let value = unsafe text(block, &offset)
        if !isStatus { return Field(isStatus: false, status: -1) }
        let digits = isCoded ? unsafe StatusReader.decoded(value) : unsafe Array(value)
        let status = Int32(String(decoding: digits, as: UTF8.self)) ?? -1
        return Field(isStatus: true, status: status)
    }

    /// Huffman's code of digits: five bits for 0, 1, 2 and six for the others.
    private static func decoded(_ value: UnsafeRawBufferPointer) -> [UInt8] {
        var bits = 0
        var count = 0
        while count < 8 * min(4, value.count) {
            bits = unsafe bits << 8 | Int(value[count / 8])
            count += 8
        }
        var digits: [UInt8] = []
        while count >= 5 {
            let five = bits >> (count - 5) & 31
            if five <= 2 {
                digits.append(48 + UInt8(five))
                count -= 5
            } else if count >= 6, (25...31).contains(bits >> (count - 6) & 63) {
                digits.append(51 + UInt8(bits >> (count - 6) & 63) - 25)
                count -= 6
            } else {
                break
            }
        }
        return digits
    }

    private func text(
        _ block: UnsafeRawBufferPointer, _ offset: inout Int
    ) -> UnsafeRawBufferPointer {
        if offset >= block.count { return unsafe UnsafeRawBufferPointer(rebasing: block[0..<0]) }
        let count = unsafe number(block, &offset, bits: 7)
        let end = min(block.count, offset + count)
        defer { offset = end }
        return unsafe UnsafeRawBufferPointer(rebasing: block[offset..<end])
    }

    private func number(
        _ block: UnsafeRawBufferPointer, _ offset: inout Int, bits: Int
    ) -> Int {
        let mask = 1 << bits - 1
        var value = unsafe Int(block[offset]) & mask
        offset += 1
        if value < mask { return value }
        var shift = 0
        while offset < block.count, shift < 28 {
            let byte = unsafe Int(block[offset])
            offset += 1
            value += (byte & 127) << shift
            if byte & 128 == 0 { break }
            shift += 7
        }
        return value
    }
}
