// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit

/// Clients that put and get without a pause, on new connections every few calls, and remember each
/// failure.
final class SecureLoad: @unchecked Sendable {
    private let lock = Lock()
    private let cluster: SecureCluster
    private var done = 0
    private var failures: [String] = []
    private var running = 0
    private var isStopping = false
    private var isResting = false
    private var restCount = 0

    private static let callsPerConnection = 10

    init(_ cluster: SecureCluster) {
        self.cluster = cluster
    }

    /// Failures of calls that meet what the body does do not count.
    func forgiving(_ body: () throws -> Void) throws {
        lock.withLock { (isResting, restCount) = (true, restCount + 1) }
        defer { lock.withLock { isResting = false } }
        try body()
    }

    func start(threads: Int) throws {
        for number in 0..<threads {
            lock.withLock { running += 1 }
            try Thread.start(name: "load") { [self] in
                work(number)
                lock.withLock {
                    running -= 1
                    lock.signalAll()
                }
            }
        }
    }

    private func work(_ number: Int) {
        while !lock.withLock({ isStopping }) {
            let (wasResting, rests) = lock.withLock { (isResting, restCount) }
            do {
                let first = cluster.members[number % cluster.members.count]
                let client = try cluster.client(of: [first] + cluster.members)
                for _ in 0..<SecureLoad.callsPerConnection {
                    try cluster.put(client, "load\(number)", "x")
                    _ = try cluster.get(client, "load\(number)")
                    lock.withLock { done += 1 }
                }
            } catch {
                lock.withLock {
                    if !wasResting, rests == restCount { failures.append("\(error)") }
                }
            }
        }
    }

    /// Waits until so many more calls were made.
    func wait(forMore count: Int) throws {
        let goal = lock.withLock { done } + count
        try eventually("\(count) more calls", within: .seconds(60)) {
            lock.withLock { done >= goal }
        }
    }

    func stop() -> (done: Int, failures: [String]) {
        lock.withLock {
            isStopping = true
            while running > 0 { lock.wait() }
            return (done, failures)
        }
    }
}
