// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import MVCC
internal import Net
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Recovery
internal import Replicated

/// Gets what a watch stream is told. Called on the core's thread.
protocol WatchSink: AnyObject {
    /// An encoded WatchResponse.
    func deliver(_ message: [UInt8])
    func end(_ error: EtcdError)
}

/// Carries messages to the other members. Called on the core's thread; answers come back through
/// `LocalMember` or the closures given.
protocol PeerTransport: AnyObject {
    func send(_ message: Message)
    /// Tells the end by `Input.snapshotSent`.
    func sendSnapshot(_ message: Message, _ view: LedgerView)
    func membersChanged()
    func leaderChanged(_ leader: MemberID?)
    /// `token` is the caller's: newer leaders ask who promotes.
    func forward(
        _ request: ForwardedRequest, to leader: MemberID, token: String?,
        then: @escaping (Answer) -> Void)
    /// Asks every other member; `then` is called once, with those that have answered.
    func askHashes(at revision: Int64, then: @escaping ([MemberID: KeyspaceHash]) -> Void)
}

/// Who waits for an answer.
private struct Caller {
    let identity: NodeCore.Identity
    let token: String?
    /// Whose connection it came over; nil for calls of other kinds.
    let client: ClientConnection?
    let then: (Answer) -> Void
}

/// One member on its thread: the core, and the hands that carry out what it asks for. Everything
/// here runs on the reactor's thread; the disk and the keeper answer through the mailbox.
final class LocalMember {
    let reactor: Reactor
    let node: Node
    let logger: Logger
    let metrics: NodeMetrics
    let disk: DiskThread
    let keeper: WorkThread
    let files: StoreFiles
    let lists: ListGate
    let answerTurns: AnswerTurns
    let snapshots: ListGate
    /// Long work for clients that the keeper has not finished.
    private(set) var computing = 0
    /// So many at once: the keeper's checkpoints must not wait for them for long.
    static let computingLimit = 16
    /// Bytes of an entry that is written as quickly as another thread is woken.
    private static let shortEntry = 16 << 10
    weak var peers: (any PeerTransport)?

    /// Told when the member was removed, has handed its leadership over, or cannot go on.
    var onRemoved: () -> Void = {}
    var onHandedOver: () -> Void = {}
    /// The process must end with this reason and exit code.
    var onFailure: (String, Int32) -> Void = { _, _ in }
    var onPublished: () -> Void = {}

    private var outputs: [Output] = []
    private var diskWork: [DiskWork] = []
    /// Numbers of the last appends that the disk's thread was given, and has reported.
    private var (appendsSubmitted, appendsHeard): (UInt64, UInt64) = (0, 0)
    /// All threads of this process have one processor.
    private let sharesProcessor = ThisProcess.usableProcessorCount == 1
    private var calls: [CallNumber: Caller] = [:]
    private var sinks: [StreamNumber: any WatchSink] = [:]
    private var lastNumber: UInt64 = 0
    private var isPublished = false
    private var isCarryingOut = false
    /// The reactor's turn in which the core was last told that its turn ends.
    private var endedTurn: UInt64 = 0
    private let mailbox: Mailbox<CoreLetter>

    init(
        reactor: Reactor, node: Node, disk: DiskThread, keeper: WorkThread, files: StoreFiles,
        mailbox: Mailbox<CoreLetter>, metrics: NodeMetrics, logger: Logger
    ) {
        self.reactor = reactor
        self.node = node
        self.disk = disk
        self.keeper = keeper
        self.files = files
        lists = ListGate(reactor)
        answerTurns = AnswerTurns(reactor)
        snapshots = ListGate(reactor)
        self.mailbox = mailbox
        self.metrics = metrics
        self.logger = logger
    }

    /// Begins to tick and to take letters.
    func start() throws(NetError) {
        try reactor.attach(mailbox) { [unowned self] letters in
            for letter in letters { self.open(letter) }
        }
        reactor.every(node.settings.heartbeatInterval) { [unowned self] in
            self.receive(.ticked)
        }
        // A member alone is its own majority and need not wait for the first interval.
        reactor.soon { [unowned self] in self.receive(.ticked) }
        reactor.atTurnEnd { [unowned self] in self.endTurn() }
        peers?.membersChanged()
    }

    // MARK: In

    func receive(_ input: Input) {
        node.receive(input, now: reactor.now, outputs: &outputs)
        // It may come when this turn's end was told already: a client has room again.
        reactor.roundAgain()
    }

    /// `then` is called once, unless the call is abandoned before.
    @discardableResult
    func call(
        _ request: Request, requiresLeader: Bool = false,
        identity: NodeCore.Identity = .anonymous, token: String? = nil,
        client: ClientConnection? = nil, then: @escaping (Answer) -> Void
    ) -> CallNumber {
        lastNumber += 1
        let number = lastNumber
        calls[number] = Caller(identity: identity, token: token, client: client, then: then)
        client?.callsInCore += 1
        let call = Call(number: number, requiresLeader: requiresLeader, identity: identity)
        receive(.called(call, request))
        return number
    }

