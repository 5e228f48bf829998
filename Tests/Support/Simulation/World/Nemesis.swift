// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Replicated
internal import SimulatedDisk
internal import Storage

/// Breaks things, a few at a time, and mends them after a while. `calm` mends everything.
final class Nemesis {
    private unowned let world: World
    private var random: Random
    private(set) var isCalm = false
    private var replacement: Replacement?
    /// The member on whose disk a bit was flipped, until a new one has taken its place.
    private var rotten: SimMember?
    /// A replacement was given up in the middle: how many voters there are is not known.
    private var isMembershipInDoubt = false

    init(world: World) {
        self.world = world
        random = Random(seed: world.nextSeed())
    }

    func begin() {
        if world.plant == .clockJump { jumpClocks() }
        next()
    }

    private func next() {
        guard !world.profile.faults.isEmpty else { return }
        let mean = Int(world.profile.faultInterval.nanoseconds)
        world.after(.nanoseconds(mean / 4 + random.below(mean * 3 / 2))) { [unowned self] in
            guard !self.isCalm else { return }
            let faults = self.world.profile.faults
            self.strike(faults[self.random.below(faults.count)])
            self.next()
        }
    }

    private func strike(_ fault: Profile.Fault) {
        world.count("fault: \(fault)")
        world.say("nemesis: \(fault)")
        world.trace.add(.fault, at: world.now.nanoseconds, 0, UInt64(world.counters.count), 0)
        guard let victim = anyMember() else { return }
        switch fault {
        case .crash: crash(victim)
        case .crashInsideDisk:
            victim.disk.crashAfter(random.below(12))
            mend(after: 3_000) { world in if victim.disk.hasCrashed { self.crash(victim) } }
        case .crashAll: for member in world.members { crash(member) }
        case .pause:
            victim.pause()
            mend(after: 4_000) { _ in victim.resume() }
        case .isolate, .halves, .oneWay, .ring, .clog, .loss: disturbNetwork(fault, victim)
        case .slowDisk:
            victim.syncTime = .milliseconds(20 + random.below(600))
            mend(after: 5_000) { world in victim.syncTime = world.profile.disk.syncTime }
        case .fullDisk:
            victim.disk.capacity = victim.disk.usedByteCount + Int64(random.below(3_000))
            mend(after: 4_000) { _ in victim.disk.capacity = nil }
        case .failedCall:
            let operations: [DiskOperation] = [
                .write, .sync, .open, .rename, .remove, .syncDirectory, .allocate, .read,
            ]
            victim.disk.failNext(
                operations[random.below(operations.count)], DiskError.inputOutputCode,
                skip: random.below(4))
        case .transfer:
            guard let leader = world.leader else { return }
            leader.call(.moveLeader(to: victim.id)) { _ in }
        case .stop:
            victim.stop()
        case .replaceMember: replaceMember()
        case .rot: rot(victim)
        case .jump:
            world.jump(by: .seconds(20 + random.below(300)))
        case .blockWatch:
            if !world.watchers.isEmpty {
                world.watchers[random.below(world.watchers.count)].block()
            }
        }
    }

    // MARK: Members

    private func anyMember() -> SimMember? {
        let alive = world.members.filter { $0.state != .gone }
        // The leader is the most interesting victim.
        if random.chance(percent: 40), let leader = world.leader { return leader }
        return alive.isEmpty ? nil : alive[random.below(alive.count)]
    }

    private func crash(_ member: SimMember) {
        guard member.isRunning || member.disk.hasCrashed else { return }
        member.die(
            random.chance(percent: 20) ? nil : member.drawCrashMode(), reason: "nemesis")
    }

    /// A supervisor starts again what is down.
    func supervise() {
        for member in world.members {
            member.noticePeers()
            guard member.state == .down else { continue }
            if isCalm || random.chance(percent: 12) { member.start() }
        }
        world.after(.milliseconds(200)) { [unowned self] in self.supervise() }
    }

    private func mend(after most: Int, _ body: @escaping (World) -> Void) {
        world.after(.milliseconds(100 + random.below(most))) { [unowned self] in
            body(self.world)
        }
    }

