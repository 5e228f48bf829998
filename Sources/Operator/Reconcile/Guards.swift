// SPDX-License-Identifier: Apache-2.0

/// V voters in the list, of which H answered a linearizable read in this pass.
package struct QuorumCount: Equatable, Sendable {
    package var voters: Int
    package var healthy: Int

    package init(voters: Int, healthy: Int) {
        self.voters = voters
        self.healthy = healthy
    }

    package static func quorum(of voters: Int) -> Int { voters / 2 + 1 }

    package var quorum: Int { Self.quorum(of: voters) }
    package var isQuorate: Bool { voters > 0 && healthy >= quorum }
    /// One more may fail.
    package var isTolerant: Bool { voters > 0 && healthy - 1 >= quorum }
    /// How many may fail before writes stop.
    package var spare: Int { max(0, healthy - quorum) }
}

/// The arithmetic of every refusal, and its words. Each is a function of numbers.
package enum Guards {
    /// May this voter leave the list? Nil if so, else why not.
    ///
    /// A planned removal (the member is not broken) must leave a cluster that can lose one more, or
    /// one of at most two voters that are all healthy.
    package static func removal(
        of name: String, isHealthy: Bool, isPlanned: Bool, from count: QuorumCount
    ) -> String? {
        guard count.isQuorate else {
            return "\(count.healthy) of \(count.voters) voters are healthy, \(count.quorum) needed"
        }
        let voters = count.voters - 1
        let healthy = count.healthy - (isHealthy ? 1 : 0)
        guard voters >= 1 else { return "\(name) is the last voter" }
        let quorum = QuorumCount.quorum(of: voters)
        guard healthy >= quorum else {
            return "removing \(name) would leave \(healthy) healthy of \(quorum) needed"
        }
        if !isPlanned || healthy - 1 >= quorum || (voters <= 2 && healthy == voters) { return nil }
        return "removing \(name) would leave \(healthy) healthy voters of \(voters), "
            + "\(quorum) needed, and none to spare"
    }

    /// May a learner be added? A repair may add one although a voter is missing.
    package static func addition(
        count: QuorumCount, learners: Int, isRepair: Bool
    ) -> String? {
        guard count.isQuorate else {
            return "\(count.healthy) of \(count.voters) voters are healthy, \(count.quorum) needed"
        }
        guard learners == 0 else { return "there is a learner already" }
        guard isRepair || count.healthy == count.voters else {
            return "\(count.voters - count.healthy) of \(count.voters) voters are not healthy"
        }
        return nil
    }

    /// May this member be stopped for a moment?
    package static func disruption(
        of name: String, isVoter: Bool, isHealthy: Bool, count: QuorumCount,
        isAskedForOnSmall: Bool
    ) -> String? {
        if !isVoter || !isHealthy || count.isTolerant { return nil }
        // One or two voters can never spare one.
        if count.voters <= 2, count.healthy == count.voters, isAskedForOnSmall { return nil }
        if count.voters == 1 { return "\(name) is the only voter" }
        return "without \(name) \(count.healthy - 1) healthy voters would be left, "
            + "\(count.quorum) needed"
    }

    /// May a survivor go on alone? Only if those that are confirmed lost are so many that the old
    /// quorum can never come back beside it.
    package static func recovery(voters: Int, lost: Int) -> String? {
        let needed = voters - QuorumCount.quorum(of: voters) + 1
        guard lost >= needed else {
            return "\(lost) of \(voters) voters are known to be lost, \(needed) needed; "
                + "the others might come back with the old quorum"
        }
        guard lost < voters else { return "no voter's disk is left; only a restore can help" }
        return nil
    }

    /// Is a learner close enough to its leader to be promoted?
    package static func promotion(applied: UInt64, leader: UInt64) -> String? {
        let lag = leader > applied ? leader - applied : 0
        let allowed = max(1000, leader / 100)
        guard lag <= allowed else { return "it is \(lag) entries behind, \(allowed) allowed" }
        return nil
    }

    /// `minAvailable` of the disruption budget; nil for no budget.
    package static func minAvailable(voters: Int, desired: Int) -> Int? {
        guard voters > 1 else { return nil }
        return QuorumCount.quorum(of: max(voters, desired))
    }
}
