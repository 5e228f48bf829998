// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// The thread for long work over immutable views and closed files: checkpoints, snapshots for
/// peers and backups, hashes, loading a received store. Work is done in the order it came; it must
/// never wait for the core.
final class KeeperThread: @unchecked Sendable {
    private let lock = Lock()
    private var queue: [@Sendable () -> Void] = []
    private var isStopping = false
    private var isStopped = false

    func submit(_ work: @escaping @Sendable () -> Void) {
        lock.withLock {
            queue.append(work)
            lock.signal()
        }
    }

    func start(name: String) throws(PosixError) {
        _ = try Thread(name: name, stackByteCount: 1 << 20) { self.run() }
    }

    /// Returns when the work under way is finished; what waits is dropped.
    func stop() {
        lock.withLock {
            isStopping = true
            queue.removeAll()
            lock.signalAll()
            while !isStopped { lock.wait() }
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
