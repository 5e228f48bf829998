// SPDX-License-Identifier: Apache-2.0

/// Who speaks through a connection. The connection keeps it until `connectionClosed`; it may keep
/// the connection as well, for both are let go then. Every method may write, pause or close.
package protocol ConnectionDelegate: AnyObject {
    /// The bytes are good during the call only.
    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer)

    /// The handshake of its session is over; comes before any bytes. Never without a session.
    func connectionEstablished(_ connection: Connection)

    /// The peer will send no more, but may still read. Unless replaced: send what is queued, close.
    func connectionInputEnded(_ connection: Connection)

    /// The next turn of a delegate that has said `leavesBacklog`.
    func connectionContinues(_ connection: Connection)

    /// The socket had been full or more than `lowWaterMark` was queued, and now `pendingBytes` fell
    /// to `lowWaterMark` or below.
    func connectionDrained(_ connection: Connection)

    /// The last call, exactly once, whoever closed it.
    func connectionClosed(_ connection: Connection, _ reason: CloseReason)
}

extension ConnectionDelegate {
    package func connectionEstablished(_ connection: Connection) {}

    package func connectionInputEnded(_ connection: Connection) {
        connection.closeAfterFlush()
    }

    package func connectionContinues(_ connection: Connection) {}
    package func connectionDrained(_ connection: Connection) {}
}

package enum CloseReason: Equatable, Sendable {
    /// `close` or `closeAfterFlush`.
    case closedHere
    /// The peer ended its side first.
    case peerEnded
    /// Nothing came for `idleTimeout`.
    case idle
    /// More than `pendingBytesLimit` were queued.
    case overflow
    /// The peer did not take the rest in the time that `closeAfterFlush` gave it, or took nothing
    /// for `stallTimeout`.
    case flushTimeout
    case reactorEnded
    case failed(NetError)
}

/// A delegate made of closures, for short work.
@safe
package final class ConnectionCallbacks: ConnectionDelegate {
    private let received: (Connection, UnsafeRawBufferPointer) -> Void
    private let inputEnded: (Connection) -> Void
    private let drained: (Connection) -> Void
    private let closed: (Connection, CloseReason) -> Void

    package init(
        received: @escaping (Connection, UnsafeRawBufferPointer) -> Void,
        inputEnded: @escaping (Connection) -> Void = { $0.closeAfterFlush() },
        drained: @escaping (Connection) -> Void = { _ in },
        closed: @escaping (Connection, CloseReason) -> Void = { _, _ in }
    ) {
        unsafe self.received = unsafe received
        self.inputEnded = inputEnded
        self.drained = drained
        self.closed = closed
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        unsafe received(connection, bytes)
    }

    package func connectionInputEnded(_ connection: Connection) {
        inputEnded(connection)
    }

    package func connectionDrained(_ connection: Connection) {
        drained(connection)
    }

    package func connectionClosed(_ connection: Connection, _ reason: CloseReason) {
        closed(connection, reason)
    }
}