    func abandon(_ number: CallNumber) {
        guard takeCaller(number) != nil else { return }
        receive(.abandoned(number))
    }

    private func takeCaller(_ number: CallNumber) -> Caller? {
        let caller = calls.removeValue(forKey: number)
        caller?.client?.callsInCore -= 1
        return caller
    }

    func openWatch(requiresLeader: Bool, sink: any WatchSink) -> StreamNumber {
        lastNumber += 1
        sinks[lastNumber] = sink
        receive(.watchOpened(lastNumber, requiresLeader: requiresLeader))
        return lastNumber
    }

    func closeWatch(_ stream: StreamNumber) {
        guard sinks.removeValue(forKey: stream) != nil else { return }
        receive(.watchClosed(stream))
    }

    private func open(_ letter: CoreLetter) {
        switch letter {
        case .appended(let number, let took):
            if let took { metrics.logSynced(took) }
            appendsHeard = number
            receive(.appended(through: AppendNumber(number)))
        case .diskFilled(let isFull):
            if isFull {
                logger.error("no space left for the log: writes wait, reads go on")
            } else {
                logger.info("there is space for the log again")
            }
            receive(.diskFilled(isFull))
        case .diskFailed(let reason): onFailure(reason, ExitCode.diskFailed)
        case .checkpointWritten(let index, let byteCount, let took):
            metrics.checkpointWritten(byteCount: byteCount, took)
            logger.info(
                "saved checkpoint",
                [
                    "index": .unsigned(index.number), "bytes": .integer(byteCount),
                    "took-ms": .integer(took.milliseconds),
                ])
            receive(.checkpointWritten(index: index))
        case .checkpointFailed(let reason):
            logger.warn(
                "could not save a checkpoint; will try again", ["error": .string(reason)])
            receive(.checkpointFailed)
        case .snapshotLoaded(let snapshot, let loaded):
            receive(.snapshotLoaded(snapshot, loaded.ledger))
        case .snapshotLoadFailed(let snapshot, let reason):
            onFailure(
                "snapshot at index \(snapshot.index) cannot be loaded: \(reason)",
                ExitCode.diskFailed)
        case .finished(let body): body()
        }
    }

    // MARK: Out

    private func endTurn() {
        let again = endedTurn == reactor.turnNumber
        endedTurn = reactor.turnNumber
        var hasMore = node.endTurn(
            now: reactor.now, outputs: &outputs, again: again, isShared: reactor.hasLight)
        carryOut()
        if appendHere() {
            hasMore = node.endTurn(now: reactor.now, outputs: &outputs, again: true) || hasMore
            carryOut()
        }
        if !diskWork.isEmpty {
            submitDiskWork()
        }
        reactor.givesWay = sharesProcessor && appendsHeard < appendsSubmitted
        if hasMore { reactor.turnAgain() }
    }

    private func submitDiskWork() {
        if case .append(let batch)? = diskWork.last { appendsSubmitted = batch.number.number }
        disk.submit(diskWork)
        diskWork.removeAll(keepingCapacity: true)
    }

    /// The lone write of a lone client to a lone member is made durable without the disk's thread:
    /// nobody is there who could use the time. True if it was, and the core has heard of it.
    private func appendHere() -> Bool {
        guard diskWork.count == 1, calls.count <= 1, node.isAlone, !reactor.hasLightCrowd,
            case .append(let batch) = diskWork[0],
            batch.mustSync, batch.entries.count == 1, batch.snapshot == nil,
            batch.entries[0].data.count <= LocalMember.shortEntry,
            let took = disk.appendHere(batch)
        else { return false }
        diskWork.removeAll(keepingCapacity: true)
        metrics.logSynced(took)
        node.receive(.appended(through: batch.number), now: reactor.now, outputs: &outputs)
        reactor.linger()
        return true
    }

    /// Outputs may cause inputs (a reply ends a stream, a full stream says so): until none is left.
    private func carryOut() {
        guard !isCarryingOut else { return }
        isCarryingOut = true
        while !outputs.isEmpty {
            let batch = outputs
            outputs.removeAll(keepingCapacity: true)
            for output in batch { carryOut(output) }
        }
        isCarryingOut = false
    }

