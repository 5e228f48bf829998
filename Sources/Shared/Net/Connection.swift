// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Posix

/// A stream of bytes to a peer, on a reactor. Open from the start; reads once it has a delegate.
///
///     open ──closeAfterFlush──► flushing ──all sent──► lingering ──peer ended or 1 s──► closed
///       └──────────────── close, error, idle, overflow: at once ───────────────────────►
///
/// While lingering, our side is shut and the delegate has been told; what the peer still sends is
/// thrown away, since closing over unread bytes would reset the connection and take from the peer
/// what it has not read yet.
package final class Connection: ReadinessSink, TurnTaker {
    private enum State {
        case open, flushing, lingering, closed
    }

    private static let lingerTime: Duration = .seconds(1)

    private let reactor: Reactor
    private let socket: Socket
    private let session: (any TransportSession)?
    private var token: WatchToken?
    private var interest: Poller.Interest = []
    private var state = State.open
    private var output = OutputQueue()
    /// The socket took no more; epoll will tell when it does.
    private var isFull = false
    /// The socket was full or much was queued, and the delegate waits to hear that this is over.
    private var owesDrained = false
    private var isFlushDue = false
    private var isInputOver = false
    private var endsOutput = false
    private var isOutputOver = false
    private var lastReceived: Instant
    private var deadline: TimerID?
    private var idleTimer: TimerID?
    private var stallTimer: TimerID?
    private var lastSent: Instant
    private var handshakeTimer: TimerID?

    package let peerAddress: SocketAddress?
    package let localAddress: SocketAddress?

    /// Kept until the connection closes.
    package var delegate: (any ConnectionDelegate)? {
        didSet { updateInterest() }
    }

    /// See `ConnectionDelegate.connectionDrained`.
    package var lowWaterMark = 64 * 1024
    /// Queueing more than this closes the connection: the peer reads too slowly for its wishes.
    package var pendingBytesLimit = 512 * 1024 * 1024

    /// Closes the connection if no byte comes for so long.
    package var idleTimeout: Duration? {
        didSet { watchIdleness() }
    }

    /// Closes the connection (`.flushTimeout`) if the peer takes no byte of what waits for so long.
    package var stallTimeout: Duration?

    /// How much one busy peer is served before the others are. Nil: as much as the buffer takes.
    package var share: ReadShare?
    /// How many requests it should handle in the turn at hand, where it has a share; what is left
    /// it keeps, and says so by `leavesBacklog`.
    package private(set) var requestQuota = Int.max
    /// The delegate keeps requests that were read already. No more is read until they are handled.
    private var hasBacklog = false
    /// It stands in the line of heavy connections.
    private var isInLine = false
    /// What it says in a handshake waits there.
    private var isFlightInLine = false
    /// Its session has bytes that were not delivered yet.
    private var hasMoreInSession = false
    /// It is broken, and waits in line for its end.
    private var dueFailure: PosixError?

    /// For who has just come, while others are there.
    private static let shortQuantum = Duration.microseconds(50)
    /// No other handshake begins behind it in the same turn.
    private static let flightTime = Duration.microseconds(100)

    /// It has had much time of late, and others want some.
    package var mustYield: Bool {
        share?.isHeavy(at: reactor.now) == true && reactor.hasLight
    }

    /// It is heavy. Or it is nearly so, or sends piece after piece of something, in a turn that is
    /// long already: many may come at once with a little each, as new ones do. A handshake takes a
    /// quarter of a millisecond of arithmetic.
    private var mustStandInLine: Bool {
        guard let share else { return false }
        if isHandshaking, reactor.hasLight { return true }
        if share.isHeavy(at: reactor.now) { return true }
        return (share.isFruitless || share.isNearlyHeavy(at: reactor.now)) && reactor.lightIsLong
    }

    /// There are requests that it has not handled; it hears `connectionContinues`.
    package func leavesBacklog() {
        hasBacklog = true
        goOnLater()
    }

    /// A request has come over it.
    package func chargeRequest() {
        share?.chargeRequest(at: reactor.now)
    }

    /// So much was made for it, whether it takes it or not.
    package func charge(byteCount: Int) {
        share?.chargeBytes(byteCount, at: reactor.now)
    }

    /// Closes the connection if its session is not through with the handshake by then.
    package var handshakeTimeout: Duration? {
        didSet { watchHandshake() }
    }

    /// Takes over a connected socket. Only if the kernel is out of memory does it throw.
    package init(
        on reactor: Reactor, socket: Socket, session: (any TransportSession)? = nil,
        delegate: (any ConnectionDelegate)? = nil
    ) throws(NetError) {
        self.reactor = reactor
        self.socket = socket
        self.session = session
        self.delegate = delegate
        peerAddress = socket.peerAddress
        localAddress = socket.localAddress
        lastReceived = reactor.now
        lastSent = reactor.now
        if peerAddress?.isUnix != true {
            // They fail for a peer that has left already, which reading will show.
            try? socket.setNoDelay()
            try? socket.setKeepAlive(idle: .seconds(15), interval: .seconds(15))
        }
        interest = wantedInterest
        token = try reactor.watch(socket.descriptor, interest, self)
        // A client's session has the first word.
        if session?.hasOutput == true { scheduleFlush() }
    }

    /// Takes bytes; see `closeAfterFlush` and `endOutput` for when it no longer does.
    package var isOpen: Bool { state == .open && !endsOutput }
    package var isClosed: Bool { state == .closed || state == .lingering }
    /// Queued here and not yet taken by the kernel.
    package var pendingBytes: Int { output.byteCount + (session?.pendingBytes ?? 0) }
    /// There is a session and it has not agreed with its peer yet.
    package var isHandshaking: Bool { session?.isHandshaking ?? false }
    /// Who the peer is, if TLS has proved it.
    package var peerCertificate: PeerCertificate? { (session as? TLSSession)?.peerCertificate }
    package var isSecure: Bool { session != nil }

    // MARK: Sending

    /// Queues the bytes; they go out at the end of the turn. Ignored once closed.
    package func write(_ bytes: [UInt8]) {
        if state != .open || endsOutput || bytes.isEmpty { return }
        if let session {
            session.write(bytes)
        } else {
            output.append(bytes)
        }
        if pendingBytes > pendingBytesLimit { return end(.overflow, tellLater: true) }
        scheduleFlush()
    }

    /// Tells the peer, after what is queued, that nothing more will come; reading goes on.
    package func endOutput() {
        if state != .open || endsOutput { return }
        session?.endOutput()
        endsOutput = true
        scheduleFlush()
    }

    /// False if the session is broken, and the connection closed with it.
    private func moveSessionOutput() -> Bool {
        guard let session, session.hasOutput else { return true }
        do throws(NetError) {
            for chunk in try session.takeOutput() { output.append(chunk) }
            return true
        } catch {
            fail(error)
            return false
        }
    }

    private func scheduleFlush() {
        if isFlushDue || isFull || state == .closed { return }
        isFlushDue = true
        // Behind the arithmetic of a handshake its answer would make the turn longer still.
        if isHandshaking, share != nil, reactor.hasLight {
            isFlightInLine = true
            return standInLine()
        }
        reactor.flushLater(self)
    }

    /// Called by the reactor at the end of a turn, and when the socket takes bytes again.
    internal func flushNow() {
        isFlushDue = false
        guard state == .open || state == .flushing else { return }
        guard moveSessionOutput() else { return }
        if output.byteCount > lowWaterMark { owesDrained = true }
        let before = output.byteCount
        do throws(PosixError) {
            isFull = try !output.flush(to: socket)
        } catch {
            return end(.failed(.system(error)))
        }
        share?.chargeWrite(before - output.byteCount, at: reactor.now)
        if output.byteCount < before || !isFull { lastSent = reactor.now }
        if isFull {
            owesDrained = true
            watchStall()
        }
        if !isFull, state == .flushing || endsOutput { finishOutput() }
        updateInterest()
        if owesDrained, output.byteCount <= lowWaterMark, state == .open {
            owesDrained = false
            delegate?.connectionDrained(self)
        }
    }

    private func finishOutput() {
        if !isOutputOver {
            isOutputOver = true
            // The peer may have reset it; reading tells.
            try? socket.endOutput()
        }
        if state == .flushing {
            isInputOver ? end(.peerEnded) : linger()
        } else if isInputOver {
            end(.peerEnded)
        }
    }

    // MARK: Receiving

    /// Delivers nothing until `resumeReading`, so that the peer is slowed down.
    package var isReadingPaused = false {
        didSet {
            if isReadingPaused == oldValue || state != .open { return }
            updateInterest()
            if hasBacklog {
                // Afterwards it is looked whether the session holds more.
                hasMoreInSession = session != nil
                return goOnLater()
            }
            if !isReadingPaused, session != nil {
                // The session may hold bytes that epoll knows nothing of.
                reactor.soon { [self] in
                    deliverFromSession()
                    goOnLater()
                }
            }
        }
    }

    package func pauseReading() {
        isReadingPaused = true
    }

    package func resumeReading() {
        isReadingPaused = false
    }

    package func ready(_ readiness: Poller.Readiness) {
        if readiness.isWritable, isFull { flushNow() }
        guard state != .closed else { return }
        if interest.contains(.read) {
            if isInLine || mustStandInLine {
                reactor.noteDeferred()
                return standInLine()
            }
            guard let share else { return receive(quantum: nil) }
            let isNew = share.isNearlyHeavy(at: reactor.now) && reactor.hasLight
            reactor.noteLight(self)
            receive(quantum: isNew ? Connection.shortQuantum : nil, mayWait: true)
            if let after = self.share { reactor.chargeLight(after.cost(since: share.mark)) }
        } else if readiness.isFailed {
            let code = socket.pendingError
            end(.failed(.system(PosixError("read", code: code == 0 ? 104 : code))))
        } else if readiness.isHungUp {
            // Nobody wants to read now, and epoll would report this in every turn.
            setInterest([.onceOnly])
        }
    }

    /// There is more to do than reading the socket.
    private func goOnLater() {
        if hasMoreInSession || hasBacklog, state == .open, !isReadingPaused { standInLine() }
    }

    private func standInLine() {
        if isInLine { return }
        isInLine = true
        reactor.serveLater(self)
    }

    internal func takeTurn(quantum: Duration) -> Duration {
        isInLine = false
        if let dueFailure { end(.failed(.system(dueFailure))) }
        if isFlightInLine {
            isFlightInLine = false
            flushNow()
            return Connection.flightTime
        }
        guard state != .closed, interest.contains(.read) else { return .zero }
        let mark = share?.mark ?? 0
        receive(quantum: quantum)
        return share?.cost(since: mark) ?? .zero
    }

    /// `mayWait`: it has not stood in line in this turn.
    private func receive(quantum: Duration?, mayWait: Bool = false) {
        if hasBacklog {
            hasBacklog = false
            return serve(0, quantum) { [self] in delegate?.connectionContinues(self) }
        }
        if hasMoreInSession { return serve(0, quantum) { [self] in goOnInSession() } }
        let count: Int?
        do throws(PosixError) {
            let room = unsafe min(reactor.readBuffer.count, max(1, share?.byteCount ?? .max))
            count = unsafe try socket.read(
                into: UnsafeMutableRawBufferPointer(rebasing: reactor.readBuffer[..<room]))
        } catch {
            if mustWaitToEnd(mayWait) {
                dueFailure = error
                return standInLine()
            }
            return end(.failed(.system(error)))
        }
        guard let count else { return }
        if count == 0 { return mustWaitToEnd(mayWait) ? standInLine() : noteInputEnd() }
        // What still comes after we have closed is thrown away, and that has its price as well.
        guard state == .open else {
            share?.chargeRead(count, at: reactor.now)
            return
        }
        lastReceived = reactor.now
        serve(count, quantum) { [self] in
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: reactor.readBuffer[..<count])
            if session == nil {
                unsafe delegate?.connection(self, received: bytes)
            } else {
                unsafe receiveThroughSession(bytes)
            }
        }
    }

    /// Many may leave at once, and each has something to let go of.
    private func mustWaitToEnd(_ mayWait: Bool) -> Bool {
        if mayWait, reactor.lightIsLong { return true }
        share?.chargeEnd(at: reactor.now)
        return false
    }

    /// Delivers by `body`, and keeps the account of the time that takes.
    private func serve(_ byteCount: Int, _ quantum: Duration?, _ body: () -> Void) {
        guard let share else { return body() }
        requestQuota = share.requestQuota(quantum)
        defer { requestQuota = .max }
        let began = MonotonicClock.now
        let mark = share.mark
        self.share?.chargeRead(byteCount, at: reactor.now)
        body()
        let cost = max(MonotonicClock.now - began, self.share?.cost(since: mark) ?? .zero)
        self.share?.took(cost, byteCount: byteCount, quantum: quantum)
        goOnLater()
    }

    private func receiveThroughSession(_ bytes: UnsafeRawBufferPointer) {
        advanceSession { session throws(NetError) in
            unsafe try session.receive(bytes)
        }
        deliverFromSession()
    }

    /// Does that with the session; then its answers leave, a failure ends the connection, and the end
    /// of the handshake is told. A handshake that pauses goes on at once where nobody waits.
    private func advanceSession(_ body: (any TransportSession) throws(NetError) -> Void) {
        guard let session else { return }
        let wasHandshaking = session.isHandshaking
        do throws(NetError) {
            try body(session)
            if session.isPaused, share == nil || !reactor.hasLight { try session.goOn() }
        } catch {
            return fail(error)
        }
        if session.hasOutput { scheduleFlush() }
        if wasHandshaking, !session.isHandshaking { noteEstablished() }
    }

    private func noteEstablished() {
        if let handshakeTimer { reactor.cancel(handshakeTimer) }
        handshakeTimer = nil
        delegate?.connectionEstablished(self)
    }

    private func goOnInSession() {
        if session?.isPaused == true {
            advanceSession { session throws(NetError) in try session.goOn() }
        }
        deliverFromSession()
    }

    /// As far as the share goes: a record is opened as a whole, whatever is in it.
    private func deliverFromSession() {
        guard let session else { return }
        if hasBacklog || session.isPaused {
            hasMoreInSession = true
            return
        }
        var left = share?.byteCount ?? .max
        hasMoreInSession = false
        while state == .open, !isReadingPaused {
            if left <= 0 || hasBacklog {
                hasMoreInSession = true
                break
            }
            let room = unsafe min(left, reactor.plainBuffer.count)
            let count: Int
            do throws(NetError) {
                count = unsafe try session.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: reactor.plainBuffer[..<room]))
            } catch {
                return fail(error)
            }
            if count == 0 { break }
            left -= count
            let plain = unsafe UnsafeRawBufferPointer(rebasing: reactor.plainBuffer[..<count])
            unsafe delegate?.connection(self, received: plain)
        }
        if session.hasOutput { scheduleFlush() }
        if hasMoreInSession { return }
        if session.isInputOver, state == .open, !isReadingPaused { noteInputEnd() }
    }

    /// The session gives up: its last words go out if the socket takes them.
    private func fail(_ error: NetError) {
        let last = try? session?.takeOutput()
        for chunk in last ?? [] { output.append(chunk) }
        _ = try? output.flush(to: socket)
        end(.failed(error))
    }

    private func noteInputEnd() {
        if isInputOver { return }
        isInputOver = true
        updateInterest()
        switch state {
        case .open where isOutputOver: end(.peerEnded)
        case .open: delegate?.connectionInputEnded(self)
        case .lingering: end(.closedHere)
        case .flushing, .closed: break
        }
    }

    // MARK: Closing

    /// Closes at once; what is queued is lost. The delegate is told later in this turn.
    package func close() {
        if state == .lingering { return }
        end(.closedHere, tellLater: true)
    }

    /// Takes and delivers no more bytes, sends what is queued, then closes; at the latest after
    /// `limit`.
    package func closeAfterFlush(within limit: Duration = .seconds(10)) {
        guard state == .open else { return }
        if !endsOutput { session?.endOutput() }
        state = .flushing
        deadline = reactor.after(limit) { [weak self] in self?.end(.flushTimeout) }
        updateInterest()
        scheduleFlush()
    }

    private func linger() {
        state = .lingering
        cancelTimers()
        deadline = reactor.after(Connection.lingerTime) { [weak self] in self?.end(.closedHere) }
        tell(.closedHere)
    }

    package func reactorEnded() {
        token = nil
        end(.reactorEnded)
    }

    private func end(_ reason: CloseReason, tellLater: Bool = false) {
        if state == .closed { return }
        state = .closed
        cancelTimers()
        if let token { reactor.unwatch(token) }
        token = nil
        socket.close()
        output.removeAll()
        if tellLater {
            reactor.soon { [self] in tell(reason) }
        } else {
            tell(reason)
        }
    }

    private func tell(_ reason: CloseReason) {
        let told = delegate
        delegate = nil
        told?.connectionClosed(self, reason)
    }

    private func cancelTimers() {
        if let deadline { reactor.cancel(deadline) }
        if let idleTimer { reactor.cancel(idleTimer) }
        if let stallTimer { reactor.cancel(stallTimer) }
        if let handshakeTimer { reactor.cancel(handshakeTimer) }
        deadline = nil
        idleTimer = nil
        stallTimer = nil
        handshakeTimer = nil
    }

    // MARK: What to wait for

    private var wantedInterest: Poller.Interest {
        var wanted: Poller.Interest = []
        switch state {
        case .open where !isInputOver && !isReadingPaused && delegate != nil:
            wanted.insert(.read)
        case .flushing where !isInputOver, .lingering where !isInputOver:
            wanted.insert(.read)
        case .open, .flushing, .lingering, .closed:
            break
        }
        if isFull { wanted.insert(.write) }
        return wanted
    }

    private func updateInterest() {
        let wanted = wantedInterest
        if state != .closed { setInterest(wanted) }
    }

    private func setInterest(_ wanted: Poller.Interest) {
        guard let token, wanted != interest else { return }
        interest = wanted
        reactor.change(token, wanted)
    }

    private func watchStall() {
        guard stallTimer == nil, let stallTimeout else { return }
        let left = lastSent + stallTimeout - reactor.now
        stallTimer = reactor.after(left) { [weak self] in
            guard let self else { return }
            self.stallTimer = nil
            guard self.isFull, self.state == .open || self.state == .flushing else { return }
            if self.reactor.now - self.lastSent >= stallTimeout { return self.end(.flushTimeout) }
            self.watchStall()
        }
    }

    private func watchHandshake() {
        if let handshakeTimer { reactor.cancel(handshakeTimer) }
        handshakeTimer = nil
        guard let handshakeTimeout, isHandshaking, state == .open else { return }
        handshakeTimer = reactor.after(handshakeTimeout) { [weak self] in
            self?.end(.failed(.session("tls: handshake timed out")))
        }
    }

    private func watchIdleness() {
        if let idleTimer { reactor.cancel(idleTimer) }
        idleTimer = nil
        guard let idleTimeout, state == .open else { return }
        let left = lastReceived + idleTimeout - MonotonicClock.now
        idleTimer = reactor.after(left) { [weak self] in
            self?.checkIdleness(idleTimeout)
        }
    }

    private func checkIdleness(_ limit: Duration) {
        idleTimer = nil
        if reactor.now - lastReceived >= limit { return end(.idle) }
        watchIdleness()
    }
}
