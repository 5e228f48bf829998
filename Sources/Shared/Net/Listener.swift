// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Posix

/// Takes connections on one or more addresses. The reactor keeps it until `close`.
package final class Listener {
    private static let retryDelay: Duration = .milliseconds(100)

    private let reactor: Reactor
    private let doors: [ListenerDoor]

    /// Where it really listens: ports that were 0 are filled in.
    package let addresses: [SocketAddress]
    /// Of the first address.
    package var port: UInt16 { addresses.first?.port ?? 0 }

    /// Listens on all or, throwing, on none. `accepted` gets each new connection's socket, to make
    /// a `Connection` of or to send to another thread.
    package init(
        on reactor: Reactor, addresses: [SocketAddress],
        options: Socket.ListenOptions = Socket.ListenOptions(),
        accepted: @escaping (Socket) -> Void
    ) throws(NetError) {
        self.reactor = reactor
        var sockets: [Socket] = []
        for address in addresses {
            sockets.append(
                try posix { () throws(PosixError) in try Socket.listen(address, options) })
        }
        self.addresses = zip(sockets, addresses).map { $0.localAddress ?? $1 }
        var doors: [ListenerDoor] = []
        do throws(NetError) {
            for socket in sockets {
                doors.append(try ListenerDoor(on: reactor, socket, accepted))
            }
        } catch {
            for door in doors { door.close() }
            throw error
        }
        self.doors = doors
    }

    /// How often taking a connection failed for want of descriptors or memory. Each time the
    /// listener rests for a tenth of a second, while clients wait in the kernel's queue.
    package var exhaustionCount: Int {
        doors.reduce(0) { $0 + $1.exhaustionCount }
    }

    /// Takes no more connections until `resume`; clients wait in the kernel's queue.
    package func pause() {
        for door in doors { door.isPaused = true }
    }

    package func resume() {
        for door in doors { door.isPaused = false }
    }

    /// Stops listening, and removes unix sockets from their folders. Connections stay.
    package func close() {
        for door in doors { door.close() }
        for case .unix(let path) in addresses { try? Directory.remove(path) }
    }

    /// One listening socket.
    private final class ListenerDoor: ReadinessSink, TurnTaker {
        /// Where nobody is there who would wait for it.
        private static let longTurn = Duration.milliseconds(2)

        private let reactor: Reactor
        private let socket: Socket
        private let accepted: (Socket) -> Void
        private var token: WatchToken?
        private var isResting = false
        private var isInLine = false
        private(set) var exhaustionCount = 0

        var isPaused = false {
            didSet { updateInterest() }
        }

        init(
            on reactor: Reactor, _ socket: Socket, _ accepted: @escaping (Socket) -> Void
        ) throws(NetError) {
            self.reactor = reactor
            self.socket = socket
            self.accepted = accepted
            token = try reactor.watch(socket.descriptor, .read, self)
        }

        /// Taking a connection costs more than most requests, so it waits behind those.
        func ready(_ readiness: Poller.Readiness) {
            guard reactor.hasLight else {
                _ = takeTurn(quantum: ListenerDoor.longTurn)
                return
            }
            reactor.noteDeferred()
            if isInLine { return }
            isInLine = true
            reactor.serveLater(self)
        }

        func takeTurn(quantum: Duration) -> Duration {
            isInLine = false
            let began = MonotonicClock.now
            var spent = Duration.zero
            repeat {
                if token == nil || isPaused || isResting { break }
                do throws(PosixError) {
                    guard let taken = try socket.accept() else { break }
                    accepted(taken)
                } catch {
                    rest()
                }
                spent = MonotonicClock.now - began
            } while spent < quantum
            return spent
        }

        private func rest() {
            exhaustionCount += 1
            isResting = true
            updateInterest()
            reactor.after(Listener.retryDelay) { [weak self] in
                self?.isResting = false
                self?.updateInterest()
            }
        }

        private func updateInterest() {
            guard let token else { return }
            reactor.change(token, isPaused || isResting ? [] : .read)
        }

        func reactorEnded() {
            token = nil
            socket.close()
        }

        func close() {
            if let token { reactor.unwatch(token) }
            token = nil
            socket.close()
        }
    }
}
