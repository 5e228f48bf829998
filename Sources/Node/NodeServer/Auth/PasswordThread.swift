// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// One thread for bcrypt. A log-in takes it some 50 ms, so there must be one place where they queue,
/// and it must not be the core's. What does not fit in the queue is refused at once.
final class PasswordThread: @unchecked Sendable {
    private let lock = Lock()
    private var queue: [@Sendable () -> Void] = []
    private var isStopping = false
    private let limit: Int

    /// Some three seconds of work at the usual cost.
    static let usualLimit = 64

    init(limit: Int = PasswordThread.usualLimit) {
        self.limit = limit
    }

    /// False when there is no room.
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        lock.withLock {
            guard queue.count < limit, !isStopping else { return false }
            queue.append(work)
            lock.signal()
            return true
        }
    }

    func start() throws(PosixError) {
        _ = try Thread(name: "passwords", stackByteCount: 1 << 18) { self.run() }
    }

    /// What waits is dropped. Does not wait for the check under way: nobody will hear of it.
    func stop() {
        lock.withLock {
            isStopping = true
            queue.removeAll()
            lock.signalAll()
        }
    }

    private func run() {
        while let work = next() { work() }
    }

    private func next() -> (@Sendable () -> Void)? {
        lock.withLock {
            while queue.isEmpty {
                if isStopping { return nil }
                lock.wait()
            }
            return queue.removeFirst()
        }
    }
}
