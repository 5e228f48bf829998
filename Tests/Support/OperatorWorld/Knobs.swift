// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What may go wrong around an operator, each in percent: of writes, of requests, or of the seconds
/// of a watch.
package struct WorldKnobs: Sendable {
    package var mendsPendingClaims = true
    package var slowStarts = false
    /// Of writes: the operator dies before it, or after it and without the answer.
    package var killPercent = 0
    /// Of writes: 409.
    package var conflictPercent = 0
    /// Of writes: done, and the answer is lost.
    package var lostReplyPercent = 0
    /// Of writes: sent some seconds after they were decided on, as after a 429 with Retry-After, or
    /// when the whole process stood still in between.
    package var holdPercent = 0
    /// Of all requests: 429, 5xx, or no answer.
    package var refusePercent = 0
    /// Of the seconds of a watch: it tells nothing for a while.
    package var latePercent = 0
    /// It ends.
    package var closePercent = 0
    /// It passes over events, which are never told but by a new list.
    package var gapPercent = 0
    /// Its version is no longer kept: 410.
    package var expirePercent = 0
    /// With a second one there are leases.
    package var operatorCount = 1
    /// Nobody asks whether he leads: only preconditions keep them from doing harm.
    package var ignoresLease = false
    /// Kill the operator after exactly this write; for running through them all.
    package var killAfterWrite: Int?
    package var crashing: [String] = []
    /// `whenScaled: Retain`.
    package var keepsClaims = false
    package var plant: Plant?

    package init() {}

    var disturbsWatches: Bool {
        latePercent > 0 || closePercent > 0 || gapPercent > 0 || expirePercent > 0
    }

    /// Nothing in the way of an operator's reading and writing.
    var isCalm: Bool {
        !disturbsWatches && killPercent == 0 && conflictPercent == 0 && lostReplyPercent == 0
            && holdPercent == 0 && refusePercent == 0 && operatorCount == 1
    }

    /// The weather of a storm.
    static func storm(_ dice: inout Random) -> WorldKnobs {
        var knobs = WorldKnobs()
        knobs.mendsPendingClaims = dice.chance(percent: 50)
        knobs.slowStarts = dice.chance(percent: 30)
        knobs.killPercent = [0, 0, 5, 20, 40][dice.below(5)]
        knobs.conflictPercent = [0, 0, 5, 25][dice.below(4)]
        knobs.lostReplyPercent = [0, 0, 5, 25][dice.below(4)]
        knobs.holdPercent = [0, 0, 2, 10][dice.below(4)]
        knobs.refusePercent = [0, 0, 5, 20][dice.below(4)]
        knobs.latePercent = [0, 0, 1, 5][dice.below(4)]
        knobs.closePercent = [0, 0, 2, 20][dice.below(4)]
        knobs.gapPercent = [0, 0, 1][dice.below(3)]
        knobs.expirePercent = [0, 0, 1, 5][dice.below(4)]
        if dice.chance(percent: 30) {
            knobs.operatorCount = 2
            knobs.ignoresLease = dice.chance(percent: 30)
        }
        return knobs
    }

    /// What stays when a storm is over.
    var peace: WorldKnobs {
        var knobs = WorldKnobs()
        knobs.mendsPendingClaims = mendsPendingClaims
        knobs.operatorCount = operatorCount
        knobs.plant = plant
        knobs.keepsClaims = keepsClaims
        return knobs
    }
}
