// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import TestKit

/// Threads of one kind that work until told to stop, and what they bring back.
final class Crew<Result: Sendable>: Sendable {
    private final class State: @unchecked Sendable {
        let lock = Lock()
        var isStopping = false
        var running = 0
        var results: [Result] = []
        var failures: [String] = []
    }

    private let state = State()

    func start(_ name: String, _ body: @escaping @Sendable (Crew) throws -> Result) throws {
        state.lock.withLock { state.running += 1 }
        try Thread.start(name: name) { [self] in
            var result: Result?
            var failure: String?
            do {
                result = try body(self)
            } catch {
                failure = "\(name): \(error)"
            }
            state.lock.withLock {
                if let result { state.results.append(result) }
                if let failure { state.failures.append(failure) }
                state.running -= 1
                state.lock.signalAll()
            }
        }
    }

    var isStopping: Bool { state.lock.withLock { state.isStopping } }

    /// A breath between two steps; ends at once when told to stop.
    func rest(_ time: Duration) {
        let end = MonotonicClock.now + time
        state.lock.withLock {
            while !state.isStopping, state.lock.wait(until: end) {}
        }
    }

    func stop() {
        state.lock.withLock {
            state.isStopping = true
            state.lock.signalAll()
        }
    }

    /// Tells all to stop and waits until they have.
    @discardableResult
    func finish(within limit: Duration = .seconds(30)) throws -> [Result] {
        stop()
        let deadline = MonotonicClock.now + limit
        return try state.lock.withLock {
            while state.running > 0 {
                guard state.lock.wait(until: deadline) else {
                    throw TestFailure("\(state.running) threads still work after \(limit)")
                }
            }
            if let failure = state.failures.first { throw TestFailure(failure) }
            return state.results
        }
    }
}
