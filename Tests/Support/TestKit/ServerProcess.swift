// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Posix

/// A program under test. Its output goes to a file, whose tail every failure shows. It is killed
/// when this value goes away, and by the kernel when the test process ends in whatever way.
package final class ServerProcess: Sendable {
    /// Shared with the thread that started the child and waits for its end.
    private final class Life: @unchecked Sendable {
        let lock = Lock()
        var child: ChildProcess?
        var failure: PosixError?
        var ending: ChildProcess.Ending?
    }

    package let program: String
    package let outputPath: String
    package let id: Int32
    private let life = Life()

    /// `environment` comes on top of our own. Output of earlier runs in the same file stays.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        directory: String? = nil, output: String
    ) throws {
        self.program = program
        outputPath = output
        var plan = ChildProcess.Plan(program, arguments)
        plan.environment =
            ChildProcess.environment.filter { line in
                !environment.keys.contains { line.hasPrefix("\($0)=") }
            } + environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        plan.directory = directory
        plan.output = .file(output)
        plan.errors = .file(output)
        plan.diesWithThread = true
        id = try ServerProcess.start(plan, life)
    }

    deinit {
        life.lock.withLock { life.child?.sendToGroup(.kill) }
    }

    /// The thread lives as long as the child, whose life is bound to it.
    private static func start(_ plan: ChildProcess.Plan, _ life: Life) throws -> Int32 {
        try Thread.start(name: "child") {
            do throws(PosixError) {
                let child = try ChildProcess(plan)
                life.lock.withLock {
                    life.child = child
                    life.lock.signalAll()
                }
                try ChildProcess.awaitEnd(of: child.id)
                life.lock.withLock {
                    life.ending = try? child.poll()
                    life.lock.signalAll()
                }
            } catch {
                life.lock.withLock {
                    life.failure = error
                    life.lock.signalAll()
                }
            }
        }
        return try life.lock.withLock {
            while true {
                if let child = life.child { return child.id }
                if let failure = life.failure { throw failure }
                life.lock.wait()
            }
        }
    }

    // MARK: What it is told

    package func send(_ signal: Signal) {
        life.lock.withLock { life.child?.send(signal) }
    }

    /// Ends it as a power cut would, and waits until it is gone.
    package func kill() throws {
        send(.continue)
        life.lock.withLock { life.child?.sendToGroup(.kill) }
        _ = try waitForEnd()
    }

    package func pause() {
        send(.stop)
    }

    package func resume() {
        send(.continue)
    }

    /// Asks it to end, and returns how it did.
    @discardableResult
    package func terminate(within limit: Duration = .seconds(20)) throws -> ChildProcess.Ending {
        send(.terminate)
        return try waitForEnd(within: limit)
    }

    // MARK: What it does

    /// Nil while it runs.
    package var ending: ChildProcess.Ending? {
        life.lock.withLock { life.ending }
    }

    package var isRunning: Bool { ending == nil }

    /// Processor time and memory; known once it has ended.
    package var usage: ChildProcess.Usage? {
        life.lock.withLock { life.ending == nil ? nil : life.child?.usage }
    }

    package func waitForEnd(within limit: Duration = .seconds(20)) throws -> ChildProcess.Ending {
        let deadline = MonotonicClock.now + limit
        let ending = life.lock.withLock {
            while life.ending == nil, life.lock.wait(until: deadline) {}
            return life.ending
        }
        guard let ending else { throw failure("still runs after \(limit)") }
        return ending
    }

    /// Waits for the condition, but not longer than the program runs.
    package func wait(
        for what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool
    ) throws {
        let deadline = MonotonicClock.now + limit
        try eventually("\(program): \(what)", within: limit + .seconds(1)) {
            // Asked in this order, so that a program that did it and ended is forgiven.
            let ending = ending
            if try condition() { return true }
            if let ending { throw failure("ended (\(ending)) before \(what)") }
            if MonotonicClock.now >= deadline { throw failure("not within \(limit): \(what)") }
            return false
        }
    }

    package func waitForOutput(
        containing text: String, within limit: Duration = .seconds(20)
    ) throws {
        try wait(for: "output with \"\(text)\"", within: limit) { output.contains(text) }
    }

    /// Until something accepts connections there.
    package func waitForPort(_ port: UInt16, within limit: Duration = .seconds(20)) throws {
        try wait(for: "port \(port)", within: limit) { answers(.loopback(port: port)) }
    }

    private func answers(_ address: SocketAddress) -> Bool {
        guard let (socket, isConnected) = try? Socket.connect(to: address) else { return false }
        if isConnected { return true }
        // On loopback the kernel has decided before the call returns.
        return socket.connectFailure("") == nil && socket.peerAddress != nil
    }

    /// Everything it has printed.
    package var output: String {
        let bytes = try? File(outputPath, .read).readAll()
        return String(decoding: bytes ?? [], as: UTF8.self)
    }

    package func tail(lines: Int = 30) -> String {
        output.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    /// An error that shows the last of what the program said.
    package func failure(_ text: String) -> TestFailure {
        TestFailure("\(program) (\(id)): \(text)\n--- last output:\n\(tail())\n---")
    }
}
