// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Raft
import Replicated

@testable import NodeCore

/// A member, and what the outside of it holds: a log that says when it is written, and everything
/// that the core has asked for.
final class TestMember {
    let id: MemberID
    let settings: NodeSettings
    var node: Node
    var outputs: [Output] = []
    /// Appends that were not reported as durable.
    var unwritten: [AppendBatch] = []
    var holdsDisk = false
    var hardState = HardState()
    var log: [Entry] = []
    /// Stores that came with snapshots, by their index; loading waits while `holdsLoads`.
    var stores: [LogIndex: Ledger] = [:]
    var holdsLoads = false
    var unloaded: [SnapshotMetadata] = []

    var answers: [CallNumber: Answer] = [:]
    var deliveries: [StreamNumber: [WatchResponse]] = [:]
    var ended: [StreamNumber: EtcdError] = [:]
    var notes: [Note] = []
    var checkpoints: [SnapshotMetadata] = []
    var isRemoved = false
    var isHandedOver = false
    /// How long a hash takes this member.
    var hashTime = Duration.zero
    var appends = 0

    init(_ settings: NodeSettings, _ founders: [Member], now: Instant) {
        id = settings.memberID
        self.settings = settings
        if !founders.isEmpty {
            log = MembershipCommand.bootstrap(founders).enumerated().map { offset, data in
                Entry(
                    kind: .change, term: Term(1), index: LogIndex(UInt64(offset) + 1), data: data)
            }
            hardState = HardState(
                term: Term(1), vote: .none, commit: LogIndex(UInt64(founders.count)))
        }
        node = TestMember.start(settings, hardState, log, now)
    }

    static func start(
        _ settings: NodeSettings, _ state: HardState, _ log: [Entry], _ now: Instant
    ) -> Node {
        var restored = Restored()
        restored.hardState = state
        restored.entries = log
        return Node(
            settings: settings, ledger: Ledger(settings: settings.ledger), restored: restored,
            now: now)
    }

    /// A power cut: what the disk has not confirmed is gone.
    func restart(now: Instant) {
        unwritten = []
        outputs = []
        answers = [:]
        deliveries = [:]
        node = TestMember.start(settings, hardState, log, now)
    }

    func write(_ batch: AppendBatch) {
        if let state = batch.hardState { hardState = state }
        if let first = batch.entries.first {
            log.removeAll { $0.index >= first.index }
            log += batch.entries
        }
    }
}

extension NodeSettings {
    var ledger: LedgerSettings {
        LedgerSettings(
            clusterID: clusterID, memberID: memberID, quotaBytes: quotaBytes,
            minimumLeaseTTL: minimumLeaseTTL, maxTxnOps: maxTxnOps, maxLearners: maxLearners)
    }
}

/// Members in one room: messages arrive at once unless a link is cut, disks write at once unless
/// they are held, time passes when a test says so.
final class Cluster {
    private(set) var members: [TestMember] = []
    var now = Instant(nanoseconds: 1_000_000_000)
    var cut: Set<MemberID> = []
    var drops: (Message) -> Bool = { _ in false }
    /// Whether a network of the test's own takes what this member sends.
    var isTaken: (_ message: Message, _ sender: MemberID) -> Bool = { _, _ in false }
    private var calls: CallNumber = 0
    private let adjust: (inout NodeSettings) -> Void

    init(_ count: UInt64 = 1, _ adjust: @escaping (inout NodeSettings) -> Void = { _ in }) {
        self.adjust = adjust
        let founders = (1...count).map {
            Member(id: $0, name: "m\($0)", peerURLs: ["http://10.0.0.\($0):2380"])
        }
        for founder in founders { add(founder.id, founders) }
    }

    @discardableResult
    func add(_ id: UInt64, _ founders: [Member] = []) -> TestMember {
        var settings = NodeSettings(
            memberID: MemberID(id), clusterID: ClusterID(0xc), name: "m\(id)",
            clientURLs: ["http://10.0.0.\(id):2379"], startedAt: 1_000, seed: id)
        adjust(&settings)
        let member = TestMember(settings, founders, now: now)
        members.append(member)
        for peer in members where peer !== member {
            connect(peer, member, true)
            connect(member, peer, true)
        }
        return member
    }

    func connect(_ member: TestMember, _ peer: TestMember, _ isConnected: Bool) {
        member.node.receive(
            .peerConnected(peer.id, isConnected), now: now, outputs: &member.outputs)
    }

    subscript(_ id: UInt64) -> TestMember {
        guard let found = members.first(where: { $0.id == MemberID(id) }) else {
            fatalError("no member \(id)")
        }
        return found
    }

    // MARK: Time

    func tick(_ count: Int = 1, every interval: Duration = .milliseconds(100)) {
        for _ in 0..<count {
            now = now + interval
            for member in members {
                member.node.receive(.ticked, now: now, outputs: &member.outputs)
            }
            settle()
        }
    }