    private func jumpClocks() {
        world.after(.milliseconds(300 + random.below(1_500))) { [unowned self] in
            self.anyMember()?.jumpClock(by: .seconds(4))
            self.jumpClocks()
        }
    }

    // MARK: Network

    private func disturbNetwork(_ fault: Profile.Fault, _ victim: SimMember) {
        let places = world.members.filter { $0.state != .gone }.map(\.place)
        let network = world.network
        switch fault {
        case .isolate:
            for other in places where other != victim.place {
                network.cut(victim.place, other)
                network.cut(other, victim.place)
            }
        case .halves:
            let side = places.filter { _ in random.chance(percent: 50) }
            for left in side {
                for right in places where !side.contains(right) {
                    network.cut(left, right)
                    network.cut(right, left)
                }
            }
        case .oneWay:
            let intoVictim = random.chance(percent: 50)
            for other in places where other != victim.place && random.chance(percent: 70) {
                if intoVictim {
                    network.cut(other, victim.place)
                } else {
                    network.cut(victim.place, other)
                }
            }
        case .ring:
            // Everyone sees a majority, and no two see the same.
            for (step, place) in places.enumerated() {
                let far = places[(step + places.count / 2) % places.count]
                if far != place { network.cut(place, far) }
            }
        case .clog:
            let until = world.now.nanoseconds + Int64(random.below(3_000)) * 1_000_000
            for other in places where other != victim.place {
                network.clog(other, victim.place, until: until)
                if random.chance(percent: 50) { network.clog(victim.place, other, until: until) }
            }
            return
        default:
            let before = network.profile.lossPerMille
            network.profile.lossPerMille = 100 + random.below(300)
            mend(after: 3_000) { world in
                if !self.isCalm { world.network.profile.lossPerMille = before }
            }
            return
        }
        mend(after: 4_000) { world in world.network.heal() }
    }

    // MARK: Membership

    private func replaceMember() {
        guard replacement == nil, rotten == nil, world.profile.memberCount > 1,
            world.members.count < 9
        else { return }
        let wanted = world.wanted
        guard wanted.count > 2 else { return }
        let replacement = Replacement(
            world: world, seed: random.next(), of: wanted[random.below(wanted.count)])
        self.replacement = replacement
        replacement.begin { [unowned self] isDone in
            self.replacement = nil
            if !isDone { self.isMembershipInDoubt = true }
        }
    }

    // MARK: Rot

    /// A bit flips on the disk of a member that is down. One member at a time, and only where the
    /// others are a majority.
    private func rot(_ victim: SimMember) {
        guard replacement == nil, rotten == nil, !isMembershipInDoubt, world.members.count < 9,
            victim.isRunning, let ledger = world.newestLedger
        else { return }
        let voters = ledger.configuration.voters
        guard voters.count >= 3, voters.contains(victim.id) else { return }
        victim.die(victim.drawCrashMode(), reason: "nemesis")
        if victim.flipBit() { rotten = victim }
    }

    /// The member has refused to start. As its operator would, remove it, and let an empty one take
    /// its place as a learner. This goes on when all else is calm.
    func refusedStart(_ member: SimMember) {
        let replacement = Replacement(world: world, seed: random.next(), of: member)
        self.replacement = replacement
        replacement.beginForDamaged { [unowned self] isDone in
            self.replacement = nil
            self.rotten = nil
            if isDone {
                self.world.count("damaged member replaced")
            } else {
                self.world.fail(.liveness, "\(member.name), damaged, could not be replaced")
            }
        }
    }

    /// Nobody is missing for good.
    var isWhole: Bool { rotten == nil }

    // MARK: Peace

    func calm() {
        isCalm = true
        world.say("nemesis: all is healed")
        world.network.calm()
        for member in world.members {
            member.disk.capacity = nil
            member.disk.cancelFaults()
            member.syncTime = min(world.profile.disk.syncTime, .milliseconds(5))
            if member.disk.hasCrashed { member.die(member.drawCrashMode(), reason: "power cut") }
            member.resume()
        }
        if rotten == nil { replacement?.giveUp() }
    }
}
