// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import Net
internal import NodeCore
internal import Posix
internal import Recovery
internal import Replicated

/// A watch stream: requests in, responses out, and word to the core when the client reads slowly.
final class WatchCall: ServerCall, WatchSink {
    let context: CallContext
    private var stream: StreamNumber?
    private var isBlocked = false

    /// Queued for the client beyond this, its watchers fall behind and read history later.
    private static let backlogLimit = 512 << 10
    /// The same when much is queued for other streams of this client. Above the high water mark,
    /// so that the stream hears when there is room.
    private static let crowdedLimit = GRPCChannel.highWater + (32 << 10)
    /// What a watcher costs, about.
    private static let watcherBytes = 512

    init(_ context: CallContext) {
        self.context = context
        stream = context.member.openWatch(requiresLeader: context.requiresLeader, sink: self)
    }

    func receive(_ message: [UInt8]) {
        context.member.metrics.messageReceived(context.rpc)
        guard let stream else { return }
        do throws(WireError) {
            let request = try WatchRequest(decoding: message)
            context.member.receive(.watchRequested(stream, request, context.identity))
            context.coreBytes =
                context.member.node.watcherCount(of: stream) * WatchCall.watcherBytes
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    func deliver(_ message: [UInt8]) {
        context.send(message)
        guard !isBlocked, let stream else { return }
        let queued = context.queuedBytes
        if queued > WatchCall.backlogLimit || queued > WatchCall.crowdedLimit && context.isCrowded {
            isBlocked = true
            context.pauseInput()
            context.member.receive(.watchBlocked(stream))
        }
    }

    func drained() {
        guard isBlocked, let stream else { return }
        isBlocked = false
        context.resumeInput()
        context.member.receive(.watchDrained(stream))
    }

    func end(_ error: EtcdError) {
        stream = nil
        context.fail(error)
    }

    func cancelled() {
        guard let stream else { return }
        self.stream = nil
        context.member.closeWatch(stream)
    }

    /// The client opens a new stream on another member and resumes there.
    func draining() {
        context.fail(.stopped)
    }
}

/// Lease renewals: an answer for each request, in their order.
final class KeepAliveCall: ServerCall {
    let context: CallContext
    private var waiting: Set<CallNumber> = []
    private var inputIsOver = false

    /// Unanswered renewals of one stream.
    private static let waitingLimit = 10_000
    /// Answers that the client does not take; must be above HTTP/2's high water mark.
    private static let queueBytes = 512 << 10
    private var isPaused = false

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        context.member.metrics.messageReceived(context.rpc)
        do throws(WireError) {
            let request = try LeaseKeepAliveRequest(decoding: message)
            guard waiting.count < KeepAliveCall.waitingLimit else {
                context.fail(.tooManyRequests)
                return
            }
            renew(request.id)
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func renew(_ id: Int64) {
        var number: CallNumber = 0
        var isAnswered = false
        number = context.call(.leaseKeepAlive(id)) { [weak self] answer in
            isAnswered = true
            self?.answer(number, answer)
        }
        if !isAnswered { waiting.insert(number) }
    }

    private func answer(_ number: CallNumber, _ answer: Answer) {
        waiting.remove(number)
        switch answer {
        case .message(let bytes):
            context.send(bytes)
            if !isPaused, context.queuedBytes > KeepAliveCall.queueBytes {
                isPaused = true
                context.pauseInput()
            }
        case .failure(let error): context.fail(error)
        case .compute, .list, .members, .done: return
        }
        if inputIsOver, waiting.isEmpty { context.finish() }
    }

    func inputEnded() {
        inputIsOver = true
        if waiting.isEmpty { context.finish() }
    }

    func drained() {
        guard isPaused else { return }
        isPaused = false
        context.resumeInput()
    }

    func cancelled() {
        for number in waiting.sorted() { context.member.abandon(number) }
        waiting = []
    }

    func draining() {
        context.fail(.stopped)
    }
}

/// The store as a file, in pieces, its SHA-256 at the end (raft-storage: "snapshot file").
final class SnapshotCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?
    private var source: SnapshotSource?
    private var ticket: ListGate.Ticket?

    private let place: AnswerTurns.Place

    private static let pieceBytes = 32 << 10
    private static let queueBytes = 1 << 20
    /// A byte is read and summed, which takes as long as encoding so many.
    private static let bytePrice = 2

    init(_ context: CallContext) {
        self.context = context
        place = AnswerTurns.Place(context.member.answerTurns)
    }

    func receive(_ message: [UInt8]) {
        guard ticket == nil else { return }
        // Each is a file as large as the store until its client has read it.
        ticket = context.member.snapshots.enter(
            { [weak self] in self?.ask() },
            cut: { [weak self] in self?.cut() })
    }

    /// Its client has taken nothing for long, and others wait; making the file takes its own time.
    private func cut() {
        if source == nil {
            ticket?.hasMoved(at: context.member.reactor.now)
        } else {
            context.fail(.tooManyRequests)
        }
    }

    private func ask() {
        number = context.call(.snapshot) { [weak self] answer in self?.begin(answer) }
    }

    private func leave() {
        if let source { SnapshotCall.close(source, on: context.member.keeper) }
        source = nil
        if let ticket { context.member.snapshots.leave(ticket) }
        ticket = nil
    }

    /// To close a file that has no name any more is to delete it, which takes its time.
    private static func close(_ source: SnapshotSource, on keeper: WorkThread) {
        keeper.submit { source.close() }
    }

    private func fail(_ text: String) {
        leave()
        context.finish(code: 13, message: text)
    }

    private func begin(_ answer: Answer) {
        switch answer {
        case .compute(.snapshot(let view)): export(view)
        case .failure(let error):
            leave()
            context.fail(error)
        default:
            leave()
            context.fail(.canceled)
        }
    }

    private func export(_ view: LedgerView) {
        // Those whose clients have gone are still being made.
        guard context.member.computing < LocalMember.computingLimit else {
            return context.fail(.tooManyRequests)
        }
        let files = context.member.files
        let version = context.member.node.ledger.storageVersion ?? ""
        let name = "snapshot-\(context.stream)-\(context.member.reactor.now.nanoseconds)"
        let keeper = context.member.keeper
        context.member.compute({ SnapshotSource.make(view, files, name: name, version: version) }) {
            [weak self] result in
            if let self {
                self.exported(result)
            } else if case .success(let source) = result {
                SnapshotCall.close(source, on: keeper)
            }
        }
    }

    private func exported(_ result: Result<SnapshotSource, ExportFailure>) {
        switch result {
        case .success(let source):
            // The client may have left meanwhile.
            guard !context.isOver else {
                return SnapshotCall.close(source, on: context.member.keeper)
            }
            self.source = source
            pump()
        case .failure(let failure): fail(failure.text)
        }
    }

    func drained() {
        if !place.isWaiting { pump() }
    }

    private func pump() {
        let turns = context.member.answerTurns
        while let source, !context.isOver, context.queuedBytes < SnapshotCall.queueBytes {
            guard turns.hasRoom else {
                return place.wait { [weak self] in self?.pump() }
            }
            switch source.next(SnapshotCall.pieceBytes) {
            case .success(let piece?):
                turns.took(piece.count * SnapshotCall.bytePrice)
                ticket?.hasMoved(at: context.member.reactor.now)
                context.send(piece)
            case .success(nil):
                leave()
                context.finish()
            case .failure(let failure): fail(failure.text)
            }
        }
    }

    func cancelled() {
        leave()
        if let number { context.member.abandon(number) }
    }
}

struct ExportFailure: Error, Sendable {
    let text: String
}

/// An exported snapshot file, read in order. The keeper's thread makes and closes it, the core's
/// reads it between these.
final class SnapshotSource: @unchecked Sendable {
    private var file: File?
    private let byteCount: Int64
    private var offset: Int64 = 0
    private var isTrailerSent = false
    private let digest = Digest(.sha256)
    private let version: String

    private init(file: File, byteCount: Int64, version: String) {
        self.file = file
        self.byteCount = byteCount
        self.version = version
    }

    /// Runs on the keeper's thread.
    static func make(
        _ view: LedgerView, _ files: StoreFiles, name: String, version: String
    ) -> Result<SnapshotSource, ExportFailure> {
        do throws(RecoveryError) {
            let (path, size) = try files.exportSnapshot(view, name: name)
            do throws(PosixError) {
                let file = try File(path, .read)
                // The name goes at once; the bytes live as long as the descriptor.
                try Directory.remove(path)
                return .success(
                    SnapshotSource(file: file, byteCount: size, version: version))
            } catch {
                return .failure(ExportFailure(text: "\(error)"))
            }
        } catch {
            return .failure(ExportFailure(text: "\(error)"))
        }
    }

    /// Deletes it; nothing is read any more.
    func close() {
        file = nil
    }

    /// The next SnapshotResponse, encoded; nil at the end.
    func next(_ count: Int) -> Result<[UInt8]?, ExportFailure> {
        guard let file else {
            return .failure(ExportFailure(text: "the snapshot file is closed"))
        }
        var response = SnapshotResponse()
        response.version = version
        if offset < byteCount {
            do throws(PosixError) {
                let piece = try file.read(
                    at: offset, count: Int(min(Int64(count), byteCount - offset)))
                guard !piece.isEmpty else {
                    return .failure(ExportFailure(text: "the snapshot file ended early"))
                }
                digest.update(piece)
                offset += Int64(piece.count)
                response.remainingBytes = UInt64(byteCount - offset)
                response.blob = piece
            } catch {
                return .failure(ExportFailure(text: "\(error)"))
            }
        } else if !isTrailerSent {
            isTrailerSent = true
            response.blob = digest.finish()
        } else {
            return .success(nil)
        }
        return .success(response.encoded())
    }
}
