// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Posix

/// Something with a descriptor that a reactor watches.
package protocol ReadinessSink: AnyObject {
    func ready(_ readiness: Poller.Readiness)
    /// The reactor ends, and has forgotten this sink already.
    func reactorEnded()
}

/// The loop of one thread: see the map of the room. Made on the thread that runs it.
@safe
package final class Reactor {
    /// One registration; `token` in the poller is generation and slot.
    private struct Slot {
        var generation: UInt32 = 1
        var descriptor: Int32 = -1
        var sink: (any ReadinessSink)?
    }

    private struct Timer {
        var interval: Duration?
        var body: () -> Void
    }

    /// Rounds of hooks and flushes in one turn; what then is left waits for the next turn.
    private static let roundsPerTurn = 16
    private static let readByteCount = 256 * 1024

    private let poller: Poller
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var timers = TimerHeap<Timer>()
    private var soonBodies: [() -> Void] = []
    private var turnEndBodies: [() -> Void] = []
    private var unflushed: [Connection] = []
    private var heavy = HeavyTurns()
    /// Of this turn's events, those that only said that a heavy connection has something to read.
    private var deferredCount = 0
    private var lingering = Lingering()
    private var isNextTurnDue = false
    private var isRoundDue = false
    private var isStopping = false
    private var hasShutDown = false

    /// Where all connections read: its content is good for one callback.
    internal let readBuffer: UnsafeMutableRawBufferPointer
    /// The same for bytes out of a transport session.
    internal let plainBuffer: UnsafeMutableRawBufferPointer

    /// The time when this turn's events came.
    package private(set) var now: Instant
    /// Of turns, from 1 on.
    package private(set) var turnNumber: UInt64 = 0
    /// For other threads.
    package let handle: ReactorHandle

    package init() throws(NetError) {
        poller = try posix { () throws(PosixError) in try Poller() }
        handle = try ReactorHandle()
        unsafe readBuffer = .allocate(byteCount: Reactor.readByteCount, alignment: 16)
        unsafe plainBuffer = .allocate(byteCount: 1 << 16, alignment: 16)
        now = MonotonicClock.now
        try attach(handle.commands) { [unowned self] commands in
            for command in commands {
                switch command {
                case .stop: stop()
                case .run(let body): body()
                }
            }
        }
    }

    deinit {
        unsafe readBuffer.deallocate()
        unsafe plainBuffer.deallocate()
    }

    // MARK: The loop

    /// Turns until `stop`, then shuts down. Ends early only if the poller itself fails.
    package func run() throws(NetError) {
        while !isStopping {
            try runTurn(timeout: nil)
        }
        shutDown()
    }

    /// Ends `run` after this turn.
    package func stop() {
        isStopping = true
    }

    /// Waits for events at most that long (nil: for ever), then handles them and all they cause.
    package func runTurn(timeout: Duration?) throws(NetError) {
        let wait = patience(timeout)
        let count = try posix { () throws(PosixError) in try waitForEvents(wait) }
        now = MonotonicClock.now
        turnNumber &+= 1
        deferredCount = 0
        heavy.beginLight(at: now)
        let wasDue = isNextTurnDue
        isNextTurnDue = false
        for index in 0..<count {
            let event = poller.event(index)
            sink(of: event.token)?.ready(event.readiness)
        }
        let hasRun = runTimers()
        let isNews = hasRun || wasDue || !soonBodies.isEmpty || count > deferredCount
        runSoon()
        // Hooks that have nothing to do would be run twice otherwise.
        if isNews || heavy.isEmpty || !unflushed.isEmpty { endTurn() }
        serveHeavy()
    }

    /// As `Poller.wait`; looks for a moment first if `linger` was called and that has paid lately.
    private func waitForEvents(_ wait: Duration?) throws(PosixError) -> Int {
        if givesWay { Thread.giveWay() }
        guard lingering.begins(wait) else { return try poller.wait(wait) }
        let end = MonotonicClock.now + Lingering.limit
        var count = 0
        repeat { count = try poller.wait(.zero) } while count == 0 && MonotonicClock.now < end
        lingering.ended(hit: count > 0)
        return count > 0 ? count : try poller.wait(patience(wait))
    }

    private func patience(_ timeout: Duration?) -> Duration? {
        if !soonBodies.isEmpty || !unflushed.isEmpty || isStopping { return .zero }
        if isNextTurnDue || !heavy.isEmpty { return .zero }
        guard let deadline = timers.nextDeadline else { return timeout }
        let untilTimer = max(.zero, deadline - MonotonicClock.now)
        guard let timeout else { return untilTimer }
        return min(timeout, untilTimer)
    }

    private func runTimers() -> Bool {
        // A timer set by a timer waits for the next turn, however short it is.
        let mark = timers.orderMark
        var hasRun = false
        while let (id, timer) = timers.popDue(
            at: now, before: mark, keeping: { $0.interval != nil })
        {
            hasRun = true
            timer.body()
            if let interval = timer.interval { _ = timers.restart(id, at: now + interval) }
        }
        return hasRun
    }

    private func runSoon() {
        if soonBodies.isEmpty { return }
        let bodies = soonBodies
        soonBodies = []
        for body in bodies { body() }
    }

    private func endTurn() {
        for _ in 0..<Reactor.roundsPerTurn {
            isRoundDue = false
            for index in turnEndBodies.indices { turnEndBodies[index]() }
            flush()
            if soonBodies.isEmpty && unflushed.isEmpty && !isRoundDue { return }
            runSoon()
        }
        isNextTurnDue = isNextTurnDue || isRoundDue
    }

    private func flush() {
        if unflushed.isEmpty { return }
        let connections = unflushed
        unflushed.removeAll(keepingCapacity: true)
        for connection in connections { connection.flushNow() }
    }

    internal func flushLater(_ connection: Connection) {
        unflushed.append(connection)
    }

    // MARK: Heavy connections

    /// It has something to read and waits for its turn.
    internal func serveLater(_ taker: any TurnTaker) {
        heavy.append(taker)
    }

    /// An event was about somebody who waits for a turn.
    internal func noteDeferred() {
        deferredCount += 1
    }

    /// A connection that is not heavy was served lately.
    package var hasLight: Bool { heavy.hasLight(at: now) }

    /// More than one of them was served in the last tenth of a second.
    package var hasLightCrowd: Bool { heavy.hasLightCrowd(at: now) }

    /// A connection is served that is not heavy.
    internal func noteLight(_ connection: Connection) {
        heavy.noteLight(ObjectIdentifier(connection), at: now)
    }

    /// What it has cost.
    internal func chargeLight(_ cost: Duration) {
        heavy.chargeLight(cost)
    }

    /// Those that are not heavy have taken this turn's time.
    internal var lightIsLong: Bool { heavy.lightIsLong(at: MonotonicClock.now) }

    private func serveHeavy() {
        if heavy.isEmpty { return }
        let began = MonotonicClock.now
        let (all, each) = heavy.beginTurn(at: began)
        // Those that come back to the line meanwhile wait for the next turn.
        var left = heavy.count
        var cost = Duration.zero
        while left > 0, cost < all, MonotonicClock.now - began < all,
            let taker = heavy.popFirst()
        {
            left -= 1
            cost += taker.takeTurn(quantum: each)
        }
        endTurn()
        heavy.endTurn(MonotonicClock.now - began)
    }

    // MARK: Work for later

    /// Runs it once, not before `delay` has passed. Those due together run in the order of setting.
    @discardableResult
    package func after(_ delay: Duration, _ body: @escaping () -> Void) -> TimerID {
        timers.add(Timer(interval: nil, body: body), at: MonotonicClock.now + max(.zero, delay))
    }

    /// Runs it each `interval`, the first time after one. What was missed is not made up for.
    @discardableResult
    package func every(_ interval: Duration, _ body: @escaping () -> Void) -> TimerID {
        invariant(interval > .zero, "a timer every \(interval)")
        return timers.add(
            Timer(interval: interval, body: body), at: MonotonicClock.now + interval)
    }

    /// Harmless for one that has run or was cancelled.
    package func cancel(_ timer: TimerID) {
        timers.remove(timer)
    }

    /// Runs it in this turn, after the event at hand (in the next one if called from outside).
    package func soon(_ body: @escaping () -> Void) {
        soonBodies.append(body)
    }

    /// Who was answered just now is likely to ask again at once: the next wait begins with looking,
    /// without sleep, for a tenth of a millisecond. Falling asleep and waking up takes about as long.
    package func linger() {
        lingering.ask()
    }

    internal var isAboutToLinger: Bool { lingering.isAsked }

    /// Another thread is at work for this one and has no other processor: it runs first, as soon as
    /// a turn is over. The kernel may let it wait for milliseconds while turn follows turn.
    package var givesWay = false

    /// The next turn comes at once, after a look at what has happened meanwhile: for work that goes
    /// on and must not keep others waiting.
    package func turnAgain() {
        isNextTurnDue = true
    }

    /// What hooks are to know of has happened, maybe after they were run: they are run in this turn,
    /// again if they were.
    package func roundAgain() {
        isRoundDue = true
    }

    /// Runs it at the end of every turn, before connections are flushed; again if that caused more,
    /// or after `roundAgain`.
    package func atTurnEnd(_ body: @escaping () -> Void) {
        turnEndBodies.append(body)
    }

    // MARK: Descriptors

    /// Keeps the sink until `unwatch`, which must come before the descriptor is closed.
    package func watch(
        _ descriptor: Int32, _ interest: Poller.Interest, _ sink: any ReadinessSink
    ) throws(NetError) -> WatchToken {
        let slot = freeSlots.popLast() ?? UInt32(slots.count)
        if slot == slots.count { slots.append(Slot()) }
        let token = WatchToken(slot: slot, generation: slots[Int(slot)].generation)
        do throws(PosixError) {
            try poller.add(descriptor, interest, token: token.number)
        } catch {
            freeSlots.append(slot)
            throw .system(error)
        }
        slots[Int(slot)].descriptor = descriptor
        slots[Int(slot)].sink = sink
        return token
    }

    package func change(_ token: WatchToken, _ interest: Poller.Interest) {
        guard isKnown(token) else { return }
        do throws(PosixError) {
            try poller.change(
                slots[Int(token.slot)].descriptor, interest, token: token.number)
        } catch {
            invariantBroken("a watched descriptor is gone: \(error)", file: #fileID, line: #line)
        }
    }

    /// Harmless when repeated.
    package func unwatch(_ token: WatchToken) {
        guard isKnown(token) else { return }
        try? poller.remove(slots[Int(token.slot)].descriptor)
        slots[Int(token.slot)].sink = nil
        slots[Int(token.slot)].descriptor = -1
        slots[Int(token.slot)].generation &+= 1
        freeSlots.append(token.slot)
    }

    private func isKnown(_ token: WatchToken) -> Bool {
        let slot = Int(token.slot)
        return slot < slots.count && slots[slot].generation == token.generation
            && slots[slot].sink != nil
    }

    private func sink(of number: UInt64) -> (any ReadinessSink)? {
        let token = WatchToken(number: number)
        return isKnown(token) ? slots[Int(token.slot)].sink : nil
    }

    /// Hands each batch of letters to the handler, on this thread. Keeps both until `shutDown`.
    package func attach<Letter: Sendable>(
        _ mailbox: Mailbox<Letter>, _ handler: @escaping ([Letter]) -> Void
    ) throws(NetError) {
        _ = try watch(mailbox.descriptor, .read, MailboxSink(mailbox, handler))
    }

    /// Hands each signal to the handler, on this thread.
    package func attach(
        _ signals: Signals, _ handler: @escaping (Signal) -> Void
    ) throws(NetError) {
        _ = try watch(signals.descriptor, .read, SignalSink(signals, handler))
    }

    /// Closes everything that is registered (connections report `.reactorEnded`) and forgets
    /// timers, hooks and handlers. Nothing may be registered afterwards.
    package func shutDown() {
        if hasShutDown { return }
        hasShutDown = true
        var index = 0
        while index < slots.count {
            if let sink = slots[index].sink {
                let token = WatchToken(
                    slot: UInt32(index), generation: slots[index].generation)
                unwatch(token)
                sink.reactorEnded()
            }
            index += 1
        }
        // Closings that were still to be told.
        runSoon()
        timers.removeAll()
        soonBodies = []
        turnEndBodies = []
        unflushed = []
        heavy.removeAll()
    }
}

/// Names one registration with a reactor.
package struct WatchToken: Equatable, Sendable {
    fileprivate var slot: UInt32
    fileprivate var generation: UInt32

    fileprivate init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    fileprivate init(number: UInt64) {
        slot = UInt32(truncatingIfNeeded: number)
        generation = UInt32(truncatingIfNeeded: number >> 32)
    }

    fileprivate var number: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// What other threads may do with a reactor.
package final class ReactorHandle: Sendable {
    internal enum Command: Sendable {
        case stop
        case run(@Sendable () -> Void)
    }

    internal let commands: Mailbox<Command>

    internal init() throws(NetError) {
        commands = try Mailbox()
    }

    package func stop() {
        commands.post(.stop)
    }

    /// Runs the body on the reactor's thread; never if the reactor ends before.
    package func submit(_ body: @escaping @Sendable () -> Void) {
        commands.post(.run(body))
    }
}

private final class MailboxSink<Letter: Sendable>: ReadinessSink {
    private let mailbox: Mailbox<Letter>
    private let handler: ([Letter]) -> Void
    private var spare: [Letter] = []

    init(_ mailbox: Mailbox<Letter>, _ handler: @escaping ([Letter]) -> Void) {
        self.mailbox = mailbox
        self.handler = handler
    }

    func ready(_ readiness: Poller.Readiness) {
        var letters: [Letter] = []
        swap(&letters, &spare)
        mailbox.takeAll(into: &letters)
        if !letters.isEmpty { handler(letters) }
        letters.removeAll(keepingCapacity: letters.capacity <= 4096)
        spare = letters
    }

    func reactorEnded() {
        mailbox.close()
    }
}

private final class SignalSink: ReadinessSink {
    private let signals: Signals
    private let handler: (Signal) -> Void

    init(_ signals: Signals, _ handler: @escaping (Signal) -> Void) {
        self.signals = signals
        self.handler = handler
    }

    func ready(_ readiness: Poller.Readiness) {
        while let signal = try? signals.next() { handler(signal) }
    }

    func reactorEnded() {}
}
