// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Raft
internal import Replicated

/// Runs one seed from its first event to its verdict.
package enum Simulator {
    package static func run(seed: UInt64, options: RunOptions = RunOptions()) -> SeedReport {
        let profile = Profile(seed: seed, isSmoke: options.isSmoke).tuned(for: options.plant)
        let world = World(seed: seed, profile: profile, plant: options.plant)
        world.trace.sink = options.sink
        let run = Run(world: world)
        run.found()
        run.storm()
        run.peace()
        defer { world.end() }
        return SeedReport(
            seed: seed, failure: world.failure, traceHash: world.trace.hash,
            eventCount: world.trace.eventCount,
            operationCount: world.clients.reduce(0) { $0 + $1.answeredCount },
            simulated: world.now - Instant(nanoseconds: 0), counters: world.counters)
    }
}

private struct Run {
    let world: World

    func found() {
        for place in 0..<world.profile.memberCount {
            world.members.append(
                SimMember(
                    world: world, id: MemberID(UInt64(0x100 + place)), place: place,
                    isFounder: true))
        }
        let nemesis = Nemesis(world: world)
        world.nemesis = nemesis
        for member in world.members { member.start() }
        nemesis.supervise()
        tellVersions()
        world.run(until: Instant(nanoseconds: 3_000_000_000)) { world.leader != nil }
    }

    private func tellVersions() {
        if let leader = world.leader, leader.isUsable {
            var versions: [MemberID: String?] = [:]
            for member in world.members { versions[member.id] = "3.6.5" }
            leader.input(.versionsSeen(versions))
        }
        world.after(.seconds(4)) { self.tellVersions() }
    }

    func storm() {
        for number in 0..<world.profile.clientCount {
            world.clients.append(SimClient(world: world, number: number))
        }
        for number in 0..<world.profile.watchSessions {
            world.watchers.append(WatchSession(world: world, number: number))
        }
        for client in world.clients { client.begin() }
        for watcher in world.watchers { watcher.begin() }
        if world.profile.extras.quotaBytes > 0 {
            world.spaceKeeper = SpaceKeeper(world: world)
            world.spaceKeeper?.begin()
        }
        world.nemesis?.begin()
        world.run(until: world.now + world.profile.stormTime)
    }

    // MARK: What must come right

    func peace() {
        guard world.failure == nil else { return }
        world.nemesis?.calm()
        for watcher in world.watchers { watcher.stop() }
        if world.profile.extras.quotaBytes > 0 {
            // They would fill again what is made free.
            for client in world.clients { client.stop() }
        }
        waitUntil("a new member in the place of a damaged one", seconds: 40) { [world] in
            world.nemesis?.isWhole ?? true
        }
        waitUntil("a write through every member", seconds: 25) { [world] in
            world.wanted.allSatisfy { Run.hasWritten($0, world) }
        } body: {
            for member in world.wanted { Run.keepWriting(member, world, 0) }
        }
        for client in world.clients { client.stop() }
        world.spaceKeeper?.stop()
        waitUntil("the same state on all members", seconds: 15) { [world] in isLevel(world) }
        guard world.failure == nil else { return }
        for member in world.wanted {
            if let node = member.node { world.truth.judgeContents(member, node, world) }
        }
        finishWatches()
        finishLeases()
    }

    private func waitUntil(
        _ what: String, seconds: Int, _ isTrue: @escaping () -> Bool, body: () -> Void = {}
    ) {
        guard world.failure == nil else { return }
        body()
        world.run(until: world.now + .seconds(seconds), isDone: isTrue)
        if !isTrue() {
            let standing = world.members.map {
                "\($0.name) \($0.state) \($0.appliedIndex) \($0.node?.raft.describe() ?? "")"
            }
            world.fail(.liveness, "not in \(seconds) s: \(what); \(standing)")
        }
    }

    private static func hasWritten(_ member: SimMember, _ world: World) -> Bool {
        if member.node?.isLearner == true { return true }
        let key = Array("a/\(member.name)".utf8)
        return world.truth.model.live(key, .after(world.truth.model.revision)) != nil
    }

    /// Puts a key of its own through the member until it is there.
    private static func keepWriting(_ member: SimMember, _ world: World, _ attempt: Int) {
        // A learner may become a voter meanwhile, and then has to write too.
        let isLearner = member.node?.isLearner == true
        guard isLearner || !hasWritten(member, world), attempt < 100 else { return }
        if member.isUsable, !isLearner {
            let put = PutRequest(
                key: Array("a/\(member.name)".utf8),
                value: Array("\(member.name)/\(attempt)".utf8))
            member.call(.put(put)) { _ in }
        }
        world.after(.seconds(1)) { keepWriting(member, world, attempt + 1) }
    }

    private func isLevel(_ world: World) -> Bool {
        let wanted = world.wanted
        return wanted.allSatisfy { member in
            member.isRunning && member.node?.health.isLoading == false
                && member.appliedIndex == world.truth.lastIndex
        }
    }

    private func finishWatches() {
        guard world.failure == nil, !world.watchers.isEmpty else { return }
        world.run(until: world.now + .seconds(8)) { [world] in
            world.watchers.allSatisfy { $0.missing(world.truth.model) == nil }
        }
        for watcher in world.watchers {
            world.check(.watch, watcher.missing(world.truth.model))
        }
    }

    /// Leases of many minutes come to their end too.
    private func passTime() {
        let step = Duration.seconds(150)
        var left = world.truth.leases.longest
        while left > .zero, world.failure == nil, !world.truth.leases.isEmpty {
            world.jump(by: step)
            world.run(until: world.now + .seconds(2))
            left -= step
        }
        if world.failure == nil, !world.truth.leases.isEmpty {
            world.run(until: world.now + .seconds(14)) { [world] in world.truth.leases.isEmpty }
        }
    }

    private func finishLeases() {
        guard world.failure == nil, !world.truth.leases.isEmpty else { return }
        world.run(until: world.now + .seconds(14)) { [world] in world.truth.leases.isEmpty }
        passTime()
        world.check(
            .lease,
            world.truth.leases.overdue(
                at: world.now, since: world.truth.lastElection, patience: .seconds(6)))
    }
}
