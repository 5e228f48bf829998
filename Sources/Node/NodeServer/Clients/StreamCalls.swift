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
    private static let backlogLimit = 1 << 20

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
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    func deliver(_ message: [UInt8]) {
        context.send(message)
        if !isBlocked, context.queuedBytes > WatchCall.backlogLimit, let stream {
            isBlocked = true
            context.member.receive(.watchBlocked(stream))
        }
    }

    func drained() {
        guard isBlocked, let stream else { return }
        isBlocked = false
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
    private var waiting: [CallNumber] = []
    private var inputIsOver = false

    /// Unanswered renewals of one stream.
    private static let waitingLimit = 10_000

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
        if !isAnswered { waiting.append(number) }
    }

    private func answer(_ number: CallNumber, _ answer: Answer) {
        waiting.removeAll { $0 == number }
        switch answer {
        case .message(let bytes): context.send(bytes)
        case .failure(let error): context.fail(error)
        case .compute, .list, .members, .done: return
        }
        if inputIsOver, waiting.isEmpty { context.finish() }
    }

    func inputEnded() {
        inputIsOver = true
        if waiting.isEmpty { context.finish() }
    }

    func cancelled() {
        for number in waiting { context.member.abandon(number) }
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

    private static let pieceBytes = 32 << 10
    private static let queueBytes = 1 << 20

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard number == nil else { return }
        number = context.call(.snapshot) { [weak self] answer in self?.begin(answer) }
    }

    private func begin(_ answer: Answer) {
        switch answer {
        case .compute(.snapshot(let view)): export(view)
        case .failure(let error): context.fail(error)
        default: context.fail(.canceled)
        }
    }

    private func export(_ view: LedgerView) {
        let files = context.member.files
        let version = context.member.node.ledger.storageVersion ?? ""
        let name = "snapshot-\(context.stream)-\(context.member.reactor.now.nanoseconds)"
        context.member.compute({ SnapshotSource.make(view, files, name: name, version: version) }) {
            [weak self] result in
            self?.exported(result)
        }
    }

    private func exported(_ result: Result<SnapshotSource, ExportFailure>) {
        switch result {
        case .success(let source):
            self.source = source
            pump()
        case .failure(let failure): context.finish(code: 13, message: failure.text)
        }
    }

    func drained() {
        pump()
    }

    private func pump() {
        while let source, !context.isOver, context.queuedBytes < SnapshotCall.queueBytes {
            switch source.next(SnapshotCall.pieceBytes) {
            case .success(let piece?): context.send(piece)
            case .success(nil):
                self.source = nil
                context.finish()
            case .failure(let failure):
                self.source = nil
                context.finish(code: 13, message: failure.text)
            }
        }
    }

    func cancelled() {
        source = nil
        if let number { context.member.abandon(number) }
    }
}

struct ExportFailure: Error, Sendable {
    let text: String
}

/// An exported snapshot file, read in order; the file goes when this does.
final class SnapshotSource: @unchecked Sendable {
    private let file: File
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

    /// The next SnapshotResponse, encoded; nil at the end.
    func next(_ count: Int) -> Result<[UInt8]?, ExportFailure> {
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
