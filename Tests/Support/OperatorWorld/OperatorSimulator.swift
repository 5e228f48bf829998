// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

/// Runs one seed: a storm of mishaps, then peace, then judgement.
package enum OperatorSimulator {
    package static func run(
        seed: UInt64, isShort: Bool = false, keepsClaims: Bool = false, plant: Plant? = nil,
        trace: (@Sendable (String) -> Void)? = nil
    ) -> WorldReport {
        var dice = Random(seed: seed &* 0x9E37_79B9 &+ 77)
        var knobs = WorldKnobs.storm(&dice)
        knobs.plant = plant
        knobs.keepsClaims = keepsClaims
        let world = World(seed: seed, knobs: knobs, trace: trace)
        let sizes = isShort ? [1, 2, 3, 3, 3, 3, 3, 5] : [1, 3, 3, 3, 5]
        world.found(replicas: sizes[dice.below(sizes.count)])
        world.run(seconds: dice.chance(percent: 70) ? 150 : dice.below(60))
        for mishap in plant?.mishaps ?? [] {
            world.strike(mishap)
            world.run(seconds: 30)
        }
        for _ in 0..<(isShort ? 1 + dice.below(3) : 2 + dice.below(9)) {
            world.strike(Mishap.allCases[dice.below(Mishap.allCases.count)])
            let longest = isShort ? 100 : 400
            world.run(seconds: 1 + dice.below(dice.chance(percent: 60) ? 30 : longest))
            if dice.chance(percent: 70) { world.heal(all: false) }
            if dice.chance(percent: 60) { world.run(seconds: dice.below(isShort ? 40 : 120)) }
        }
        peace(world, steady: isShort ? 60 : 600)
        return report(seed, world)
    }

    /// All is healed. The cluster becomes whole, and stays so without a write.
    static func peace(_ world: World, steady seconds: Int) {
        world.knobs = world.knobs.peace
        world.heal(all: true)
        world.run(seconds: 5)
        for _ in 0..<60 where world.failure == nil && !world.isWhole {
            world.heal(all: true)
            world.run(seconds: 60) { world.isWhole }
        }
        guard world.failure == nil else { return }
        guard world.isWhole else {
            world.fail("liveness", world.complaint)
            return
        }
        world.judgeSteadiness(seconds: seconds)
        world.judgeHistory()
    }

    private static func report(_ seed: UInt64, _ world: World) -> WorldReport {
        WorldReport(
            seed: seed, failure: world.failure, seconds: world.second,
            writeCount: world.writeCount, kills: world.kills,
            acknowledged: world.etcd.acknowledged.count, counters: world.counters)
    }
}

extension World {
    /// Why it is not whole.
    var complaint: String {
        let list = (truth?.list ?? []).map { "\(podName($0))\($0.isLearner ? "(learner)" : "")" }
        let pods = api.list(.pod).map(\.name)
        return "list \(list.joined(separator: ",")), pods \(pods.joined(separator: ",")), "
            + "operation \(operationText), Progressing \(conditionText("Progressing")), "
            + "Degraded \(conditionText("Degraded")), MembersUpdated \(conditionText("MembersUpdated"))"
    }
}
