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
    private let lightPart: Int
    /// Time had, less a sixteenth of the time since.
    private var used = Duration.zero
    private var countedAt: Instant?

    /// What may be had at once on top of that.
    private static let burst = Duration.milliseconds(1)
    /// Nobody is held to more than that, so that who stops is light again soon.
    private static let usedMax = Duration.milliseconds(2)
    /// What one service counts at most: the thread may have been kept from the processor meanwhile.
    private static let chargeMax = Duration.microseconds(500)

    /// `time` is what the bytes of a turn should take at most, as far as that can be had with
    /// `range.lowerBound` bytes.
    package init(_ range: ClosedRange<Int>, time: Duration, lightPart: Int = 16) {
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

    package mutating func charge(_ spent: Duration, at now: Instant) {
        used = min(ReadShare.usedMax, usedAt(now) + min(spent, ReadShare.chargeMax))
        countedAt = now
    }

    package func isHeavy(at now: Instant) -> Bool {
        usedAt(now) > ReadShare.burst
    }

    private func usedAt(_ now: Instant) -> Duration {
        guard let countedAt else { return .zero }
        return max(.zero, used - (now - countedAt) / lightPart)
    }
}
