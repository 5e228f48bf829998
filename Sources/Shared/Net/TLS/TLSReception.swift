// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Posix

/// Where the connections of a listener wait until their handshake is over. Each has a deadline, and
/// there are so many at a time: when one more comes, the one that has waited longest is dropped.
package final class TLSReception: ConnectionDelegate {
    private let reactor: Reactor
    private let certificates: CertificateReload
    private let limits: HandshakeLimits
    private let established: (Connection) -> Void
    private let refused: (SocketAddress?, NetError) -> Void
    /// By the order of their coming; nil where one has gone.
    private var waiting: [Connection?] = []
    private var places: [ObjectIdentifier: Int] = [:]
    private var oldest = 0

    private static let bytesPerTurn = 1_024...(16 << 10)

    package private(set) var droppedCount = 0
    package var halfOpenCount: Int { places.count }

    /// `established` takes over the connection; without a delegate of its own it stays silent.
    /// `refused` hears of every connection that came to nothing.
    package init(
        on reactor: Reactor, _ certificates: CertificateReload, _ limits: HandshakeLimits,
        established: @escaping (Connection) -> Void,
        refused: @escaping (SocketAddress?, NetError) -> Void
    ) {
        self.reactor = reactor
        self.certificates = certificates
        self.limits = limits
        self.established = established
        self.refused = refused
    }

    package func accept(_ socket: Socket) {
        let address = socket.peerAddress
        do throws(NetError) {
            let session = try certificates.serverSession(now: reactor.now)
            let connection = try Connection(on: reactor, socket: socket, session: session)
            connection.handshakeTimeout = limits.time
            connection.share = ReadShare(
                TLSReception.bytesPerTurn, time: .microseconds(200), newAt: reactor.now)
            while places.count >= limits.halfOpen { dropOldest() }
            places[ObjectIdentifier(connection)] = waiting.count
            waiting.append(connection)
            connection.delegate = self
        } catch {
            refused(address, error)
        }
    }

    /// Ends all that wait.
    package func close() {
        for connection in waiting { connection?.close() }
    }

    private func dropOldest() {
        while oldest < waiting.count {
            guard let connection = waiting[oldest] else {
                oldest += 1
                continue
            }
            droppedCount += 1
            leave(connection)
            connection.delegate = nil
            connection.close()
            return
        }
    }

    private func leave(_ connection: Connection) {
        guard let place = places.removeValue(forKey: ObjectIdentifier(connection)) else { return }
        waiting[place] = nil
        if places.isEmpty {
            waiting.removeAll(keepingCapacity: waiting.capacity <= 4096)
            oldest = 0
        } else if waiting.count > 8 * limits.halfOpen {
            compact()
        }
    }

    /// The list has many holes: those that wait move together.
    private func compact() {
        let kept = waiting.compactMap { $0 }
        waiting = kept
        oldest = 0
        for (place, connection) in kept.enumerated() {
            places[ObjectIdentifier(connection)] = place
        }
    }

    // MARK: Connections

    package func connectionEstablished(_ connection: Connection) {
        leave(connection)
        connection.share = nil
        established(connection)
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {}

    package func connectionInputEnded(_ connection: Connection) {
        connection.close()
    }

    package func connectionClosed(_ connection: Connection, _ reason: CloseReason) {
        leave(connection)
        switch reason {
        case .failed(let error): refused(connection.peerAddress, error)
        case .peerEnded, .closedHere:
            refused(connection.peerAddress, .session("tls: the client left during the handshake"))
        case .idle, .overflow, .flushTimeout, .reactorEnded: break
        }
    }
}
