// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Posix
internal import Raft

/// The two long streams between members.
enum StreamKind: String, CaseIterable {
    /// Any message.
    case message
    /// Appends alone, written shorter.
    case append = "msgapp"

    var path: String { "/raft/stream/\(rawValue)" }
}

/// Takes apart what one stream carries.
enum StreamFrames {
    case message(MessageFrameReader)
    case append(AppendFrameReader)

    init(_ kind: StreamKind, from peer: MemberID, to own: MemberID) {
        switch kind {
        case .message: self = .message(MessageFrameReader())
        case .append: self = .append(AppendFrameReader(from: peer, to: own))
        }
    }

    mutating func receive(_ bytes: [UInt8]) {
        switch self {
        case .message(var reader):
            self = .message(MessageFrameReader())
            reader.receive(bytes)
            self = .message(reader)
        case .append(var reader):
            self = .append(AppendFrameReader(from: .none, to: .none))
            reader.receive(bytes)
            self = .append(reader)
        }
    }

    mutating func next() throws(PeerError) -> Message? {
        switch self {
        case .message(var reader):
            self = .message(MessageFrameReader())
            defer { self = .message(reader) }
            return try reader.next()
        case .append(var reader):
            self = .append(AppendFrameReader(from: .none, to: .none))
            defer { self = .append(reader) }
            return try reader.next()
        }
    }
}

/// What a reader tells the link it works for.
protocol StreamReaderOwner: AnyObject {
    func streamOpened(_ kind: StreamKind)
    func streamReceived(_ message: Message, byteCount: Int, on kind: StreamKind)
    /// It was open, or was to be; it is tried again by itself.
    func streamFailed(_ kind: StreamKind, _ error: PeerError)
    /// The other side says that this member was removed from the cluster.
    func streamRefusedAsRemoved()
}

/// One stream that this member has asked a peer for, and asks for again whenever it is lost: what
/// the peer sends to us comes here.
final class StreamReader: ConnectionDelegate {
    private let kind: StreamKind
    private let address: PeerAddress
    private let reactor: Reactor
    private let dialer: Dialer
    private let identity: PeerIdentity
    private let dialTimeout: Duration
    private weak var owner: (any StreamReaderOwner)?

    private var dial: Dial?
    private var connection: Connection?
    private var http = HTTP1Client()
    private var frames: StreamFrames
    private var refusal: (status: Int, body: [UInt8])?
    private var retry: TimerID?
    private var dialled = ""
    private var isStopped = false
    private var untoldBytes = 0
    private(set) var isOpen = false

    private static let retryDelay = Duration.milliseconds(100)
    private static let silenceLimit = Duration.seconds(5)

    init(
        _ kind: StreamKind, _ address: PeerAddress, reactor: Reactor, dialer: Dialer,
        identity: PeerIdentity, dialTimeout: Duration, owner: any StreamReaderOwner
    ) {
        self.kind = kind
        self.address = address
        self.reactor = reactor
        self.dialer = dialer
        self.identity = identity
        self.dialTimeout = dialTimeout
        self.owner = owner
        frames = StreamFrames(kind, from: address.id, to: identity.memberID)
    }

    func start() {
        guard !isStopped, dial == nil, connection == nil else { return }
        dialled = address.current
        guard let url = DialTarget(dialled) else {
            lost(.unusableURL(dialled))
            return
        }
        dial = url.dial(with: dialer, timeout: dialTimeout) { [weak self] result in
            guard let self else { return }
            self.dial = nil
            switch result {
            case .success(let socket): self.connected(socket, url)
            case .failure(let error): self.lost(.net(error))
            }
        }
    }

    func stop() {
        isStopped = true
        isOpen = false
        if let retry { reactor.cancel(retry) }
        retry = nil
        drop()
    }

    // MARK: Connection

    private func connected(_ socket: Socket, _ url: DialTarget) {
        do throws(NetError) {
            let connection = try url.connect(
                socket, on: reactor, with: dialer, delegate: self)
            connection.idleTimeout = StreamReader.silenceLimit
            self.connection = connection
        } catch {
            lost(.net(error))
            return
        }
        http = HTTP1Client()
        refusal = nil
        frames = StreamFrames(kind, from: address.id, to: identity.memberID)
        let headers = identity.headers + [HeaderField("x-raft-to", "\(address.id)")]
        http.send(
            HTTPRequest(
                head: HTTPRequestHead(
                    method: "GET", target: "\(kind.path)/\(identity.memberID)",
                    authority: url.authority, headers: headers)))
        connection?.write(http.takeOutput())
    }

    private func drop() {
        dial?.cancel()
        dial = nil
        let old = connection
        connection = nil
        old?.close()
    }

    private func lost(_ error: PeerError) {
        guard !isStopped else { return }
        drop()
        isOpen = false
        address.failed(dialled)
        owner?.streamFailed(kind, error)
        guard !isStopped, retry == nil else { return }
        retry = reactor.after(StreamReader.retryDelay) { [weak self] in
            self?.retry = nil
            self?.start()
        }
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        guard connection === self.connection else { return }
        unsafe http.receive(bytes)
        for event in http.takeEvents() {
            // A handler may have dropped the connection.
            guard connection === self.connection else { return }
            handle(event)
        }
    }

    func connectionInputEnded(_ connection: Connection) {
        guard connection === self.connection else { return }
        lost(.closed)
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        guard connection === self.connection else { return }
        self.connection = nil
        switch reason {
        case .idle: lost(.timedOut)
        case .failed(let error): lost(.net(error))
        default: lost(.closed)
        }
    }

    // MARK: Answer

    private func handle(_ event: HTTP1Client.Event) {
        switch event {
        case .head(let head): begin(head)
        case .body(let bytes): take(bytes)
        case .end: ended()
        case .failed(let error): lost(.http(error))
        }
    }

    private func begin(_ head: HTTPResponseHead) {
        guard head.status == 200 else {
            refusal = (head.status, [])
            let isOurCluster =
                head.headers.value(of: "x-etcd-cluster-id") == "\(identity.clusterID)"
            if head.status == 410, isOurCluster { owner?.streamRefusedAsRemoved() }
            return
        }
        isOpen = true
        owner?.streamOpened(kind)
    }

    private func take(_ bytes: [UInt8]) {
        guard isOpen else {
            if let refusal, refusal.body.count < 1024 { self.refusal?.body += bytes }
            return
        }
        frames.receive(bytes)
        do throws(PeerError) {
            untoldBytes += bytes.count
            while let message = try frames.next() {
                owner?.streamReceived(message, byteCount: untoldBytes, on: kind)
                untoldBytes = 0
            }
        } catch {
            lost(error)
        }
    }

    private func ended() {
        guard let refusal else {
            lost(.closed)
            return
        }
        lost(
            .status(
                refusal.status,
                text: HTTPResponse(status: refusal.status, body: refusal.body).bodyText))
    }
}
