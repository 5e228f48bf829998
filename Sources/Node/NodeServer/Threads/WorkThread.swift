// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// A thread for work that must not hold up the core, in the order it came. There are two: the
/// keeper, for long work over immutable views and closed files (checkpoints, snapshots for peers and
/// backups, hashes, loading a received store), and one for passwords, where a check takes some 50 ms.
/// Work never waits for the core.
final class WorkThread: @unchecked Sendable {
    private let lock = Lock()
    private var queue: [@Sendable () -> Void] = []
    private var isStopping = false
    private var isStopped = false
    private let limit: Int

    /// What does not fit into the queue is refused at once.
    init(limit: Int = .max) {
        self.limit = limit
    }

    /// False when there is no room, or no time any more.
    @discardableResult
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        lock.withLock {
            guard queue.count < limit, !isStopping else { return false }
            queue.append(work)
            lock.signal()
            return true
        }
    }

    func start(name: String) throws(PosixError) {
        try Thread.start(name: name) { self.run() }
    }

    /// What waits is dropped. Returns when the work under way is finished, unless nobody will hear
    /// of it.
    func stop(waits: Bool = true) {
        lock.withLock {
            isStopping = true
            queue.removeAll()
            lock.signalAll()
            while waits, !isStopped { lock.wait() }
        }
    }

    private func run() {
        while let work = next() { work() }
        lock.withLock {
            isStopped = true
            lock.signalAll()
        }
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
