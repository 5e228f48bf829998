// SPDX-License-Identifier: Apache-2.0
import OperatorWorld
import Testing

@Suite struct SeedTests {
    /// Short storms; keelson-opsim runs longer ones, and as many as one likes.
    @Test(arguments: UInt64(1)...100)
    func `a storm ends in a whole cluster with nothing lost`(seed: UInt64) {
        expectPeace(seed, isShort: true)
    }

    /// Seeds that failed once, by what was wrong.
    @Test(arguments: [
        // A replacement was on record below quorum, and nobody renewed the pods with a bad image.
        UInt64(1017),
        // The status was lost while the permission to bootstrap was out; it was never burnt.
        1211, 1280, 1326, 1339,
        // A full store with one voter and a learner: neither was defragmented, nor promoted.
        1228, 1244,
        // The only voter was to be rolled, and then asked to have company first.
        1316,
        // The map and the status, or the marks, went together while no member answered.
        2100, 4988,
        // A pod was known before its claim was, and the permission named no claim.
        2309,
        // Tickets of members that were given up, below a claim that is kept.
        7214,
        // A roll waited for ever for the pod that it had done, and that was corrupt by then.
        7607,
        // A member was removed by somebody before its claim was marked.
        12499,
        // A roll waited for a learner that had lost its disk; tickets of a late cache.
        12684, 12623,
        // The map was deleted while a cluster was founded.
        20047,
        // A repair waited for ever for a learner that a late call had added.
        7513,
        // A retired learner's ticket was seen late, and the set grew for it.
        12900, 22030, 32047, 32077,
        // A learner was removed by somebody once its ticket was written, and the set grew for it.
        60089,
    ])
    func `what failed once does not fail again`(seed: UInt64) {
        expectPeace(seed, isShort: false)
    }

    /// The same in clusters whose policy keeps the claims of members that leave.
    @Test(arguments: [
        // A kept claim that nobody had marked was never emptied: no learner could begin on it.
        UInt64(200_112)
    ])
    func `what failed once with kept claims does not fail again`(seed: UInt64) {
        expectPeace(seed, isShort: false, keepsClaims: true)
    }

    private func expectPeace(_ seed: UInt64, isShort: Bool, keepsClaims: Bool = false) {
        let report = OperatorSimulator.run(seed: seed, isShort: isShort, keepsClaims: keepsClaims)
        if let failure = report.failure {
            Issue.record("seed \(seed): \(failure.rule) at \(failure.second) s: \(failure.reason)")
        }
    }
}
