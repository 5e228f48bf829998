// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Who stands in the line of a reactor.
internal protocol TurnTaker: AnyObject {
    /// Does as much as that time is likely to be enough for. Gives what it has cost.
    func takeTurn(quantum: Duration) -> Duration
}

/// Connections that have had much time of late and have more to say. They wait in line behind all
/// others: each turn serves as many of them as its budget takes, each for a quantum, and the next
/// turn goes on with those that are left. Doors at which somebody knocks stand there as well, and in
/// a turn that is long already those who have just come, are about to leave, or send piece after piece.
///
///     turn: light connections, letters, timers ► their answers leave
///           ► heavy ones, as long as the budget lasts ► their answers leave
///
/// So a light request waits for one budget at most, however many heavy ones there are and however
/// much they send.
internal struct HeavyTurns {
    private var line = Line<any TurnTaker>()
    /// What may be begun in a turn while there are others; less where that has taken longer.
    private var budget = HeavyTurns.short
    private var lightAt: Instant?
    /// Who that was, and when it was somebody else.
    private var lightOne: ObjectIdentifier?
    private var otherLightAt: Instant?
    private var turnBeganAt = Instant(nanoseconds: 0)
    /// What those have cost in this turn.
    private var lightCost = Duration.zero
    /// There are others in this turn.
    private var isShort = false

    /// All the time that heavy connections may take in a turn while there are others.
    private static let short = Duration.microseconds(80)
    /// The same when there are none: fewer turns, less to pay for each.
    private static let long = Duration.milliseconds(2)
    /// After that time, connections that are nearly heavy wait as well.
    private static let lightMax = Duration.microseconds(100)
    /// The least for one, and for all of them.
    private static let least = Duration.microseconds(20)
    /// Others are there if one was served so lately.
    private static let recent = Duration.seconds(1)
    private static let justNow = Duration.milliseconds(100)

    var isEmpty: Bool { line.isEmpty }
    var count: Int { line.count }

    mutating func append(_ taker: any TurnTaker) {
        line.append(taker)
    }

    mutating func popFirst() -> (any TurnTaker)? { line.popFirst() }

    mutating func removeAll() {
        line = Line()
    }

    /// A turn begins; those that are not heavy come first.
    mutating func beginLight(at now: Instant) {
        turnBeganAt = now
        lightCost = .zero
    }

    /// A connection that is not heavy is served.
    mutating func noteLight(_ connection: ObjectIdentifier, at now: Instant) {
        if lightOne != connection {
            otherLightAt = lightAt
            lightOne = connection
        }
        lightAt = now
    }

    mutating func chargeLight(_ cost: Duration) {
        lightCost += cost
    }

    /// By the prices of what was done, or by the clock.
    func lightIsLong(at now: Instant) -> Bool {
        lightCost > HeavyTurns.lightMax || now - turnBeganAt > HeavyTurns.lightMax
    }

    /// Two of them were served just now, and not only one again and again.
    func hasLightCrowd(at now: Instant) -> Bool {
        otherLightAt.map { now - $0 < HeavyTurns.justNow } ?? false
    }

    func hasLight(at now: Instant) -> Bool {
        lightAt.map { now - $0 < HeavyTurns.recent } ?? false
    }

    /// What the turn may cost, and how much of it is for each that waits.
    mutating func beginTurn(at now: Instant) -> (all: Duration, each: Duration) {
        isShort = hasLight(at: now)
        let all = isShort ? budget : HeavyTurns.long
        return (all, max(HeavyTurns.least, all / max(1, count)))
    }

    /// How long heavy connections took in the turn, with all that came of it. They may begin less
    /// where that was too long.
    mutating func endTurn(_ spent: Duration) {
        guard isShort else { return }
        if spent > HeavyTurns.short {
            budget = max(HeavyTurns.least, budget * 3 / 4)
        } else if spent < HeavyTurns.short * 3 / 4 {
            budget = min(HeavyTurns.short, budget * 5 / 4)
        }
    }
}
