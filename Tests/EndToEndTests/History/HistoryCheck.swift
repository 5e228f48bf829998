// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Whether what clients were told could have happened one after the other, in an order that agrees
/// with real time, and with what the members hold. Revisions name that order, so nothing has to be
/// searched for: each answer is checked against its revision.
struct HistoryCheck {
    private static let complaintsMax = 20

    private let operations: [Operation]
    private let truth: Truth
    private(set) var complaints: [String] = []

    /// The complaints, empty if there are none.
    static func complaints(of operations: [Operation], _ truth: Truth) -> [String] {
        var check = HistoryCheck(operations, truth)
        check.checkRevisions()
        check.checkAnswers()
        let unknown = check.checkOrigins()
        check.checkOrder(unknown)
        return check.complaints
    }

    private init(_ operations: [Operation], _ truth: Truth) {
        self.operations = operations
        self.truth = truth
    }

    private mutating func complain(_ text: String) {
        if complaints.count < HistoryCheck.complaintsMax { complaints.append(text) }
    }

    /// Every write here changes one key, so the revisions have no gaps and no doubles.
    private mutating func checkRevisions() {
        var last: Int64 = 1
        for change in truth.changes {
            if change.revision != last + 1 {
                complain("revision \(change.revision) follows \(last)")
            }
            last = change.revision
        }
    }

    // MARK: Each answer

    private mutating func checkAnswers() {
        for operation in operations {
            switch operation.outcome {
            case .unknown: break
            case .wrote(let revision): checkWrite(operation, revision)
            case .read(let revision, let found): checkRead(operation, revision, found)
            }
        }
    }

    private mutating func checkWrite(_ operation: Operation, _ revision: Int64) {
        let held = truth.change(at: revision)
        if held?.key != operation.key || held?.value != operation.value {
            complain("lost: \(operation) is not at \(revision), but \(held?.short ?? "nothing")")
        }
        if case .compareAndPut(let expected) = operation.kind {
            let before = truth.last(operation.key, at: revision - 1)?.revision ?? 0
            if before != expected {
                complain("\(operation) succeeded, but the key was changed at \(before)")
            }
        }
    }

    private mutating func checkRead(
        _ operation: Operation, _ revision: Int64, _ found: Operation.Found?
    ) {
        let held = truth.last(operation.key, at: revision)
        if held?.value != found?.value || (found != nil && held?.revision != found?.modRevision) {
            complain("\(operation) does not see \(held?.short ?? "nothing")")
        }
        if case .compareAndPut(let expected) = operation.kind, found?.modRevision ?? 0 == expected {
            complain("\(operation) should have succeeded")
        }
    }

    // MARK: Where changes come from

    /// Each change is the work of one operation, which has no other. Returns the writes whose
    /// clients never learnt that they were done, with their revisions.
    private mutating func checkOrigins() -> [Int: Int64] {
        var authors: [String: Int] = [:]
        for (number, operation) in operations.enumerated() where operation.kind != .get {
            authors[operation.value] = number
        }
        var unknown: [Int: Int64] = [:]
        var used: Set<Int> = []
        for change in truth.changes where change.key.hasPrefix("key-") {
            guard let value = change.value, let author = authors[value] else {
                complain("nobody wrote \(change.short)")
                continue
            }
            if !used.insert(author).inserted { complain("written twice: \(change.short)") }
            switch operations[author].outcome {
            case .unknown: unknown[author] = change.revision
            case .wrote(let revision):
                if revision != change.revision {
                    complain("\(operations[author]) is at \(change.revision) too")
                }
            case .read: complain("\(operations[author]) did not succeed, but is there")
            }
        }
        return unknown
    }

    // MARK: Real time

    /// What began after an answer had come must come after it, in revisions too.
    private mutating func checkOrder(_ unknown: [Int: Int64]) {
        var moments: [(at: Instant, isEnd: Bool, number: Int)] = []
        for (number, operation) in operations.enumerated() {
            if operation.outcome != .unknown {
                moments.append((operation.start, false, number))
                moments.append((operation.end, true, number))
            } else if unknown[number] != nil {
                moments.append((operation.start, false, number))
            }
        }
        // At the same moment starts come first: the two are concurrent.
        moments.sort { ($0.at, $0.isEnd ? 1 : 0) < ($1.at, $1.isEnd ? 1 : 0) }
        var reached: Int64 = 0
        for moment in moments {
            let operation = operations[moment.number]
            let (revision, isWrite) =
                switch operation.outcome {
                case .unknown: (unknown[moment.number] ?? .max, true)
                case .wrote(let revision): (revision, true)
                case .read(let revision, _): (revision, false)
                }
            if moment.isEnd {
                reached = max(reached, revision)
            } else if isWrite ? revision <= reached : revision < reached {
                complain("\(operation) began after revision \(reached) was known")
            }
        }
    }
}

extension Change {
    fileprivate var short: String { "\(key) = \(value?.prefix(16) ?? "deleted") at \(revision)" }
}

extension Operation: CustomStringConvertible {
    var description: String {
        "\(kind) \(key) \(value.prefix(16)) (\(start.nanoseconds / 1_000) to "
            + "\(end.nanoseconds / 1_000) µs): \(String("\(outcome)".prefix(120)))"
    }
}
