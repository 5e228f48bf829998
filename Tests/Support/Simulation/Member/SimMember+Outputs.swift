// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import NodeCore
internal import Raft
internal import Replicated
internal import Storage

// What the core asks for, carried out in simulated time.
extension SimMember {
    /// The truth learns of what was applied before anybody hears of it.
    func observe(_ batch: [Output]) {
        for output in batch {
            if case .append(let batch) = output { entries.take(batch) }
        }
        guard let node else { return }
        world.truth.observe(self, node, world)
    }

    func carryOut(_ output: Output) {
        switch output {
        case .send(let message): send(message)
        case .append(let batch): diskQueue.append(.append(batch))
        case .reply(let number, let answer): reply(number, answer)
        case .deliver(let stream, let message): deliver(stream, message)
        case .endStream(let stream, _): streams.removeValue(forKey: stream)?.cut()
        case .checkpoint(let view, let snapshot): saveCheckpoint(view, snapshot)
        case .sendSnapshot(let message, let view): sendSnapshot(message, view)
        case .loadSnapshot(let snapshot): loadSnapshot(snapshot)
        case .forward(let number, let leader, let request): forward(number, leader, request)
        case .hash(let order):
            later(.milliseconds(20)) { $0.input(.hashed(order.purpose, order.run(), took: .zero)) }
        case .askHashes(let round, let revision): askHashes(round, revision)
        case .membersChanged: break
        case .leaderChanged(let leader, let term):
            world.say("\(name) sees leader \(leader.map { "\($0)" } ?? "none") of term \(term)")
            if leader == id { world.truth.elected(self, term, world) }
        case .removed: later(.milliseconds(1)) { $0.leaveForEver() }
        case .handedOver: handedOver()
        case .failed(let reason): world.fail(.durability, "\(name): \(reason)")
        case .note(let note): tell(note)
        }
    }

    private func tell(_ note: Note) {
        world.say("\(name): \(note)")
        switch note {
        case .becameLeader: world.count("leader elected")
        case .snapshotRestored:
            world.count("snapshot restored")
            if world.plant == .repeatedEvent {
                for (_, session) in streams.sorted(by: { $0.key < $1.key }) { session.repeatLast() }
            }
        case .snapshotNeeded: world.count("snapshot sent")
        case .compacted: world.count("compaction")
        case .memberAdded: world.count("member added")
        case .memberRemoved: world.count("member removed")
        case .memberPromoted: world.count("member promoted")
        case .leasesExpired: world.count("lease expired")
        case .storesAgree: world.count("hashes compared")
        case .storesDiffer(let revision, let members):
            world.fail(.agreement, "hashes at revision \(revision) differ: \(members) are wrong")
        default: break
        }
    }

    // MARK: Peers

    private func send(_ message: Message) {
        guard world.profile.encodesMessages else { return world.network.send(message, from: self) }
        do throws(RaftError) {
            let again = try MessageCodec.decode(MessageCodec.encode(message))
            if again != message {
                world.fail(.agreement, "\(message) comes out of its codec as \(again)")
            }
            world.network.send(again, from: self)
        } catch {
            world.fail(.agreement, "\(message) does not decode: \(error)")
        }
    }

    func receive(_ message: Message, from sender: SimMember) {
        later(.zero) { member in
            // The peer port refuses members that were removed.
            if member.node?.ledger.members.isRemoved(sender.id) == true {
                // And tells them so, which is how a member learns that missed its own removal.
                return sender.later(.milliseconds(1)) { $0.leaveForEver() }
            }
            member.input(.received(message))
        }
    }

    func unreachable(_ target: SimMember) { input(.peerUnreachable(target.id)) }

    /// Tells the core who can be reached, when that has changed.
    func noticePeers() {
        for peer in world.members where peer !== self {
            let isThere = peer.isRunning && world.network.isOpen(place, peer.place)
            guard isThere != connected.contains(peer.place) else { continue }
            if isThere { connected.insert(peer.place) } else { connected.remove(peer.place) }
            later(.zero) { $0.input(.peerConnected(peer.id, isThere)) }
        }
    }

