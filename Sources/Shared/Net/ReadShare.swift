// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A peer's share of a turn, in bytes: fewer where they take long to serve, for a few thousand small
/// requests fit into the bytes of one large value. Begins small, and grows where that is cheap.
///
/// It also keeps an account of the time that the peer has had lately. Who has had more than a
/// sixteenth of it is heavy: it is served when the others were (see `HeavyTurns`).
package struct ReadShare: Equatable, Sendable {
    /// What is read in the next turn, at most.
    package private(set) var byteCount: Int
    private let range: ClosedRange<Int>
    private let time: Duration
    /// One part in so many of the time is nobody's concern.
    private let lightPart: Int64
    /// Time had, less a sixteenth of the time since, in nanoseconds: this is added to often.
    private var used: Int64 = 0
    private var countedAt: Int64 = 0

    /// What may be had at once on top of that.
    private static let burst: Int64 = 1_000_000
    /// Nobody is held to more than that, so that who stops is light again soon.
    private static let usedMax: Int64 = 2_000_000
    /// What one service counts at most: the thread may have been kept from the processor meanwhile.
    private static let chargeMax: Int64 = 500_000

    /// `time` is what the bytes of a turn should take at most, as far as that can be had with
    /// `range.lowerBound` bytes.
    package init(_ range: ClosedRange<Int>, time: Duration, lightPart: Int64 = 16) {
        self.range = range
        self.time = time
        self.lightPart = lightPart
        byteCount = min(max(range.lowerBound, 8_192), range.upperBound)
    }

    /// `quantum`: less than the usual time was to be had.
    package mutating func took(
        _ spent: Duration, byteCount count: Int, quantum: Duration? = nil
    ) {
        let time = min(quantum ?? self.time, self.time)
        if spent > time {
            byteCount = max(range.lowerBound, min(byteCount, count) / 2)
        } else if count >= byteCount, spent < time / 4 {
            byteCount = min(range.upperBound, byteCount * 2)
        }
    }

    /// It had the time between the two.
    package mutating func charge(from began: Instant, to ended: Instant) {
        let spent = min(ended.nanoseconds &- began.nanoseconds, ReadShare.chargeMax)
        used = min(ReadShare.usedMax, usedAt(ended) &+ max(0, spent))
        countedAt = ended.nanoseconds
    }

    package func isHeavy(at now: Instant) -> Bool {
        usedAt(now) > ReadShare.burst
    }

    private func usedAt(_ now: Instant) -> Int64 {
        max(0, used &- max(0, now.nanoseconds &- countedAt) / lightPart)
    }
}