    /// Lets a lot of time pass at once; the members notice at the tick that follows.
    func pass(_ time: Duration) {
        now = now + time
        tick()
    }

    /// Until somebody leads and everybody has told its name.
    func ready() -> Self {
        for _ in 0..<200 {
            tick()
            if leader != nil, members.allSatisfy({ $0.node.health.isPublished }) { return self }
        }
        fatalError("no leader")
    }

    var leader: TestMember? {
        members.first { $0.node.isLeader && !cut.contains($0.id) }
    }

    var first: TestMember { members[0] }
    var head: TestMember { leader ?? members[0] }
    var follower: TestMember { members.first { !$0.node.isLeader } ?? members[0] }

    // MARK: Turns

    func settle() {
        for round in 0..<10_000 {
            var isBusy = false
            for member in members {
                if member.node.endTurn(now: now, outputs: &member.outputs) { isBusy = true }
                if !member.outputs.isEmpty { isBusy = true }
                carryOut(member)
            }
            if !isBusy { return }
            if round == 9_999 { fatalError("never settles") }
        }
    }

    func carryOut(_ member: TestMember) {
        let outputs = member.outputs
        member.outputs = []
        for output in outputs { carryOut(output, member) }
        if !member.holdsDisk { writeAll(member) }
    }

    func writeAll(_ member: TestMember) {
        let batches = member.unwritten
        member.unwritten = []
        for batch in batches { member.write(batch) }
        if let last = batches.last { input(member, .appended(through: last.number)) }
    }

    func release(_ member: TestMember) {
        member.holdsDisk = false
        writeAll(member)
        settle()
    }

    func input(_ member: TestMember, _ input: Input) {
        member.node.receive(input, now: now, outputs: &member.outputs)
    }

    private func carryOut(_ output: Output, _ member: TestMember) {
        switch output {
        case .send(let message):
            if !isTaken(message, member.id) { deliver(message) }
        case .append(let batch):
            member.appends += 1
            member.unwritten.append(batch)
        case .reply(let call, let answer):
            if member.answers[call] != nil { fatalError("call \(call) is answered twice") }
            member.answers[call] = answer
        case .deliver(let stream, let bytes):
            guard let response = try? WatchResponse(decoding: bytes) else {
                fatalError("not a WatchResponse")
            }
            member.deliveries[stream, default: []].append(response)
        case .endStream(let stream, let error): member.ended[stream] = error
        case .checkpoint(_, let metadata): member.checkpoints.append(metadata)
        case .sendSnapshot(let message, let view): sendSnapshot(message, view, from: member)
        case .loadSnapshot(let snapshot):
            member.unloaded.append(snapshot)
            if !member.holdsLoads { load(member) }
        case .forward(let call, let leader, let request):
            forward(call, to: self[leader.number], request, from: member)
        case .removed: member.isRemoved = true
        case .handedOver: member.isHandedOver = true
        case .note(let note): member.notes.append(note)
        case .failed(let reason): fatalError(reason)
        case .hash(let order):
            input(member, .hashed(order.purpose, order.run(), took: member.hashTime))
        case .askHashes(let round, let revision): askHashes(round, revision, from: member)
        case .membersChanged, .leaderChanged: break
        }
    }

    private func deliver(_ message: Message) {
        if cut.contains(message.from) || cut.contains(message.to) || drops(message) { return }
        guard let target = members.first(where: { $0.id == message.to }) else { return }
        input(target, .received(message))
    }

    // MARK: Snapshots

    private func sendSnapshot(_ message: Message, _ view: LedgerView, from member: TestMember) {
        let target = self[message.to.number]
        let arrives = !cut.contains(message.to) && !cut.contains(member.id)
        if arrives {
            target.stores[view.appliedIndex] = copy(view, target.settings.ledger)
            input(target, .received(message))
        }
        input(member, .snapshotSent(to: message.to, succeeded: arrives))
    }

    func copy(
        _ view: LedgerView, _ settings: LedgerSettings,
        changing: (String, inout [UInt8]) -> Void = { _, _ in }
    ) -> Ledger {
        var loader = LedgerLoader(settings: settings)
        do {
            for bucket in LedgerView.bucketNames {
                var rows: [(key: [UInt8], value: [UInt8])] = []
                unsafe view.forEachRow(in: bucket) { key, value in
                    rows.append((unsafe Array(key), unsafe Array(value)))
                }
                for var row in rows {
                    changing(bucket, &row.value)
                    try unsafe row.key.withUnsafeBytes { key in
                        try unsafe row.value.withUnsafeBytes { value in
                            try unsafe loader.row(bucket: bucket, key: key, value: value)
                        }
                    }
                }
            }
            return try loader.finish()
        } catch {
            fatalError("\(error)")
        }
    }

    func load(_ member: TestMember) {
        let waiting = member.unloaded
        member.unloaded = []
        for snapshot in waiting {
            guard let store = member.stores[snapshot.index] else { fatalError("no store") }
            input(member, .snapshotLoaded(snapshot, store))
        }
    }

    // MARK: Hashes

