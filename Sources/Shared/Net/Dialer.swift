// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Posix

/// Opens connections. Names are looked up on helper threads, which start with the first name that
/// needs them; each address is tried in turn. Trying again later is left to the caller.
package final class Dialer {
    package typealias Completion = (Result<Socket, NetError>) -> Void

    private let reactor: Reactor
    private let lookup: NameLookup
    private let answers: Mailbox<LookupPool.Answer>
    private var pool: LookupPool?
    private var nextID: UInt64 = 0
    /// Dials that wait for their addresses, and others that wait for a word about a name.
    private var waiting: [UInt64: (LookupPool.Answer.Result) -> Void] = [:]
    /// For connections to secure targets, made of what is dialled; the owner's to use.
    package var certificates: CertificateReload?

    package init(on reactor: Reactor, lookup: NameLookup = NameLookup()) throws(NetError) {
        self.reactor = reactor
        self.lookup = lookup
        answers = try Mailbox()
        try reactor.attach(answers) { [weak self] answers in
            for answer in answers {
                self?.waiting.removeValue(forKey: answer.id)?(answer.result)
            }
        }
    }

    deinit {
        pool?.close()
    }

    /// Connects to a host, a name or an address in digits. `completion` runs once on the reactor's
    /// thread, never within this call, and not at all after `cancel` or the reactor's end. All
    /// lookups and attempts together take `timeout` at most.
    @discardableResult
    package func dial(
        host: String, port: UInt16, timeout: Duration, completion: @escaping Completion
    ) -> Dial {
        let endpoint = HostPort(host: host, port: port)
        let dial = Dial(on: reactor, "\(endpoint)", timeout, completion)
        if let known = lookup.immediate(host, port: port), !known.isEmpty {
            dial.startSoon(known)
        } else {
            ask(for: dial, endpoint)
        }
        return dial
    }

    /// The same to an address: no lookup.
    @discardableResult
    package func dial(
        _ address: SocketAddress, timeout: Duration, completion: @escaping Completion
    ) -> Dial {
        let dial = Dial(on: reactor, "\(address)", timeout, completion)
        dial.startSoon([address])
        return dial
    }

    private func ask(for dial: Dial, _ endpoint: HostPort) {
        do throws(NetError) {
            try ask(.addresses(of: endpoint)) { dial.receive($0) }
        } catch {
            reactor.soon { dial.finish(.failure(error)) }
        }
    }

    private func ask(
        _ matter: LookupPool.Question.Matter,
        _ completion: @escaping (LookupPool.Answer.Result) -> Void
    ) throws(NetError) {
        nextID += 1
        guard try startedPool().ask(LookupPool.Question(id: nextID, matter: matter)) else {
            throw .dialerFull
        }
        waiting[nextID] = completion
    }

    /// Whether an address belongs to one of the names, by asking for the names of the address and
    /// for the addresses of the names. `completion` runs later, once, on the reactor's thread: with
    /// false, too, if nobody knows.
    package func check(
        _ address: SocketAddress, belongsToOneOf names: [String],
        completion: @escaping (Bool) -> Void
    ) {
        do throws(NetError) {
            try ask(.belonging(address, names: names)) { result in
                if case .belonging(let belongs) = result {
                    completion(belongs)
                } else {
                    completion(false)
                }
            }
        } catch {
            reactor.soon { completion(false) }
        }
    }

    private func startedPool() throws(NetError) -> LookupPool {
        if let pool { return pool }
        let started = try LookupPool.start(threadCount: 2, lookup, answers: answers)
        pool = started
        return started
    }
}

/// One attempt to reach a host; kept by the reactor until it ends.
package final class Dial: ReadinessSink {
    private static let attemptTimeMin: Duration = .milliseconds(50)

    private let reactor: Reactor
    private let subject: String
    private let deadline: Instant
    private var completion: Dialer.Completion?
    private var timer: TimerID?
    private var attemptTimer: TimerID?
    private var socket: Socket?
    private var token: WatchToken?
    private var current = ""
    private var untried: ArraySlice<SocketAddress> = []

    internal init(
        on reactor: Reactor, _ subject: String, _ timeout: Duration,
        _ completion: @escaping Dialer.Completion
    ) {
        self.reactor = reactor
        self.subject = subject
        self.completion = completion
        deadline = MonotonicClock.now + timeout
        timer = reactor.after(timeout) { [self] in finish(.failure(.dialTimeout(subject))) }
    }

    /// Gives up; the completion will not be called. Harmless once it has ended.
    package func cancel() {
        completion = nil
        dropAttempt()
        cancelTimer()
    }

    internal func startSoon(_ addresses: [SocketAddress]) {
        untried = addresses[...]
        reactor.soon { [self] in tryNext(.dialTimeout(subject)) }
    }

    internal func receive(_ answer: LookupPool.Answer.Result) {
        switch answer {
        case .addresses(let addresses):
            untried = addresses[...]
            tryNext(.dialTimeout(subject))
        case .failure(let error):
            finish(.failure(.lookup(error)))
        case .belonging: break
        }
    }

    /// Tries the next address; with none left the dial fails as its last attempt did.
    private func tryNext(_ failure: NetError) {
        if completion == nil { return }
        guard let address = untried.popFirst() else { return finish(.failure(failure)) }
        current = "\(address)"
        do throws(NetError) {
            let (socket, isConnected) = try posix {
                () throws(PosixError) -> (socket: Socket, isConnected: Bool) in
                try Socket.connect(to: address)
            }
            if isConnected { return finish(.success(socket)) }
            self.socket = socket
            token = try reactor.watch(socket.descriptor, .write, self)
            limitAttempt()
        } catch {
            dropAttempt()
            tryNext(error)
        }
    }

    /// An address that does not answer must leave time for those behind it.
    private func limitAttempt() {
        if untried.isEmpty { return }
        let left = deadline - MonotonicClock.now
        let share = max(Dial.attemptTimeMin, left / (untried.count + 1))
        attemptTimer = reactor.after(share) { [self] in
            dropAttempt()
            tryNext(.dialTimeout(current))
        }
    }

    package func ready(_ readiness: Poller.Readiness) {
        guard let socket else { return }
        if let error = socket.connectFailure(current) {
            dropAttempt()
            return tryNext(.system(error))
        }
        leaveReactor()
        self.socket = nil
        finish(.success(socket))
    }

    package func reactorEnded() {
        token = nil
        cancel()
    }

    internal func finish(_ result: Result<Socket, NetError>) {
        let told = completion
        completion = nil
        dropAttempt()
        cancelTimer()
        told?(result)
    }

    private func dropAttempt() {
        leaveReactor()
        socket?.close()
        socket = nil
    }

    private func leaveReactor() {
        if let attemptTimer { reactor.cancel(attemptTimer) }
        attemptTimer = nil
        if let token { reactor.unwatch(token) }
        token = nil
    }

    private func cancelTimer() {
        if let timer { reactor.cancel(timer) }
        timer = nil
    }
}
