// SPDX-License-Identifier: Apache-2.0
import OperatorWorld
import Testing

@Suite struct PlantTests {
    /// Within so many seeds; keelson-opsim --plants looks through more.
    private static let mostSeeds: UInt64 = 20

    /// A rule that no bug can break is not looked at.
    @Test(arguments: Plant.allCases) func `a planted bug is found`(plant: Plant) {
        for seed in 1...Self.mostSeeds {
            let report = OperatorSimulator.run(seed: seed, isShort: true, plant: plant)
            guard let failure = report.failure, plant.rules.contains(failure.rule) else { continue }
            return
        }
        Issue.record("\(plant.rawValue) was not found in \(Self.mostSeeds) seeds")
    }
}