    /// As the peer port does it: what another keeps, or what it can make now.
    private func askHashes(_ round: UInt64, _ revision: Int64, from member: TestMember) {
        var answers: [MemberID: KeyspaceHash] = [:]
        for other in members where other !== member && !cut.contains(other.id) {
            answers[other.id] = hash(of: other, at: revision)
        }
        input(member, .hashesSeen(round: round, answers))
    }

    func hash(of member: TestMember, at revision: Int64) -> KeyspaceHash? {
        let call = begin(member, .hashKV(revision: revision), as: .peer)
        for output in member.outputs {
            guard case .reply(call, let answer) = output else { continue }
            switch answer {
            case .compute(.hashKV(let view, let revision, _)):
                return try? view.keyspace.hashKV(at: revision)
            case .message(let bytes):
                guard let kept = try? HashKVResponse(decoding: bytes) else { return nil }
                return KeyspaceHash(
                    hash: kept.hash, revision: kept.hashRevision,
                    compactRevision: kept.compactRevision)
            default: return nil
            }
        }
        return nil
    }

    private func forward(
        _ call: CallNumber, to leader: TestMember, _ request: ForwardedRequest,
        from member: TestMember
    ) {
        let passed: Request =
            switch request {
            case .leaseKeepAlive(let id): .peerLeaseKeepAlive(id)
            case .leaseTimeToLive(let asked): .peerLeaseTimeToLive(asked)
            case .memberPromote(let id): .peerMemberPromote(id)
            }
        let number = begin(leader, passed)
        settle()
        member.answers[call] = leader.answers[number]
    }

    // MARK: Calls

    /// Only hands it in: the turn is not over.
    func begin(
        _ member: TestMember, _ request: Request, requiresLeader: Bool = false,
        as identity: Identity = .anonymous
    ) -> CallNumber {
        calls += 1
        let call = Call(number: calls, requiresLeader: requiresLeader, identity: identity)
        input(member, .called(call, request))
        return calls
    }

    /// Asks and lets everything happen that can happen without time.
    func ask(
        _ member: TestMember, _ request: Request, requiresLeader: Bool = false,
        as identity: Identity = .anonymous
    ) -> Answer? {
        let call = begin(member, request, requiresLeader: requiresLeader, as: identity)
        settle()
        return member.answers[call]
    }

    @discardableResult
    func put(
        _ key: String, _ value: String = "v", lease: Int64 = 0, at member: TestMember? = nil
    ) -> EtcdError? {
        let answer = ask(member ?? head, .put(key, value, lease: lease))
        if answer == nil { fatalError("the put of \(key) has no answer") }
        return answer?.failure
    }

    func get(_ key: String, at member: TestMember? = nil, serializable: Bool = false) -> String? {
        let request = RangeRequest(key: bytes(key), serializable: serializable)
        guard let found = ask(member ?? head, .range(request))?.message(RangeResponse.self) else {
            return nil
        }
        return found.kvs.first.map { text($0.value) }
    }

    func delete(_ key: String, at member: TestMember? = nil) {
        _ = ask(member ?? head, .deleteRange(DeleteRangeRequest(key: bytes(key))))
    }

    func compact(_ revision: Int64) {
        var request = CompactionRequest()
        request.revision = revision
        _ = ask(head, .compact(request))
    }

    var revision: Int64 { head.node.ledger.keyspace.revision }

    // MARK: Watches

    func open(
        _ member: TestMember, requiresLeader: Bool = false
    ) -> StreamNumber {
        calls += 1
        input(member, .watchOpened(calls, requiresLeader: requiresLeader))
        settle()
        return calls
    }

    func watch(
        _ member: TestMember, _ stream: StreamNumber, _ create: WatchCreateRequest,
        as identity: Identity = .anonymous
    ) {
        input(member, .watchRequested(stream, .create(create), identity))
        settle()
    }

    func responses(_ member: TestMember, _ stream: StreamNumber) -> [WatchResponse] {
        let taken = member.deliveries[stream] ?? []
        member.deliveries[stream] = []
        return taken
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

extension Request {
    static func put(_ key: String, _ value: String = "v", lease: Int64 = 0) -> Request {
        .put(PutRequest(key: bytes(key), value: bytes(value), lease: lease))
    }

    static func get(_ key: String) -> Request { .range(RangeRequest(key: bytes(key))) }
}

extension Answer {
    var failure: EtcdError? {
        if case .failure(let error) = self { error } else { nil }
    }

    func message<Message: WireMessage>(_ type: Message.Type) -> Message? {
        guard case .message(let bytes) = self else { return nil }
        return try? Message(decoding: bytes)
    }
}

extension WatchResponse {
    /// `PUT k@5`, `DELETE k@6`.
    var summary: [String] {
        events.map { event in
            let kind = event.type == .delete ? "DELETE" : "PUT"
            let kv = event.kv ?? KeyValue()
            return "\(kind) \(text(kv.key))@\(kv.modRevision)"
        }
    }
}
