// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import HTTP
internal import Net
internal import NodeCore
internal import Program
internal import Replicated

/// One client's connection: undecided until its first bytes say what it speaks.
final class ClientConnection: ConnectionDelegate {
    private enum Speech {
        case undecided([UInt8])
        case grpc(GRPCChannel)
        case http(HTTPChannel)
    }

    let connection: Connection
    unowned let port: ClientPort
    let serial: UInt64
    private let openedAt: Instant
    /// The common name of the client's certificate, which the handshake has verified.
    var verifiedCommonName: String? { connection.peerCertificate?.commonName }
    /// The same where it counts as a user.
    var userOfCertificate: String? {
        port.member.node.ledger.auth.isEnabled ? verifiedCommonName : nil
    }
    private var speech = Speech.undecided([])
    private var isFlushPlanned = false
    /// What calls hold in the core for this client.
    private var callWeight = 0
    /// Calls of this client that the core has not answered.
    var callsInCore = 0
    /// What it makes this member hold in memory, as last told to the port.
    private(set) var weight = 0
    private(set) var lastActive: Instant
    /// It has asked for something and got its answer, as an attacker seldom waits for.
    var hasBeenServed = false
    private var firstByteAt: Instant?
    /// Given up; nothing is taken from it or held for it any more.
    private var isCut = false
    /// The client came over TLS.
    var isSecure: Bool { connection.isSecure }

    /// Bytes handed to the socket's queue before its protocol is asked for more.
    private static let outputAhead = 1 << 20
    /// Answers that no window holds back, waiting behind that: then nothing more is read until
    /// the client has read.
    private static let unreadAnswersMax = 512 << 10
    /// So many calls of a client that had much time are in the core, while others have any; what is
    /// in there cannot be overtaken.
    private static let callsInCoreMax = 64

    /// Read of one client before the others have their turn, and the time for it. What a request
    /// leads to later in the turn takes about as long again.
    private static let bytesPerTurn = 128...(64 << 10)
    private static let timePerTurn = Duration.microseconds(200)
    private static let plainOnly =
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
        + "connection: close\r\n\r\n"
        + "Client sent a TLS handshake to a server that speaks plain HTTP here.\n"

    init(_ connection: Connection, port: ClientPort) {
        self.connection = connection
        self.port = port
        serial = port.nextSerial()
        openedAt = port.member.reactor.now
        lastActive = openedAt
        connection.idleTimeout = port.settings.firstByteTimeout
        connection.stallTimeout = port.settings.stallTimeout
        connection.share = ReadShare(
            ClientConnection.bytesPerTurn, time: ClientConnection.timePerTurn, newAt: openedAt)
    }

