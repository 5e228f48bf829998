// SPDX-License-Identifier: Apache-2.0

/// A peer's share of a turn, in bytes: fewer where they take long to serve, for a few thousand small
/// requests fit into the bytes of one large value. Begins small, and grows where that is cheap.
package struct ReadShare: Equatable, Sendable {
    /// What is read in the next turn, at most.
    package private(set) var byteCount: Int
    private let range: ClosedRange<Int>
    private let time: Duration

    /// `time` is what the bytes of a turn should take at most, as far as that can be had with
    /// `range.lowerBound` bytes.
    package init(_ range: ClosedRange<Int>, time: Duration) {
        self.range = range
        self.time = time
        byteCount = min(max(range.lowerBound, 8_192), range.upperBound)
    }

    package mutating func took(_ spent: Duration, byteCount count: Int) {
        if spent > time {
            byteCount = max(range.lowerBound, min(byteCount, count) / 2)
        } else if count >= byteCount, spent < time / 4 {
            byteCount = min(range.upperBound, byteCount * 2)
        }
    }
}
