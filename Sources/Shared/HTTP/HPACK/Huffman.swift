// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The string code of RFC 7541, appendix B.
///
/// The code is canonical: codes of one length are consecutive and go in the order of their symbols,
/// so the lengths alone give all of it. Decoding looks nine bits up in a table; longer codes (rare
/// in headers) are found by comparing with the first code of each length.
enum Huffman {
    static func encodedCount(_ text: String.UTF8View) -> Int {
        var bits = 0
        for byte in text { bits += Int(lengths[Int(byte)]) }
        return (bits + 7) / 8
    }

    static func encode(_ text: String.UTF8View, into output: inout [UInt8]) {
        let table = tables
        var window: UInt64 = 0
        var bits = 0
        for byte in text {
            let length = Int(lengths[Int(byte)])
            window = window << UInt64(length) | UInt64(table.codes[Int(byte)])
            bits += length
            while bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: window >> UInt64(bits)))
            }
        }
        if bits > 0 {
            // The start of the end-of-string symbol fills the last byte: all ones.
            let filled = window << UInt64(8 - bits) | (0xff >> UInt64(bits))
            output.append(UInt8(truncatingIfNeeded: filled))
        }
    }

    static func decode(_ bytes: ByteView) throws(HTTPError) -> [UInt8] {
        let table = tables
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 8 / 5 + 1)
        var window: UInt64 = 0
        var bits = 0
        var index = 0
        while true {
            while bits <= 32, index < bytes.count {
                window = window << 8 | UInt64(bytes[index])
                bits += 8
                index += 1
            }
            if bits < 5 { break }
            guard let (symbol, length) = table.symbol(window, bits) else { break }
            if symbol == endOfString { throw .compression("end of string inside a string") }
            output.append(UInt8(truncatingIfNeeded: symbol))
            bits -= length
        }
        // Section 5.2: less than a byte of padding, all ones.
        let rest = window & (1 << UInt64(bits) - 1)
        guard bits < 8, rest == 1 << UInt64(bits) - 1 else {
            throw .compression("bad padding of a string")
        }
        return output
    }

    static let endOfString = 256
    private static let tables = Tables()

    private struct Tables {
        var codes = [UInt32](repeating: 0, count: 257)
        /// Symbol and length by the next nine bits; zero for a longer code.
        var short = [UInt16](repeating: 0, count: 512)
        /// By length: the first code, and where its symbols begin in `ordered`.
        var firstCode = [UInt32](repeating: 0, count: 32)
        var firstSymbol = [Int](repeating: 0, count: 32)
        var symbolCount = [Int](repeating: 0, count: 32)
        var ordered: [UInt16] = []

        init() {
            var code: UInt32 = 0
            for length in 1...30 {
                code <<= 1
                firstCode[length] = code
                firstSymbol[length] = ordered.count
                for symbol in 0...256 where Int(lengths[symbol]) == length {
                    codes[symbol] = code
                    ordered.append(UInt16(symbol))
                    code += 1
                }
                symbolCount[length] = ordered.count - firstSymbol[length]
            }
            invariant(code == 1 << 30, "the string code is not complete: \(code)")
            for symbol in 0..<256 where lengths[symbol] <= 9 {
                let free = 9 - Int(lengths[symbol])
                let start = Int(codes[symbol]) << free
                for slot in start..<start + (1 << free) {
                    short[slot] = UInt16(symbol) << 4 | UInt16(lengths[symbol])
                }
            }
        }

        /// The next symbol among the lowest `bits` of `window`; nil when they end inside of it.
        @inline(__always)
        func symbol(_ window: UInt64, _ bits: Int) -> (symbol: Int, length: Int)? {
            let next9 = bits >= 9 ? window >> UInt64(bits - 9) : window << UInt64(9 - bits)
            let entry = short[Int(next9 & 0x1ff)]
            if entry != 0 {
                let length = Int(entry & 15)
                return length <= bits ? (Int(entry >> 4), length) : nil
            }
            return long(window, bits)
        }

        private func long(_ window: UInt64, _ bits: Int) -> (symbol: Int, length: Int)? {
            var length = 10
            while length <= 30, length <= bits {
                let mask: UInt64 = 1 << UInt64(length) - 1
                let code = window >> UInt64(bits - length) & mask
                let offset = Int(code) - Int(firstCode[length])
                if offset >= 0, offset < symbolCount[length] {
                    return (Int(ordered[firstSymbol[length] + offset]), length)
                }
                length += 1
            }
            return nil
        }
    }

    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]
}
