// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import SimulatedDisk
internal import Storage

/// Breaks things, a few at a time, and mends them after a while. `calm` mends everything.
final class Nemesis {
    private unowned let world: World
    private var random: Random
    private(set) var isCalm = false
    private var replacement: Replacement?

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
        guard replacement == nil, world.profile.memberCount > 1, world.members.count < 9 else {
            return
        }
        let replacement = Replacement(world: world, seed: random.next())
        self.replacement = replacement
        replacement.begin { [unowned self] in self.replacement = nil }
    }

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
        replacement?.giveUp()
    }
}

/// One member goes for ever; a new one with an empty disk comes, learns, and is promoted.
final class Replacement {
    private unowned let world: World
    private var random: Random
    private var isOver = false
    private var onEnd: () -> Void = {}

    init(world: World, seed: UInt64) {
        self.world = world
        random = Random(seed: seed)
    }

    func begin(_ onEnd: @escaping () -> Void) {
        self.onEnd = onEnd
        let wanted = world.wanted
        guard wanted.count > 2 else { return end() }
        let victim = wanted[random.below(wanted.count)]
        ask(.memberRemove(victim.id), triesLeft: 4) { [unowned self] isDone in
            isDone ? self.add() : self.end()
        }
    }

    func giveUp() { isOver = true }

    private func end() {
        isOver = true
        onEnd()
    }

    private func add() {
        let place = world.members.count
        let id = MemberID(UInt64(0x100 + place))
        let fresh = SimMember(world: world, id: id, place: place, isFounder: false)
        let add = MemberAddRequest(peerURLs: [fresh.peerURL], isLearner: true)
        ask(.memberAdd(add, id: id), triesLeft: 6) { [unowned self] isDone in
            guard isDone else { return self.end() }
            // Also when nobody knows whether it was added: then it waits for nothing.
            self.world.members.append(fresh)
            self.promote(id)
        }
    }

    private func promote(_ id: MemberID) {
        world.after(.seconds(1)) { [unowned self] in
            self.ask(.memberPromote(id), triesLeft: 10) { [unowned self] _ in self.end() }
        }
    }

    private func ask(_ request: Request, triesLeft: Int, _ then: @escaping (Bool) -> Void) {
        guard triesLeft > 0, !isOver else { return then(false) }
        let usable = world.members.filter { $0.isUsable }
        var isAnswered = false
        func retry() {
            guard !isAnswered else { return }
            isAnswered = true
            world.after(.milliseconds(700)) { [unowned self] in
                self.ask(request, triesLeft: triesLeft - 1, then)
            }
        }
        guard !usable.isEmpty else { return retry() }
        let member = usable[random.below(usable.count)]
        member.later(.microseconds(300)) { member in
            member.call(request) { [unowned self] answer in
                guard !isAnswered else { return }
                switch answer {
                case .message, .members, .done:
                    isAnswered = true
                    then(true)
                case .failure(.memberNotFound), .failure(.memberExist),
                    .failure(.memberNotLearner):
                    // It was done by an attempt whose answer was lost.
                    isAnswered = true
                    then(true)
                case .failure(let error):
                    self.world.say("membership: \(error)")
                    retry()
                case .compute: retry()
                }
            }
        }
        world.after(.seconds(3)) { retry() }
    }
}
