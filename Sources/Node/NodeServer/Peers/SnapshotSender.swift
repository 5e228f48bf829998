// SPDX-License-Identifier: Apache-2.0
// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import HTTP
internal import Net
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Recovery
internal import Replicated

/// Uploads one snapshot to a peer: writes the state into a file of its own on the keeper's thread,
/// then sends it piece by piece, as fast as the peer takes it.
final class SnapshotSender: ConnectionDelegate {
    typealias Completion = (Result<Int64, PeerError>) -> Void

    private let port: PeerPort
    private let reactor: Reactor
    private var message: Message
    private let view: LedgerView
    private var address: PeerAddress?
    private var url = ""
    private var completion: Completion?
    private var source: ExportedFile?
    private var offset: Int64 = 0
    private var dial: Dial?
    private var connection: Connection?
    private var http = HTTP1Client()
    private var status: Int?
    private var answerText: [UInt8] = []
    private var isBodySent = false
    private var progressAt: Instant
    private var watchdog: TimerID?

    private static let pieceBytes = 256 << 10
    private static let aheadBytes = 512 << 10
    private static let stallLimit = Duration.seconds(10)
    /// The peer syncs and checks the whole file before it answers.
    private static let answerLimit = Duration.seconds(300)

    init(_ message: Message, _ view: LedgerView, port: PeerPort) {
        self.message = message
        self.view = view
        self.port = port
        reactor = port.member.reactor
        progressAt = reactor.now
    }

    func start(to address: PeerAddress, completion: @escaping Completion) {
        self.address = address
        self.completion = completion
        let files = port.member.files
        let view = self.view
        let name = "snapshot-to-\(address.id)-\(reactor.now.nanoseconds)"
        port.member.compute({ ExportedFile.make(view, files, name: name) }) { [weak self] result in
            self?.exported(result)
        }
    }

    func cancel() {
        completion = nil
        end(.failure(.closed))
    }

    private func exported(_ result: Result<ExportedFile, ExportFailure>) {
        guard completion != nil, let address else { return }
        switch result {
        case .failure(let failure): end(.failure(.store(failure.text)))
        case .success(let source):
            self.source = source
            message.snapshotData = source.storeTree
            url = address.current
            guard let target = DialTarget(url) else {
                end(.failure(.unusableURL(url)))
                return
            }
            port.member.logger.info(
                "sending database snapshot",
                [
                    "to": .string("\(address.id)"), "bytes": .integer(source.byteCount),
                    "snapshot-index": .unsigned(message.snapshot?.index.number ?? 0),
                ])
            dial = target.dial(with: port.dialer, timeout: port.dialTimeout) { [weak self] result in
                self?.dialled(result, target)
            }
        }
    }

    private func dialled(_ result: Result<Socket, NetError>, _ target: DialTarget) {
        dial = nil
        switch result {
        case .failure(let error): end(.failure(.net(error)))
        case .success(let socket):
            do throws(NetError) {
                connection = try target.connect(
                    socket, on: reactor, with: port.dialer, delegate: self)
            } catch {
                end(.failure(.net(error)))
                return
            }
            begin(target)
        }
    }

    // MARK: Upload

    private func begin(_ target: DialTarget) {
        let headers =
            port.identity.headers + [HeaderField("content-type", "application/octet-stream")]
        http.sendHead(
            HTTPRequestHead(
                method: "POST", target: "/raft/snapshot", authority: target.authority,
                headers: headers), length: .chunked)
        http.sendBody(MessageFrame.encode(message))
        flush()
        progressAt = reactor.now
        watchdog = reactor.every(.seconds(1)) { [weak self] in self?.checkProgress() }
        pump()
    }

    private func flush() {
        if http.hasOutput { connection?.write(http.takeOutput()) }
    }

    /// One piece a turn, unless the socket is behind.
    private func pump() {
        guard let source, let connection, connection.isOpen, !isBodySent,
            connection.pendingBytes < SnapshotSender.aheadBytes
        else { return }
        guard offset < source.byteCount else {
            isBodySent = true
            http.sendEnd()
            flush()
            return
        }
        let count = Int(min(Int64(SnapshotSender.pieceBytes), source.byteCount - offset))
        do throws(PosixError) {
            let piece = try source.file.read(at: offset, count: count)
            guard piece.count == count else {
                end(.failure(.store("the snapshot file ended early")))
                return
            }
            offset += Int64(count)
            http.sendBody(piece)
        } catch {
            end(.failure(.store("\(error)")))
            return
        }
        flush()
        progressAt = reactor.now
        reactor.after(.zero) { [weak self] in self?.pump() }
    }

    private func checkProgress() {
        let limit = isBodySent ? SnapshotSender.answerLimit : SnapshotSender.stallLimit
        if reactor.now - progressAt >= limit { end(.failure(.timedOut)) }
    }

    func connectionDrained(_ connection: Connection) {
        progressAt = reactor.now
        pump()
    }

    // MARK: Answer

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        guard connection === self.connection else { return }
        unsafe http.receive(bytes)
        for event in http.takeEvents() {
            switch event {
            case .head(let head): status = head.status
            case .body(let bytes): if answerText.count < 1024 { answerText += bytes }
            case .end: answered()
            case .failed(let error): end(.failure(.http(error)))
            }
        }
    }

    private func answered() {
        let byteCount = source?.byteCount ?? 0
        if status == 204 {
            end(.success(byteCount))
        } else {
            let response = HTTPResponse(status: status ?? 0, body: answerText)
            end(.failure(.status(response.head.status, text: response.bodyText)))
        }
    }

    func connectionInputEnded(_ connection: Connection) {
        guard connection === self.connection else { return }
        end(.failure(.closed))
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        guard connection === self.connection else { return }
        if case .failed(let error) = reason {
            end(.failure(.net(error)))
        } else {
            end(.failure(.closed))
        }
    }

    private func end(_ result: Result<Int64, PeerError>) {
        if let watchdog { reactor.cancel(watchdog) }
        watchdog = nil
        dial?.cancel()
        dial = nil
        source = nil
        let old = connection
        connection = nil
        old?.close()
        if case .failure = result { address?.failed(url) }
        let told = completion
        completion = nil
        told?(result)
    }
}

/// A view as a `.db` file without a name: it is gone when this is.
final class ExportedFile: @unchecked Sendable {
    let file: File
    let byteCount: Int64
    let storeTree: [UInt8]

    private init(file: File, byteCount: Int64, storeTree: [UInt8]) {
        self.file = file
        self.byteCount = byteCount
        self.storeTree = storeTree
    }

    /// Runs on the keeper's thread.
    static func make(
        _ view: LedgerView, _ files: StoreFiles, name: String
    ) -> Result<ExportedFile, ExportFailure> {
        do throws(RecoveryError) {
            let (path, size) = try files.exportSnapshot(view, name: name)
            do throws(PosixError) {
                let file = try File(path, .read)
                try Directory.remove(path)
                return .success(
                    ExportedFile(file: file, byteCount: size, storeTree: StoreTree.json(of: view)))
            } catch {
                return .failure(ExportFailure(text: "\(error)"))
            }
        } catch {
            return .failure(ExportFailure(text: "\(error)"))
        }
    }
}
