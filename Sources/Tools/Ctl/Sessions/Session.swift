// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

// What is held as long as this process lives: locks, candidacies.
//
//   Session      a lease that a thread of its own keeps alive
//   WaitingLine  keys PREFIX/LEASE in the order of their creation; the first one has its turn
//   Interrupt    Ctrl-C and SIGTERM as something to ask about
//
// Built by the client out of leases, transactions and watches, as etcdctl does it: the server need
// not offer locks or elections itself.

/// A lease that lives until it is ended, or until the server has not heard from us for its time.
final class Session: Sendable {
    private final class State: @unchecked Sendable {
        let lock = Lock()
        var isOver = false
        var isEnded = false
    }

    let lease: Int64
    private let state = State()

    /// `settings` are for the thread's own client.
    init(_ client: Client, _ settings: ClientSettings, ttl: Int64) throws(ClientError) {
        lease = try client.leaseGrant(.with { $0.ttl = ttl }).id
        let (lease, state) = (lease, state)
        do throws(PosixError) {
            try Thread.start(name: "session") { Session.keepAlive(lease, settings, state) }
        } catch {
            throw .unreachable(endpoint: client.endpointInUse, reason: "\(error)")
        }
    }

    /// The lease is gone, and with it all keys that hang on it.
    var isOver: Bool { state.lock.withLock { state.isOver } }

    /// Gives the lease back.
    func end(_ client: Client) {
        state.lock.withLock { state.isEnded = true }
        // It ends by itself soon if nobody can be told.
        _ = try? client.leaseRevoke(LeaseRevokeRequest(id: lease))
    }

    private static func keepAlive(_ lease: Int64, _ settings: ClientSettings, _ state: State) {
        do throws(ClientError) {
            let client = try Client(settings)
            try client.keepAlive(lease: lease) { response in
                response.ttl > 0 && state.lock.withLock { !state.isEnded }
            }
        } catch {
            // Whoever asks `isOver` is told below.
        }
        state.lock.withLock { state.isOver = true }
    }
}

/// Ctrl-C and SIGTERM, which then no longer end the process.
final class Interrupt {
    private let signals: Signals
    private var hasCome = false

    init() throws(CtlError) {
        do throws(PosixError) {
            signals = try Signals([.interrupt, .terminate])
        } catch {
            throw .failed(.error, "\(error)")
        }
    }

    var isWanted: Bool {
        if !hasCome { hasCome = (try? signals.next()) != nil }
        return hasCome
    }
}
