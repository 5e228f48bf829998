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
    /// The common name of the client's certificate, which the handshake has verified.
    var verifiedCommonName: String? { connection.peerCertificate?.commonName }
    /// The same where it counts as a user.
    var userOfCertificate: String? {
        port.member.node.ledger.auth.isEnabled ? verifiedCommonName : nil
    }
    private var speech = Speech.undecided([])
    private var isFlushPlanned = false
    /// The client came over TLS.
    var isSecure: Bool { connection.isSecure }

    /// Bytes handed to the socket's queue before its protocol is asked for more.
    private static let outputAhead = 1 << 20
    private static let plainOnly =
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
        + "connection: close\r\n\r\n"
        + "Client sent a TLS handshake to a server that speaks plain HTTP here.\n"

    init(_ connection: Connection, port: ClientPort) {
        self.connection = connection
        self.port = port
        serial = UInt64(bitPattern: port.member.reactor.now.nanoseconds)
        connection.idleTimeout = port.settings.firstByteTimeout
    }

    // MARK: Bytes in

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        switch speech {
        case .grpc(let channel): unsafe channel.receive(bytes)
        case .http(let channel): unsafe channel.receive(bytes)
        case .undecided(let before): decide(unsafe before + Array(bytes))
        }
    }

    private func decide(_ bytes: [UInt8]) {
        switch ProtocolSniffer.look(bytes) {
        case .undecided: speech = .undecided(bytes)
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
        closeIfDone()
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
        speech = .undecided([])
        port.forget(self)
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
