// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A peer's share of a turn, in bytes: fewer where they take long to serve, for a few thousand small
/// requests fit into the bytes of one large value. Begins small, and grows where that is cheap.
///
/// It also keeps an account of what the peer has cost lately. Who has cost more than a sixteenth of
/// the time is heavy: it is served when the others were (see `HeavyTurns`). Costs are prices, not
/// measurements: a thread that is kept from the processor would make anybody look heavy, and most of
/// what a request costs comes later in the turn, together with that of others.
package struct ReadShare: Equatable, Sendable {
    /// What is read in the next turn, at most.
    package private(set) var byteCount: Int
    private let range: ClosedRange<Int>
    private let time: Duration
    /// One part in so many of the time is nobody's concern.
    private let lightPart: Int64
    /// Cost less a sixteenth of the time since, in nanoseconds.
    private var debt: Int64 = 0
    private var countedAt: Int64 = 0
    /// All costs so far.
    private var total: Int64 = 0
    /// Reads in a row from which no request came.
    private var fruitlessReads = 0

    /// What may be had at once on top of its part.
    private static let burst: Int64 = 2_000_000
    /// Nobody owes more than that, so that who stops is light again soon.
    private static let debtMax: Int64 = 20_000_000

    /// Nanoseconds, about: a request from its decoding to its answer, a read and a write of the
    /// socket, and the bytes of both.
    private static let requestPrice: Int64 = 8_000
    private static let readPrice: Int64 = 5_000
    private static let writePrice: Int64 = 10_000
    private static let kibibytePrice: Int64 = 500
    private static let fruitlessMax = 8
    /// Of an end, with what the connection leaves behind.
    private static let endPrice: Int64 = 20_000

    /// `time` is what the bytes of a turn should take at most, as far as that can be had with
    /// `range.lowerBound` bytes. Who has come at `now` has no burst saved: else each connection that
    /// is opened would bring one.
    package init(
        _ range: ClosedRange<Int>, time: Duration, lightPart: Int64 = 16, newAt now: Instant? = nil
    ) {
        if let now {
            debt = ReadShare.burst
            countedAt = now.nanoseconds
        }
        self.range = range
        self.time = time
        self.lightPart = lightPart
        byteCount = min(max(range.lowerBound, 8_192), range.upperBound)
    }

    /// `quantum`: another time than the usual one was to be had.
    package mutating func took(
        _ spent: Duration, byteCount count: Int, quantum: Duration? = nil
    ) {
        let time = quantum ?? time
        if spent > time {
            byteCount = max(range.lowerBound, min(byteCount, count) / 2)
        } else if count >= byteCount, spent < time / 4 {
            byteCount = min(range.upperBound, byteCount * 2)
        }
    }

    /// For how many requests that should be enough; a call and its message count as two.
    func requestQuota(_ quantum: Duration?) -> Int {
        let time = quantum ?? time
        return max(4, Int(clamping: time.nanoseconds / (Self.requestPrice / 2)))
    }

    // MARK: The account

    /// Costs since it was `mark`.
    func cost(since mark: Int64) -> Duration { .nanoseconds(total &- mark) }
    var mark: Int64 { total }

    mutating func chargeRead(_ count: Int, at now: Instant) {
        fruitlessReads &+= 1
        charge(Self.readPrice &+ Int64(count >> 10) &* Self.kibibytePrice, at: now)
    }

    mutating func chargeWrite(_ count: Int, at now: Instant) {
        charge(Self.writePrice &+ Int64(count >> 10) &* Self.kibibytePrice, at: now)
    }

    mutating func chargeEnd(at now: Instant) {
        charge(Self.endPrice, at: now)
    }

    mutating func chargeRequest(at now: Instant) {
        fruitlessReads = 0
        charge(Self.requestPrice, at: now)
    }

    /// Of an answer, as it is made.
    mutating func chargeBytes(_ count: Int, at now: Instant) {
        charge(Int64(count >> 10) &* Self.kibibytePrice, at: now)
    }

    mutating func charge(_ nanoseconds: Int64, at now: Instant) {
        total &+= nanoseconds
        debt = min(Self.debtMax, debt(at: now) &+ nanoseconds)
        countedAt = now.nanoseconds
    }

    func isHeavy(at now: Instant) -> Bool {
        debt(at: now) > Self.burst
    }

    /// Who has saved less than half of what may be had at once.
    func isNearlyHeavy(at now: Instant) -> Bool {
        debt(at: now) > Self.burst / 2
    }

    /// Who has sent piece after piece of something. Hundreds of them may cost little each, and
    /// have as many reads in one turn.
    var isFruitless: Bool { fruitlessReads > ReadShare.fruitlessMax }

    private func debt(at now: Instant) -> Int64 {
        max(0, debt &- max(0, now.nanoseconds &- countedAt) / lightPart)
    }
}
