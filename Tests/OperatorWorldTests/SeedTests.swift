// SPDX-License-Identifier: Apache-2.0
import OperatorWorld
import Testing

@Suite struct SeedTests {
    /// Short storms; keelson-opsim runs longer ones, and as many as one likes.
    @Test(arguments: UInt64(1)...100)
    func `a storm ends in a whole cluster with nothing lost`(seed: UInt64) {
        let report = OperatorSimulator.run(seed: seed, isShort: true)
        if let failure = report.failure {
            Issue.record("seed \(seed): \(failure.rule) at \(failure.second) s: \(failure.reason)")
        }
    }
}
