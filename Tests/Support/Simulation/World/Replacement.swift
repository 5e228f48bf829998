// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Replicated

/// One member goes for ever; a new one with an empty disk comes, learns, and is promoted.
final class Replacement {
    private unowned let world: World
    private let victim: SimMember
    private var random: Random
    private var isOver = false
    /// How often each step is tried; more often when there is no other way out.
    private var patience = 1
    private var peerURL: String?
    private var onEnd: (Bool) -> Void = { _ in }

    init(world: World, seed: UInt64, of victim: SimMember) {
        self.world = world
        self.victim = victim
        random = Random(seed: seed)
    }

    /// `onEnd` is told whether the new member became a voter.
    func begin(_ onEnd: @escaping (Bool) -> Void) {
        self.onEnd = onEnd
        let old = victim.id
        ask(.memberRemove(old), { !$0.members.contains(old) }, triesLeft: 4 * patience) {
            [unowned self] isDone in
            isDone ? self.add() : self.end(false)
        }
    }

    /// The same for a member whose disk was wiped: the new one has its URL.
    func beginForDamaged(_ onEnd: @escaping (Bool) -> Void) {
        patience = 15
        peerURL = victim.peerURL
        begin(onEnd)
    }

    func giveUp() { isOver = true }

    private func end(_ isDone: Bool) {
        isOver = true
        onEnd(isDone)
    }

    private func add() {
        let place = world.members.count
        let id = MemberID(UInt64(0x100 + place))
        let fresh = SimMember(
            world: world, id: id, place: place, isFounder: false, peerURL: peerURL)
        let add = MemberAddRequest(peerURLs: [fresh.peerURL], isLearner: true)
        ask(.memberAdd(add, id: id), { $0.members.contains(id) }, triesLeft: 6 * patience) {
            [unowned self] isDone in
            guard isDone else { return self.end(false) }
            // Also when nobody knows whether it was added: then it waits for nothing.
            self.world.members.append(fresh)
            self.promote(id)
        }
    }

    private func promote(_ id: MemberID) {
        world.after(.seconds(1)) { [unowned self] in
            self.ask(
                .memberPromote(id), { $0.members.contains(id) && !$0.members.isLearner(id) },
                triesLeft: 10 * self.patience
            ) { [unowned self] isDone in self.end(isDone) }
        }
    }

    /// Asks anybody, again and again. A refusal may be due to an earlier attempt whose answer was
    /// lost, or to a member that lags: `isDone` looks at what the cluster has come to.
    private func ask(
        _ request: Request, _ isDone: @escaping (Ledger) -> Bool, triesLeft: Int,
        _ then: @escaping (Bool) -> Void
    ) {
        guard triesLeft > 0, !isOver else { return then(false) }
        let usable = world.members.filter { $0.isUsable }
        var isAnswered = false
        func retry() {
            guard !isAnswered else { return }
            isAnswered = true
            world.after(.milliseconds(700)) { [unowned self] in
                self.ask(request, isDone, triesLeft: triesLeft - 1, then)
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
                case .failure where self.world.newestLedger.map(isDone) == true:
                    isAnswered = true
                    then(true)
                case .failure(let error):
                    self.world.say("membership: \(error)")
                    retry()
                case .compute, .list: retry()
                }
            }
        }
        world.after(.seconds(3)) { retry() }
    }
}