    private func forward(_ number: CallNumber, _ leader: MemberID, _ request: ForwardedRequest) {
        guard let target = world.member(leader), target.isUsable,
            world.network.isOpen(place, target.place)
        else {
            later(.milliseconds(1)) { $0.reply(number, .failure(.timeout)) }
            return
        }
        let asked: Request =
            switch request {
            case .leaseKeepAlive(let id): .peerLeaseKeepAlive(id)
            case .leaseTimeToLive(let request): .peerLeaseTimeToLive(request)
            case .memberPromote(let id): .peerMemberPromote(id)
            }
        let answer: (Answer) -> Void = { [unowned self] answer in
            guard self.world.network.isOpen(self.place, target.place) else { return }
            self.later(self.world.network.delay()) { $0.reply(number, answer) }
        }
        target.later(world.network.delay()) { $0.call(asked, then: answer) }
    }

    /// Who is reached answers, each in its time; the leader hears of all together.
    private func askHashes(_ round: UInt64, _ revision: Int64) {
        let asked = HashRound()
        for peer in world.members where peer !== self {
            guard peer.isUsable, world.network.isOpen(place, peer.place) else { continue }
            peer.later(.milliseconds(5)) { peer in
                peer.call(.hashKV(revision: revision), as: .peer) { answer in
                    asked.answers[peer.id] = HashRound.hash(answer)
                }
            }
        }
        later(.milliseconds(50)) { $0.input(.hashesSeen(round: round, asked.answers)) }
    }

    // MARK: Clients

    @discardableResult
    func call(
        _ request: Request, as identity: Identity = .anonymous, then: @escaping (Answer) -> Void
    ) -> CallNumber {
        lastNumber += 1
        calls[lastNumber] = then
        input(.called(Call(number: lastNumber, identity: identity), request))
        return lastNumber
    }

    private func reply(_ number: CallNumber, _ answer: Answer) {
        calls.removeValue(forKey: number)?(answer)
    }

    // MARK: Watches

    func openWatch(_ session: WatchSession) -> StreamNumber {
        lastNumber += 1
        streams[lastNumber] = session
        input(.watchOpened(lastNumber, requiresLeader: false))
        return lastNumber
    }

    func closeWatch(_ stream: StreamNumber) {
        guard streams.removeValue(forKey: stream) != nil else { return }
        input(.watchClosed(stream))
    }

    private func deliver(_ stream: StreamNumber, _ message: [UInt8]) {
        guard let session = streams[stream] else { return }
        world.trace.add(
            .deliver, at: world.now.nanoseconds, place, stream, UInt64(CRC32C.of(message)))
        if world.plant == .lostEvent, session.isEvent(message), random.chance(percent: 3) { return }
        if world.plant == .earlyProgress, session.isEvent(message) {
            later(.milliseconds(2)) { $0.streams[stream]?.take(message) }
            return
        }
        session.take(message)
    }

    // MARK: The end of a clean life

    func stop() {
        guard isUsable else { return }
        world.say("\(name) is asked to stop")
        isStopping = true
        input(.stopping)
        later(.seconds(4)) { $0.die($0.drawCrashMode(), reason: "was killed while stopping") }
    }

    private func handedOver() {
        guard isStopping else { return }
        later(.milliseconds(5)) { $0.finishStopping() }
    }
}

/// What the members say when a leader asks for their hashes.
private final class HashRound {
    var answers: [MemberID: KeyspaceHash] = [:]

    static func hash(_ answer: Answer) -> KeyspaceHash? {
        switch answer {
        case .compute(.hashKV(let view, let revision, _)):
            return try? view.keyspace.hashKV(at: revision)
        case .message(let bytes):
            guard let kept = try? HashKVResponse(decoding: bytes) else { return nil }
            return KeyspaceHash(
                hash: kept.hash, revision: kept.hashRevision,
                compactRevision: kept.compactRevision)
        case .compute, .failure, .list, .members, .done: return nil
        }
    }
}
