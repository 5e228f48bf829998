// SPDX-License-Identifier: Apache-2.0
internal import CChecksum

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final inversion), the value
/// that Go's `crc32.Castagnoli` and iSCSI (RFC 3720, appendix B.4) give. Eight bytes a step: by the
/// processor's own instruction where it has one, else by tables.
package struct CRC32C: Sendable {
    private var state: UInt32

    package init() {
        self.init(continuing: 0)
    }

    /// Goes on from an earlier `value`, so sums may be chained.
    package init(continuing value: UInt32) {
        state = ~value
    }

    package var value: UInt32 { ~state }

    package static func of(_ bytes: [UInt8]) -> UInt32 {
        var crc = CRC32C()
        crc.update(bytes)
        return crc.value
    }

    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in unsafe update(buffer) }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if CRC32C.isInHardware, let start = bytes.baseAddress {
            state = unsafe keelson_crc32c(state, start, bytes.count)
        } else {
            unsafe updateByTable(bytes)
        }
    }

    private static let isInHardware = keelson_has_crc32c() == 1

    mutating func updateByTable(_ bytes: UnsafeRawBufferPointer) {
        var crc = state
        var offset = 0
        let table = CRC32C.table
        unsafe table.withUnsafeBufferPointer { table in
            while offset + 8 <= bytes.count {
                let word = unsafe UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                crc =
                    unsafe table[7 * 256 + Int(mixed & 0xff)]
                    ^ table[6 * 256 + Int(mixed >> 8 & 0xff)]
                    ^ table[5 * 256 + Int(mixed >> 16 & 0xff)]
                    ^ table[4 * 256 + Int(mixed >> 24 & 0xff)]
                    ^ table[3 * 256 + Int(mixed >> 32 & 0xff)]
                    ^ table[2 * 256 + Int(mixed >> 40 & 0xff)]
                    ^ table[1 * 256 + Int(mixed >> 48 & 0xff)]
                    ^ table[Int(mixed >> 56)]
                offset += 8
            }
            while offset < bytes.count {
                crc = unsafe (crc >> 8) ^ table[Int((crc ^ UInt32(bytes[offset])) & 0xff)]
                offset += 1
            }
        }
        state = crc
    }

    /// Eight tables of 256: table k advances a byte through k further zero bytes.
    private static let table: [UInt32] = {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
            table[byte] = crc
        }
        for byte in 0..<256 {
            for step in 1..<8 {
                let before = table[(step - 1) * 256 + byte]
                table[step * 256 + byte] = before >> 8 ^ table[Int(before & 0xff)]
            }
        }
        return table
    }()
}
