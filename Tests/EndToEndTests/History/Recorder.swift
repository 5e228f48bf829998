// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// What all clients were told, gathered while they work.
final class Recorder: @unchecked Sendable {
    private let lock = Lock()
    private var recorded: [Operation] = []
    private var acknowledged = 0
    private var errors: [String: Int] = [:]

    func add(_ operation: Operation) {
        lock.withLock {
            recorded.append(operation)
            if case .wrote = operation.outcome { acknowledged += 1 }
        }
    }

    func failed(_ error: String) {
        lock.withLock { errors[error, default: 0] += 1 }
    }

    var operations: [Operation] { lock.withLock { recorded } }
    var acknowledgedWrites: Int { lock.withLock { acknowledged } }
    /// Texts and how often, most frequent first.
    var failures: [(text: String, count: Int)] {
        let errors = lock.withLock { self.errors }
        return errors.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { ($0.key, $0.value) }
    }

    var failureCount: Int { lock.withLock { errors.values.reduce(0, +) } }

    /// The moments at which writes were acknowledged, ascending.
    var acknowledgements: [Instant] {
        operations.compactMap { operation in
            if case .wrote = operation.outcome { operation.end } else { nil }
        }.sorted()
    }

    /// The longest time without an acknowledged write between two moments.
    func longestGap(from start: Instant, to end: Instant) -> Duration {
        var last = start
        var longest = Duration.zero
        for moment in acknowledgements where moment > start {
            if last >= end { break }
            longest = max(longest, moment - last)
            last = moment
        }
        return max(longest, end - min(last, end))
    }
}
