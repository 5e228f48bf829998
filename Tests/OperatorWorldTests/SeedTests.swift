// SPDX-License-Identifier: Apache-2.0
import OperatorWorld
import Testing

@Suite struct SeedTests {
    @Test func `a hundred storms end in whole clusters with nothing lost`() {
        for seed in UInt64(1)...100 {
            let report = OperatorSimulator.run(seed: seed, isShort: true)
            if let failure = report.failure {
                Issue.record(
                    "seed \(seed): \(failure.rule) at \(failure.second) s: \(failure.reason)")
            }
        }
    }
}