    private func carryOut(_ output: Output) {
        switch output {
        case .send(let message): peers?.send(message)
        case .append(let batch): diskWork.append(.append(batch))
        case .reply(let number, let answer):
            takeCaller(number)?.then(answer)
        case .deliver(let stream, let message): sinks[stream]?.deliver(message)
        case .endStream(let stream, let error):
            sinks.removeValue(forKey: stream)?.end(error)
        case .checkpoint(let view, let snapshot): saveCheckpoint(view, snapshot)
        case .sendSnapshot(let message, let view): peers?.sendSnapshot(message, view)
        case .loadSnapshot(let snapshot): loadSnapshot(snapshot)
        case .forward(let number, let leader, let request): forward(number, leader, request)
        case .hash(let order): hash(order)
        case .askHashes(let round, let revision): askHashes(round, revision)
        case .membersChanged: peers?.membersChanged()
        case .leaderChanged(let leader, _):
            metrics.leaderChanged(to: leader, own: node.settings.memberID)
            peers?.leaderChanged(leader)
        case .removed: onRemoved()
        case .handedOver: onHandedOver()
        case .failed(let reason): onFailure(reason, ExitCode.diverged)
        case .note(let note): tell(note)
        }
    }

    private func forward(
        _ number: CallNumber, _ leader: MemberID, _ request: ForwardedRequest
    ) {
        guard let peers else { return }
        let token = calls[number]?.token
        peers.forward(request, to: leader, token: token) { [unowned self] answer in
            guard let caller = self.takeCaller(number) else { return }
            caller.then(self.permitted(answer, request, caller.identity))
        }
    }

    /// The leader answers whoever is a member; which keys the caller may hear of is decided here.
    private func permitted(
        _ answer: Answer, _ request: ForwardedRequest, _ identity: NodeCore.Identity
    ) -> Answer {
        guard case .leaseTimeToLive(let asked) = request, asked.keys,
            case .message(let bytes) = answer
        else { return answer }
        do throws(WireError) {
            let response = try LeaseTimeToLiveResponse(decoding: bytes)
            let error = node.refusal(of: identity, reading: response.keys)
            return error.map { .failure($0) } ?? answer
        } catch {
            return .failure(.permissionDenied)
        }
    }

    // MARK: The keeper's work

    private func saveCheckpoint(_ view: LedgerView, _ snapshot: SnapshotMetadata) {
        let files = self.files
        let mailbox = self.mailbox
        let disk = self.disk
        keeper.submit {
            let began = MonotonicClock.now
            do throws(RecoveryError) {
                let byteCount = try files.saveCheckpoint(view)
                disk.submit([.checkpointed(snapshot)])
                mailbox.post(
                    .checkpointWritten(
                        snapshot.index, byteCount: byteCount, took: MonotonicClock.now - began))
            } catch {
                mailbox.post(.checkpointFailed("\(error)"))
            }
        }
    }

    private func loadSnapshot(_ snapshot: SnapshotMetadata) {
        let files = self.files
        let mailbox = self.mailbox
        keeper.submit {
            do throws(RecoveryError) {
                let ledger = try files.loadReceived(at: snapshot.index)
                mailbox.post(.snapshotLoaded(snapshot, LoadedLedger(ledger: ledger)))
            } catch {
                mailbox.post(.snapshotLoadFailed(snapshot, "\(error)"))
            }
        }
    }

    // MARK: Hashes

    private func hash(_ order: HashOrder) {
        keeper.submit(
            bringingBack({ () -> (KeyspaceHash?, Duration) in
                let began = MonotonicClock.now
                let hash = order.run()
                return (hash, MonotonicClock.now - began)
            }) { [unowned self] hash, took in
                self.receive(.hashed(order.purpose, hash, took: took))
            })
    }

    private func askHashes(_ round: UInt64, _ revision: Int64) {
        guard let peers else { return receiveHashes(round, [:]) }
        peers.askHashes(at: revision) { [weak self] in self?.receiveHashes(round, $0) }
    }

    private func receiveHashes(_ round: UInt64, _ answers: [MemberID: KeyspaceHash]) {
        receive(.hashesSeen(round: round, answers))
    }

    /// Runs `work` on the keeper's thread and `then` back here, with its result.
    func compute<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, then: @escaping (Value) -> Void
    ) {
        computing += 1
        keeper.submit(
            bringingBack(work) { [unowned self] value in
                self.computing -= 1
                then(value)
            })
    }

    /// The same on any thread: work that posts its result back to this one.
    func bringingBack<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value, _ then: @escaping (Value) -> Void
    ) -> @Sendable () -> Void {
        let mailbox = self.mailbox
        let receiver = OnCoreThread(then)
        return {
            let value = work()
            mailbox.post(.finished { receiver.body(value) })
        }
    }

    // MARK: News

    private func tell(_ note: Note) {
        metrics.noted(note)
        if case .published = note, !isPublished {
            isPublished = true
            onPublished()
        }
        NoteText.log(note, to: logger, memberID: node.settings.memberID)
    }
}

/// A closure that is only ever called on the core's thread, carried past another one.
private struct OnCoreThread<Value>: @unchecked Sendable {
    let body: (Value) -> Void

    init(_ body: @escaping (Value) -> Void) {
        self.body = body
    }
}
