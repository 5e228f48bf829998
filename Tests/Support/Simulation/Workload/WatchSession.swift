// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore

/// A client's watch stream. When it breaks, the client goes on with another member, from the
/// revision after the last that it was given.
final class WatchSession {
    private unowned let world: World
    private let number: Int
    private var random: Random
    private var member: SimMember?
    private var stream: StreamNumber = 0
    private var watches: [WatchChecker] = []
    private var isStopped = false
    private var isBlocked = false
    private var lastEvent: [UInt8]?

    init(world: World, number: Int) {
        self.world = world
        self.number = number
        random = Random(seed: world.nextSeed())
        for id in 0..<(1 + random.below(3)) { watches.append(makeWatch(Int64(id + 1))) }
    }

    private func makeWatch(_ id: Int64) -> WatchChecker {
        var create = WatchCreateRequest()
        create.watchID = id
        create.key = Array("k\(random.below(world.profile.keyCount))".utf8)
        switch random.below(3) {
        case 0: break
        case 1:
            create.key = Array("k".utf8)
            create.rangeEnd = Array("l".utf8)
        default:
            create.key = [0]
            create.rangeEnd = [0]
        }
        create.prevKV = random.chance(percent: 40)
        create.progressNotify = random.chance(percent: 30)
        let fragmentShare = world.profile.extras.fragmentBytes == nil ? 20 : 70
        create.fragment = random.chance(percent: fragmentShare)
        if random.chance(percent: 15) { create.filters = [.noDelete] }
        if random.chance(percent: 10) { create.filters = [.noPut] }
        return WatchChecker(create)
    }

    // MARK: Life

    func begin() {
        world.after(.milliseconds(random.below(2_000))) { [unowned self] in self.open() }
    }

    func stop() { isStopped = true }

    private func open() {
        guard member == nil else { return }
        let usable = world.members.filter { $0.isUsable }
        guard !usable.isEmpty else { return again() }
        let chosen = usable[random.below(usable.count)]
        guard chosen.node?.isLearner == false else { return again() }
        member = chosen
        isBlocked = false
        stream = chosen.openWatch(self)
        for index in watches.indices {
            let current = world.truth.model.revision
            let draw = random.below(10)
            let first: Int64 = draw < 5 ? 0 : draw < 8 ? max(1, current / 2) : current + 3
            let request = watches[index].open(first: first)
            world.say("watch \(number) on \(chosen.name): \(request.startRevision)")
            chosen.input(.watchRequested(stream, .create(request)))
        }
        act()
    }

    private func again() {
        guard !isStopped || watches.contains(where: { !$0.isFresh }) else { return }
        world.after(.milliseconds(50 + random.below(500))) { [unowned self] in self.open() }
    }

    /// The stream broke.
    func cut() {
        member = nil
        again()
    }

    /// Now and then asks for progress, cancels, or goes away.
    private func act() {
        let stream = stream
        world.after(.milliseconds(100 + random.below(2_000))) { [unowned self] in
            guard let member = self.member, self.stream == stream, member.isRunning else { return }
            let draw = self.random.below(100)
            if draw < 50 {
                member.input(.watchRequested(stream, .progress(WatchProgressRequest())))
            } else if draw < 60, !self.isStopped {
                self.world.count("watch moved")
                member.closeWatch(stream)
                return self.cut()
            } else if draw < 70 {
                self.reopenOne(member)
            }
            self.act()
        }
    }

    /// Cancels one watch and creates it again where it was.
    private func reopenOne(_ member: SimMember) {
        let index = random.below(watches.count)
        guard watches[index].isOpen else { return }
        member.input(
            .watchRequested(stream, .cancel(WatchCancelRequest(watchID: watches[index].id))))
        watches[index].closing()
    }

    /// The client reads no more for a while.
    func block() {
        guard let member, member.isUsable, !isBlocked else { return }
        let stream = stream
        isBlocked = true
        world.count("watch blocked")
        member.input(.watchBlocked(stream))
        world.after(.milliseconds(100 + random.below(2_000))) { [unowned self] in
            guard self.stream == stream, self.member != nil else { return }
            self.isBlocked = false
            member.later(.zero) { $0.input(.watchDrained(stream)) }
        }
    }

    // MARK: Messages

    func isEvent(_ message: [UInt8]) -> Bool {
        (try? WatchResponse(decoding: message))?.events.isEmpty == false
    }

    func repeatLast() {
        if let lastEvent { take(lastEvent) }
    }

    func take(_ message: [UInt8]) {
        let response: WatchResponse
        do throws(WireError) {
            response = try WatchResponse(decoding: message)
        } catch {
            return world.fail(.watch, "a watch response does not decode")
        }
        if !response.events.isEmpty { lastEvent = message }
        world.count(response.events.isEmpty ? "watch control" : "watch events")
        if response.watchID == -1 { return takeProgress(response) }
        guard let index = watches.firstIndex(where: { $0.id == response.watchID }) else {
            return world.fail(
                .watch, "a response for watch \(response.watchID), which is not there")
        }
        if response.fragment { world.count("watch fragment") }
        let problem =
            oversize(message, response, watches[index])
            ?? watches[index].take(response, world.truth.model)
        let name = member?.name ?? "?"
        world.check(.watch, problem.map { "watch \(number).\(response.watchID) on \(name): \($0)" })
        if response.canceled { recreate(index) }
    }

    /// Who asked for fragments gets nothing longer than their bound and the head of a response, but
    /// for single events.
    private func oversize(
        _ message: [UInt8], _ response: WatchResponse, _ watch: WatchChecker
    ) -> String? {
        guard let limit = world.profile.extras.fragmentBytes, watch.wantsFragments,
            response.events.count > 1, message.count > limit + 64
        else { return nil }
        return "a fragment of \(message.count) bytes, the limit is \(limit)"
    }

    /// A cancelled watch goes on from where it was, or from the compaction.
    private func recreate(_ index: Int) {
        guard let member else { return }
        let stream = stream
        world.after(.milliseconds(random.below(100))) { [unowned self] in
            guard self.member === member, self.stream == stream, member.isRunning else { return }
            guard member.isUsable else { return self.recreate(index) }
            guard !self.watches[index].isOpen else { return }
            let request = self.watches[index].open(first: 0)
            member.input(.watchRequested(stream, .create(request)))
        }
    }

    private func takeProgress(_ response: WatchResponse) {
        world.count("watch progress")
        for index in watches.indices where watches[index].isOpen {
            let problem = watches[index].promised(response, world.truth.model)
            world.check(.watch, problem.map { "watch \(number): \($0)" })
        }
    }

    // MARK: The end

    /// Nil when every watch has had all there is.
    func missing(_ model: Model) -> String? {
        guard let member else {
            // It may never have found one to begin with.
            return watches.allSatisfy(\.isFresh) ? nil : "watch \(number) is on no member"
        }
        for watch in watches {
            if let problem = watch.missing(model) {
                return "watch \(number).\(watch.id) on \(member.name): \(problem)"
            }
        }
        return nil
    }
}
