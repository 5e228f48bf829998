// SPDX-License-Identifier: Apache-2.0
internal import Simulation
internal import Testing

/// The simulator must find the bugs that it is there for.
struct PlantedBugTests {
    private static let mostSeeds: UInt64 = 200

    /// Known bugs: 13766, 12291.
    @Test(arguments: Plant.allCases)
    func `a planted bug is found`(_ plant: Plant) {
        for seed in 1...Self.mostSeeds {
            let options = RunOptions(isSmoke: true, plant: plant)
            if let failure = Simulator.run(seed: seed, options: options).failure {
                print(
                    "\(plant.rawValue): seed \(seed): \(failure.kind.rawValue): \(failure.reason)")
                return
            }
        }
        Issue.record("\(plant.rawValue) was not found in \(Self.mostSeeds) seeds")
    }
}
