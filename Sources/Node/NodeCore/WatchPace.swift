// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// How much of the time goes to telling watchers: a burst at once, then a sixteenth of the time or
/// `least` in each turn, whichever is more. So an event for a thousand watchers goes out whole, and
/// a flood of them leaves every turn short.
package struct WatchPace: Sendable {
    /// Responses that may be told at once.
    package var burst: Int
    /// Responses that every turn may tell: of what is new, and again of what is history.
    package var least: Int
    /// Bytes of a burst, and changes of history that are looked at for one; a shorter turn has its
    /// part of both.
    package var bytes: Int
    package var changes: Int

    /// After that time another one may be told; it costs about a sixteenth of this.
    static let interval = Duration.microseconds(16)

    /// Watchers that may share a piece of history in one turn, if it is as large as it may be.
    static let sharers = 4

    /// What is beyond that in a response costs three times as much: memory for it is likely to come
    /// from the kernel, which clears it first.
    static let largeBytes = 4_096

    package init(
        burst: Int = 1_024, least: Int = 512, bytes: Int = 320 << 10, changes: Int = 4_096
    ) {
        self.burst = burst
        self.least = least
        self.bytes = bytes
        self.changes = changes
    }

    func budget(of responses: Int) -> WatchBudget {
        WatchBudget(
            responses: responses, bytes: max(1, bytes * responses / max(1, burst)),
            changes: max(1, changes * responses / max(1, burst)))
    }
}

/// What is left of a turn's.
struct WatchBudget {
    var responses: Int
    var bytes: Int
    var changes: Int

    var isSpent: Bool { responses <= 0 || bytes <= 0 || changes <= 0 }

    mutating func spend(_ response: [UInt8]) {
        responses -= 1
        bytes -= response.count + 2 * max(0, response.count - WatchPace.largeBytes)
    }
}

/// The budgets of one turn after the other.
struct WatchAllowance {
    private let pace: WatchPace
    private var saved: Int
    private var countedAt: Instant
    private(set) var news: WatchBudget
    private(set) var history: WatchBudget

    init(_ pace: WatchPace, at now: Instant) {
        self.pace = pace
        saved = pace.burst
        countedAt = now
        news = pace.budget(of: pace.burst)
        history = news
    }

    /// Where nobody else is there, it is a burst again.
    mutating func beginTurn(at now: Instant, isShared: Bool) {
        let earned = max(.zero, now - countedAt).nanoseconds / WatchPace.interval.nanoseconds
        if earned > 0 {
            countedAt = now
            saved = min(pace.burst, saved + Int(clamping: min(earned, Int64(pace.burst))))
        }
        news = pace.budget(of: isShared ? max(pace.least, saved) : pace.burst)
        history = news
    }

    /// So much is left of the budget for news.
    mutating func leave(news left: WatchBudget) {
        saved = max(0, saved - (news.responses - left.responses))
        news = left
    }

    mutating func leave(history left: WatchBudget) {
        saved = max(0, saved - (history.responses - left.responses))
        history = left
    }
}