    // MARK: Bytes in

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        switch speech {
        case .grpc(let channel): unsafe channel.receive(bytes)
        case .http(let channel): unsafe channel.receive(bytes)
        case .undecided(let before): decide(unsafe before + Array(bytes))
        }
        lastActive = port.member.reactor.now
        weigh()
    }

    func connectionContinues(_ connection: Connection) {
        if case .grpc(let channel) = speech { channel.goOn() }
        weigh()
    }

    private func decide(_ bytes: [UInt8]) {
        switch ProtocolSniffer.look(bytes) {
        case .undecided:
            firstByteAt = firstByteAt ?? port.member.reactor.now
            speech = .undecided(bytes)
        case .http2 where port.settings.servesGRPC:
            connection.idleTimeout = nil
            let channel = GRPCChannel(self)
            speech = .grpc(channel)
            unsafe bytes.withUnsafeBytes { unsafe channel.receive($0) }
        case .http1, .http2:
            connection.idleTimeout = HTTPChannel.idleTimeout
            let channel = HTTPChannel(self)
            speech = .http(channel)
            unsafe bytes.withUnsafeBytes { unsafe channel.receive($0) }
        case .tls:
            // Clients that know HTTP recognise this, and say that the server has no TLS.
            connection.write(Array(ClientConnection.plainOnly.utf8))
            connection.closeAfterFlush(within: .seconds(1))
            port.refusals.tell(
                connection.peerAddress, "the client speaks TLS, this listener does not",
                now: port.member.reactor.now)
        }
    }

    // MARK: Bytes out

    func needsFlush() {
        guard !isFlushPlanned else { return }
        isFlushPlanned = true
        port.needsFlush(self)
    }

    func flush() {
        isFlushPlanned = false
        while connection.isOpen, connection.pendingBytes < ClientConnection.outputAhead {
            let bytes =
                switch speech {
                case .undecided: [UInt8]()
                case .grpc(let channel): channel.takeOutput()
                case .http(let channel): channel.takeOutput()
                }
            if bytes.isEmpty { break }
            connection.write(bytes)
        }
        if !isCut, connection.isOpen {
            connection.isReadingPaused =
                unreadAnswers > ClientConnection.unreadAnswersMax
                || callsInCore > ClientConnection.callsInCoreMax && connection.mustYield
        }
        weigh()
        closeIfDone()
    }

    private var unreadAnswers: Int {
        switch speech {
        case .undecided: 0
        case .grpc(let channel): channel.server.outputBytes
        case .http(let channel): channel.unreadBytes
        }
    }

    private func closeIfDone() {
        let isDone =
            switch speech {
            case .undecided: false
            case .grpc(let channel): channel.isOver
            case .http(let channel): channel.isOver
            }
        if isDone, connection.isOpen { connection.closeAfterFlush() }
    }

    func connectionDrained(_ connection: Connection) {
        if case .http(let channel) = speech { channel.drained() }
        flush()
    }

    func connectionInputEnded(_ connection: Connection) {
        switch speech {
        case .undecided: connection.close()
        case .grpc(let channel):
            channel.transportEnded()
            connection.closeAfterFlush()
        case .http(let channel):
            channel.inputEnded()
            if !channel.isAnswering { connection.closeAfterFlush() }
        }
    }

    func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        switch speech {
        case .undecided: break
        case .grpc(let channel): channel.transportEnded()
        case .http(let channel): channel.connectionClosed()
        }
        if reason == .flushTimeout { port.note(self, "it reads nothing") }
        weigh()
        speech = .undecided([])
        port.forget(self)
        // Calls that end later weigh nothing any more.
        isCut = true
    }

    // MARK: Limits

    /// Tells the port how much heavier or lighter this client has become.
    func weigh() {
        if isCut { return }
        let before = weight
        weight = connection.pendingBytes + callWeight
        switch speech {
        case .undecided(let bytes): weight += bytes.count
        case .grpc(let channel): weight += channel.weight
        case .http(let channel): weight += channel.weight
        }
        if weight != before { port.weightChanged(by: weight - before) }
    }

    func callHolds(_ change: Int) {
        callWeight += change
        weigh()
    }

    /// Serves it no more, at once, and lets go of everything that is held for it.
    func cut() {
        isCut = true
        weight = 0
        if case .grpc(let channel) = speech { channel.server.abandon() }
        connection.close()
    }

    /// No call is open and no request is being read or answered.
    var isIdle: Bool {
        switch speech {
        case .undecided: true
        case .grpc(let channel): channel.isIdle
        case .http(let channel): channel.isIdle
        }
    }

    /// Why the client has taken too long, if it has.
    func overdue(at now: Instant) -> String? {
        let settings = port.settings
        switch speech {
        case .undecided:
            if let firstByteAt {
                return now - firstByteAt > settings.headTimeout ? "no request in time" : nil
            }
            return now - openedAt > settings.firstByteTimeout ? "nothing was said in time" : nil
        case .grpc(let channel):
            guard let since = channel.server.owedSince else { return nil }
            return now - since > settings.headTimeout ? "a frame did not end in time" : nil
        case .http(let channel): return channel.overdue(at: now)
        }
    }

    /// Ends calls whose request does not come.
    func cutUnfinishedCalls(at now: Instant) {
        guard case .grpc(let channel) = speech else { return }
        let count = channel.cutUnfinished(at: now)
        if count > 0 { port.note(self, "\(count) requests did not come to their end in time") }
    }

    // MARK: End

    func drain() {
        switch speech {
        case .undecided: connection.close()
        case .grpc(let channel): channel.drain()
        case .http(let channel): channel.drain()
        }
        needsFlush()
    }

    func close() {
        connection.close()
    }
}
