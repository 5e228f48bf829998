// SPDX-License-Identifier: Apache-2.0
import OperatorWorld
import Testing

@Suite struct PlantTests {
    /// Within so many seeds; keelson-opsim --plants looks through more.
    private static let mostSeeds: UInt64 = 10

    /// Where to begin, for those that need a mishap of their own.
    private static func first(_ plant: Plant) -> UInt64 {
        switch plant {
        case .wrongMember: 20
        case .believesAll: 13
        case .keepsFinalizer: 21
        case .writesAlways: 5
        default: 1
        }
    }

    /// A rule that no bug can break is not looked at.
    @Test(arguments: Plant.allCases) func `a planted bug is found`(plant: Plant) {
        let first = Self.first(plant)
        for seed in first..<first + Self.mostSeeds {
            let report = OperatorSimulator.run(seed: seed, isShort: true, plant: plant)
            guard let failure = report.failure, plant.rules.contains(failure.rule) else { continue }
            return
        }
        Issue.record("\(plant.rawValue) was not found in \(Self.mostSeeds) seeds")
    }
}
