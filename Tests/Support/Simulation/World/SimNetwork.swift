// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Raft

/// Every pair of members has a link for each direction. A link drops, delays, repeats and reorders;
/// it can be cut, or clogged: then what is sent arrives when it is free again.
final class SimNetwork {
    private unowned let world: World
    private var random: Random
    var profile: NetworkProfile
    private var cuts: Set<Int> = []
    private var cloggedUntil: [Int: Int64] = [:]
    private var lastArrival: [Int: Int64] = [:]

    init(world: World, profile: NetworkProfile, seed: UInt64) {
        self.world = world
        self.profile = profile
        random = Random(seed: seed)
    }

    private func link(_ from: Int, _ to: Int) -> Int { from << 16 | to }

    // MARK: Faults

    func cut(_ from: Int, _ to: Int) { cuts.insert(link(from, to)) }

    func clog(_ from: Int, _ to: Int, until time: Int64) { cloggedUntil[link(from, to)] = time }

    func heal() {
        cuts.removeAll()
        cloggedUntil.removeAll()
    }

    /// What is on its way arrives that much later.
    func shift(by nanoseconds: Int64) {
        for (link, time) in cloggedUntil { cloggedUntil[link] = time + nanoseconds }
        for (link, time) in lastArrival { lastArrival[link] = time + nanoseconds }
    }

    func calm() {
        heal()
        profile.lossPerMille = 0
        profile.duplicatePerMille = 0
        profile.reorderPerMille = 0
        profile.base = min(profile.base, .milliseconds(3))
        profile.jitter = min(profile.jitter, .milliseconds(5))
    }

    func isCut(_ from: Int, _ to: Int) -> Bool { cuts.contains(link(from, to)) }

    func isOpen(_ left: Int, _ right: Int) -> Bool { !isCut(left, right) && !isCut(right, left) }

    // MARK: Traffic

    /// A time from sending to arrival.
    func delay() -> Duration {
        profile.base + .nanoseconds(random.below(max(1, Int(profile.jitter.nanoseconds))))
    }

    func send(_ message: Message, from sender: SimMember) {
        world.trace.add(
            .message, at: world.now.nanoseconds, sender.place,
            message.to.number << 8 | UInt64(message.kind.rawValue),
            message.index.number << 20 ^ message.term.number ^ message.commit.number << 40)
        guard let target = world.member(message.to) else { return }
        if isCut(sender.place, target.place) || chance(profile.lossPerMille) {
            world.count("message lost")
            if random.chance(percent: 20) {
                sender.later(.milliseconds(5)) { $0.unreachable(target) }
            }
            return
        }
        arrive(message, sender, target, isOrdered: !chance(profile.reorderPerMille))
        // A stream gives each message once; what raft repeats by itself may come twice. A proposal
        // may not: nothing but the stream protects it.
        let mayRepeat = message.kind != .propose || world.plant == .repeatedProposal
        let isPlanted = message.kind == .propose && world.plant == .repeatedProposal
        if mayRepeat, chance(profile.duplicatePerMille) || (isPlanted && random.chance(percent: 20))
        {
            arrive(message, sender, target, isOrdered: false)
        }
    }

    private func chance(_ perMille: Int) -> Bool { perMille > 0 && random.below(1_000) < perMille }

    private func arrive(
        _ message: Message, _ sender: SimMember, _ target: SimMember, isOrdered: Bool
    ) {
        let link = link(sender.place, target.place)
        var time = (world.now + delay()).nanoseconds
        if let free = cloggedUntil[link], free > time {
            time = free + Int64(random.below(1_000_000))
        }
        if isOrdered {
            time = max(time, lastArrival[link] ?? 0)
            lastArrival[link] = time
        } else {
            time += Int64(random.below(200_000_000))
        }
        world.at(time) { [unowned self] in
            guard let target = self.world.member(message.to) else { return }
            if self.isCut(sender.place, target.place) { return }
            target.receive(message, from: sender)
        }
    }
}
