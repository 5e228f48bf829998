// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix
internal import TestKit
internal import Testing

struct DialerTests {
    private func outcome(
        _ lookup: NameLookup = NameLookup(), host: String, port: UInt16,
        timeout: Duration = .seconds(20)
    ) throws -> Result<Socket, NetError> {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let dialer = try Dialer(on: reactor, lookup: lookup)
        var outcome: Result<Socket, NetError>?
        dialer.dial(host: host, port: port, timeout: timeout) { outcome = $0 }
        #expect(outcome == nil, "told within the call")
        try reactor.turn(until: "an outcome", within: .seconds(30)) { outcome != nil }
        return try #require(outcome)
    }

    private func failure(_ outcome: Result<Socket, NetError>) -> NetError? {
        if case .failure(let error) = outcome { error } else { nil }
    }

    @Test func `a refusal says what was refused`() throws {
        let port = try Ports.free()
        let error = try failure(outcome(host: "127.0.0.1", port: port))
        #expect(error?.description == "connect 127.0.0.1:\(port): connection refused")
    }

    @Test func `an unknown name is told as such`() throws {
        let error = try failure(outcome(host: "no-such-name.invalid", port: 1))
        guard case .lookup(let found) = error else {
            throw TestFailure("\(String(describing: error))")
        }
        #expect(found.host == "no-such-name.invalid")
    }

    @Test func `a listener that does not answer is a timeout`() throws {
        // A listener with the shortest queue, filled up, drops what comes after.
        var options = Socket.ListenOptions()
        options.backlog = 0
        let listener = try Socket.listen(.loopback(port: 0), options)
        let address = try #require(listener.localAddress)
        let fillers = try (0..<8).map { _ in try Socket.connect(to: address).socket }
        let start = MonotonicClock.now
        let error = try failure(
            outcome(host: "127.0.0.1", port: address.port, timeout: .milliseconds(40)))
        #expect(error == .dialTimeout("127.0.0.1:\(address.port)"))
        #expect(MonotonicClock.now - start >= .milliseconds(40))
        withExtendedLifetime(fillers) {}
    }

    @Test func `a name of the machine is looked up on a helper thread`() throws {
        let listener = try Socket.listen(.loopback(port: 0))
        let port = try #require(listener.localAddress?.port)
        let socket = try outcome(host: "localhost", port: port).get()
        #expect(socket.peerAddress?.port == port)
    }

    @Test func `the next address is tried when the first refuses`() throws {
        let listener = try Socket.listen(.loopback(port: 0))
        let port = try #require(listener.localAddress?.port)
        let lookup = NameLookup(hosts: ["member": ["127.0.0.2", "127.0.0.1"]])
        let socket = try outcome(lookup, host: "member", port: port).get()
        #expect(socket.peerAddress == .loopback(port: port))
    }

    @Test func `a cancelled dial says nothing`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let dialer = try Dialer(on: reactor)
        let listener = try Socket.listen(.loopback(port: 0))
        let port = try #require(listener.localAddress?.port)
        var told = 0
        let first = dialer.dial(host: "127.0.0.1", port: port, timeout: .seconds(5)) { _ in
            told += 1
        }
        let second = dialer.dial(host: "localhost", port: port, timeout: .seconds(5)) { _ in
            told += 1
        }
        first.cancel()
        second.cancel()
        var isLast = false
        dialer.dial(host: "localhost", port: port, timeout: .seconds(5)) { _ in isLast = true }
        try reactor.turn(until: "the last") { isLast }
        #expect(told == 0)
    }

    @Test func `a unix path is dialled, and a missing one is not found`() throws {
        let folder = try TemporaryFolder()
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let dialer = try Dialer(on: reactor)
        var errors: [NetError] = []
        dialer.dial(.unix(path: folder["none"]), timeout: .seconds(5)) { result in
            if case .failure(let error) = result { errors.append(error) }
        }
        try reactor.turn(until: "failure") { !errors.isEmpty }
        guard case .system(let error) = errors[0] else { throw TestFailure("\(errors)") }
        #expect(error.isNotFound)
    }
}

struct ListenerTests {
    @Test func `several addresses are served, each at its own port`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var count = 0
        let listener = try Listener(
            on: reactor, addresses: [.loopback(port: 0), .loopback(port: 0)]
        ) { _ in count += 1 }
        #expect(listener.addresses.count == 2)
        #expect(listener.addresses[0].port == listener.port && listener.port != 0)
        #expect(listener.addresses[0].port != listener.addresses[1].port)
        let clients = try listener.addresses.map { try Socket.connect(to: $0).socket }
        try reactor.turn(until: "both") { count == 2 }
        withExtendedLifetime(clients) {}
    }

    @Test func `a port in use fails the whole listener`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        let taken = try Socket.listen(.loopback(port: 0))
        let address = try #require(taken.localAddress)
        let error = #expect(throws: NetError.self) {
            try Listener(on: reactor, addresses: [.loopback(port: 0), address]) { _ in }
        }
        #expect(error?.description == "listen \(address): address already in use")
    }

    @Test func `a paused listener lets clients wait`() throws {
        let reactor = try Reactor()
        defer { reactor.shutDown() }
        var count = 0
        let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) { _ in
            count += 1
        }
        listener.pause()
        let client = try Socket.connect(to: listener.addresses[0]).socket
        try reactor.turnIdly()
        #expect(count == 0)
        listener.resume()
        try reactor.turn(until: "taken") { count == 1 }
        listener.close()
        #expect(throws: PosixError.self) {
            let (socket, _) = try Socket.connect(to: listener.addresses[0])
            if let error = socket.connectFailure("") { throw error }
        }
        withExtendedLifetime(client) {}
    }

    @Test func `want of descriptors only delays a connection`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let reactor = try Reactor()
            var count = 0
            let listener = try Listener(on: reactor, addresses: [.loopback(port: 0)]) { _ in
                count += 1
            }
            let client = try Socket.connect(to: listener.addresses[0]).socket
            var hoard: [File] = []
            while let file = try? File("/dev/null", .read) { hoard.append(file) }
            try reactor.runTurn(timeout: .seconds(1))
            if count != 0 || listener.exhaustionCount != 1 {
                throw TestFailure("\(count) \(listener.exhaustionCount)")
            }
            hoard = []
            try reactor.turn(until: "taken") { count == 1 }
            withExtendedLifetime(client) {}
        }
    }
}
