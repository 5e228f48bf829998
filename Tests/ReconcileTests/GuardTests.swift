// SPDX-License-Identifier: Apache-2.0
import Reconcile
import Testing

@Suite struct GuardTests {
    struct Removal {
        var voters: Int
        var healthy: Int
        var isHealthy: Bool
        var isPlanned: Bool
        var refusal: String?
    }

    static let removals = [
        // A dead voter may always go where the rest is a quorum.
        Removal(voters: 3, healthy: 2, isHealthy: false, isPlanned: false, refusal: nil),
        Removal(voters: 5, healthy: 4, isHealthy: false, isPlanned: false, refusal: nil),
        Removal(voters: 5, healthy: 3, isHealthy: false, isPlanned: false, refusal: nil),
        // A living one that is asked to go.
        Removal(voters: 5, healthy: 5, isHealthy: true, isPlanned: true, refusal: nil),
        Removal(voters: 3, healthy: 3, isHealthy: true, isPlanned: true, refusal: nil),
        Removal(voters: 2, healthy: 2, isHealthy: true, isPlanned: true, refusal: nil),
        Removal(
            voters: 4, healthy: 3, isHealthy: true, isPlanned: true,
            refusal: "removing demo-2 would leave 2 healthy voters of 3, 2 needed, "
                + "and none to spare"),
        Removal(
            voters: 3, healthy: 2, isHealthy: true, isPlanned: true,
            refusal: "removing demo-2 would leave 1 healthy of 2 needed"),
        Removal(
            voters: 3, healthy: 1, isHealthy: false, isPlanned: false,
            refusal: "1 of 3 voters are healthy, 2 needed"),
        Removal(
            voters: 2, healthy: 1, isHealthy: false, isPlanned: false,
            refusal: "1 of 2 voters are healthy, 2 needed"),
        Removal(
            voters: 1, healthy: 1, isHealthy: true, isPlanned: true,
            refusal: "demo-2 is the last voter"),
    ]

    @Test(arguments: removals.indices) func `who may leave the list`(row: Int) {
        let removal = Self.removals[row]
        let refusal = Guards.removal(
            of: "demo-2", isHealthy: removal.isHealthy, isPlanned: removal.isPlanned,
            from: QuorumCount(voters: removal.voters, healthy: removal.healthy))
        #expect(refusal == removal.refusal)
    }

    @Test func `a removal that is allowed always leaves a quorum`() {
        for voters in 1...9 {
            for healthy in 0...voters {
                for isHealthy in [false, true] where isHealthy ? healthy > 0 : healthy < voters {
                    let count = QuorumCount(voters: voters, healthy: healthy)
                    let refusal = Guards.removal(
                        of: "x", isHealthy: isHealthy, isPlanned: false, from: count)
                    guard refusal == nil else { continue }
                    let rest = QuorumCount(
                        voters: voters - 1, healthy: healthy - (isHealthy ? 1 : 0))
                    #expect(rest.isQuorate, "\(count)")
                    #expect(count.isQuorate, "\(count)")
                }
            }
        }
    }

    @Test func `one learner at a time, and none beside a sick voter but for a repair`() {
        let whole = QuorumCount(voters: 3, healthy: 3)
        let sick = QuorumCount(voters: 3, healthy: 2)
        #expect(Guards.addition(count: whole, learners: 0, isRepair: false) == nil)
        #expect(Guards.addition(count: whole, learners: 1, isRepair: true) != nil)
        #expect(Guards.addition(count: sick, learners: 0, isRepair: false) != nil)
        #expect(Guards.addition(count: sick, learners: 0, isRepair: true) == nil)
        let lost = QuorumCount(voters: 3, healthy: 1)
        #expect(Guards.addition(count: lost, learners: 0, isRepair: true) != nil)
    }

    @Test func `nobody is stopped whom the quorum needs`() {
        func refusal(_ voters: Int, _ healthy: Int, asked: Bool = false) -> String? {
            Guards.disruption(
                of: "demo-0", isVoter: true, isHealthy: true,
                count: QuorumCount(voters: voters, healthy: healthy), isAskedForOnSmall: asked)
        }
        #expect(refusal(3, 3) == nil)
        #expect(refusal(5, 4) == nil)
        #expect(refusal(3, 2) == "without demo-0 1 healthy voters would be left, 2 needed")
        #expect(refusal(5, 3) != nil)
        #expect(refusal(3, 2, asked: true) != nil)
        #expect(refusal(1, 1) == "demo-0 is the only voter")
        #expect(refusal(1, 1, asked: true) == nil)
        #expect(refusal(2, 2, asked: true) == nil)
        let sick = Guards.disruption(
            of: "demo-0", isVoter: true, isHealthy: false,
            count: QuorumCount(voters: 3, healthy: 1), isAskedForOnSmall: false)
        #expect(sick == nil)
    }

    @Test func `a survivor goes on only when the old quorum can never come back`() {
        #expect(Guards.recovery(voters: 3, lost: 1) != nil)
        #expect(Guards.recovery(voters: 3, lost: 2) == nil)
        #expect(Guards.recovery(voters: 5, lost: 2) != nil)
        #expect(Guards.recovery(voters: 5, lost: 3) == nil)
        #expect(Guards.recovery(voters: 3, lost: 3) != nil)
        for voters in 1...9 {
            for lost in 0...voters where Guards.recovery(voters: voters, lost: lost) == nil {
                #expect(voters - lost < QuorumCount.quorum(of: voters))
                #expect(lost < voters)
            }
        }
    }

    @Test func `a learner is promoted when it is near`() {
        #expect(Guards.promotion(applied: 100, leader: 1000) == nil)
        #expect(Guards.promotion(applied: 0, leader: 1001) != nil)
        #expect(Guards.promotion(applied: 985_000, leader: 1_000_000) != nil)
        #expect(Guards.promotion(applied: 991_000, leader: 1_000_000) == nil)
    }

    @Test func `a drain may take what the quorum can spare`() {
        #expect(Guards.minAvailable(voters: 1, desired: 2) == nil)
        #expect(Guards.minAvailable(voters: 3, desired: 3) == 2)
        #expect(Guards.minAvailable(voters: 4, desired: 5) == 3)
        #expect(Guards.minAvailable(voters: 5, desired: 5) == 3)
    }
}
