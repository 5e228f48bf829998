// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore

/// A client that asks one thing after the other, of any member. After a while it gives up: then
/// nobody knows whether its write happened, and either is right.
final class SimClient {
    private unowned let world: World
    private let number: Int
    private var random: Random
    private var maker: RequestMaker
    private var isStopped = false
    private(set) var answeredCount = 0
    /// Counts questions, so that a late answer is not taken for that to the next.
    private var turn = 0

    static let patience = Duration.milliseconds(2_500)

    init(world: World, number: Int) {
        self.world = world
        self.number = number
        random = Random(seed: world.nextSeed())
        maker = RequestMaker(client: number, profile: world.profile, seed: world.nextSeed())
    }

    func begin() { next() }

    func stop() { isStopped = true }

    private func next(after rest: Duration = .zero) {
        guard !isStopped else { return }
        let pause = (world.profile.thinkTime + rest).nanoseconds
        world.after(.nanoseconds(random.below(Int(2 * pause) + 1))) { [unowned self] in self.ask() }
    }

    private func ask() {
        guard !isStopped else { return }
        turn += 1
        let usable = world.members.filter { $0.isRunning }
        guard !usable.isEmpty else { return next() }
        let member = usable[random.below(usable.count)]
        ask(maker.next(world.truth.model), of: member)
    }

    private func ask(_ request: Request, of member: SimMember) {
        let turn = turn
        let asked = world.now
        let floor = HistoryChecker.Floor(revision: world.truth.model.revision)
        noteAsking(request)
        world.trace.add(.call, at: asked.nanoseconds, number, UInt64(turn), member.id.number)
        world.say("client \(number).\(turn) asks \(member.name): \(short(request))")
        member.later(.microseconds(50 + random.below(500))) { member in
            guard self.turn == turn else { return }
            member.call(self.planted(request)) { [unowned self] answer in
                self.answered(request, answer, turn, asked, floor)
            }
        }
        world.after(Self.patience) { [unowned self] in
            guard self.turn == turn else { return }
            self.turn += 1
            self.world.count("timed out")
            self.world.say("client \(self.number).\(turn) gives up")
            self.next()
        }
    }

    private func planted(_ request: Request) -> Request {
        guard world.plant == .staleRead, case .range(var range) = request else { return request }
        range.serializable = true
        return .range(range)
    }

    private func noteAsking(_ request: Request) {
        switch request {
        case .leaseGrant(let grant): world.truth.leases.grantAsked(grant.id, at: world.now)
        case .leaseKeepAlive(let id): world.truth.leases.renewalAsked(id, at: world.now)
        case .leaseRevoke(let revoke): world.truth.leases.revocationAsked(revoke.id)
        default: break
        }
    }

    private func answered(
        _ request: Request, _ answer: Answer, _ turn: Int, _ asked: Instant,
        _ floor: HistoryChecker.Floor
    ) {
        guard self.turn == turn else { return }
        self.turn += 1
        switch answer {
        case .message(let bytes):
            answeredCount += 1
            world.count("answered")
            world.trace.add(
                .answer, at: world.now.nanoseconds, number, UInt64(turn), UInt64(CRC32C.of(bytes)))
            world.say("client \(number).\(turn) has its answer")
            let problem = world.truth.history.answered(
                request, bytes, floor: floor, model: world.truth.model)
            world.check(.linearizability, problem.map { "client \(number).\(turn): \($0)" })
            learn(request, bytes, asked)
        case .failure(let error):
            world.count("refused: \(error)")
            world.say("client \(number).\(turn) is refused: \(error)")
            // With a quota, what goes beyond it is answered so, and happens all the same.
            let mayHaveHappened = error == .noSpace && world.profile.extras.quotaBytes > 0
            if error.isCertain, !mayHaveHappened {
                world.check(.linearizability, world.truth.history.refusedForCertain(request))
            }
            if mayHaveHappened { return next(after: .milliseconds(100)) }
        case .compute, .list, .members, .done: break
        }
        next()
    }

    private func learn(_ request: Request, _ bytes: [UInt8], _ asked: Instant) {
        switch request {
        case .leaseGrant(let grant): maker.hold(grant.id)
        case .leaseRevoke(let revoke): maker.release(revoke.id)
        case .leaseKeepAlive(let id):
            guard let response = try? LeaseKeepAliveResponse(decoding: bytes) else { return }
            if response.ttl > 0 {
                world.count("lease renewed")
                world.truth.leases.renewed(id, asked: asked)
            } else {
                maker.release(id)
            }
        default: break
        }
    }
}

extension EtcdError {
    /// The write did not happen and will not.
    fileprivate var isCertain: Bool {
        switch self {
        case .leaseNotFound, .leaseExist, .keyNotFound, .compacted, .futureRevision, .emptyKey,
            .duplicateKey, .tooManyOps, .noSpace, .tooManyRequests, .noLeader,
            .notSupportedForLearner:
            true
        default: false
        }
    }
}

func short(_ request: Request) -> String {
    switch request {
    case .put(let put): "put \(text(put.key))=\(text(put.value)) lease \(put.lease)"
    case .range(let range):
        "range \(text(range.key))..\(text(range.rangeEnd)) at \(range.revision)"
            + (range.serializable ? " serializable" : "")
    case .deleteRange(let delete): "delete \(text(delete.key))..\(text(delete.rangeEnd))"
    case .txn(let txn): "txn \(txn.compare.count)/\(txn.success.count)/\(txn.failure.count)"
    case .compact(let compact): "compact \(compact.revision)"
    case .leaseGrant(let grant): "grant \(grant.id) for \(grant.ttl) s"
    case .leaseRevoke(let revoke): "revoke \(revoke.id)"
    case .leaseKeepAlive(let id): "keep alive \(id)"
    default: "\(request)"
    }
}
