// SPDX-License-Identifier: Apache-2.0

/// Looks at long strings eight bytes at a time: values are the bulk of most requests, and in base64
/// they have nothing to find until their closing quote.
enum JSONRun {
    /// The first place in `start..<end` of a quote, a backslash or a control character; `end` if
    /// there is none.
    static func endOfPlain(_ text: [UInt8], from start: Int, to end: Int) -> Int {
        unsafe text.withUnsafeBytes { unsafe endOfPlain($0, from: start, to: end) }
    }

    /// No byte of it is a quote, a backslash or a control character.
    static func isPlain(_ text: ArraySlice<UInt8>) -> Bool {
        unsafe text.withUnsafeBytes { unsafe endOfPlain($0, from: 0, to: $0.count) == $0.count }
    }

    private static func endOfPlain(
        _ text: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) -> Int {
        var index = start
        while index + 8 <= end,
            unsafe !hasSpecial(text.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        {
            index += 8
        }
        while index < end, unsafe isPlain(text[index]) { index += 1 }
        return index
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x22 && byte != 0x5c
    }

    /// A byte is below n (at most 0x80) where subtracting n borrows into a top bit that was not set:
    /// exact for the word as a whole, which is all that is asked here.
    private static func hasSpecial(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        let quotes = word ^ (ones &* 0x22)
        let slashes = word ^ (ones &* 0x5c)
        let found =
            (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes
            | (word &- (ones &* 0x20)) & ~word
        return found & tops != 0
    }
}
