// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Raft

/// What was proposed here and has not come back as an applied entry.
///
/// A proposal is known by its request id, which travels inside the entry. It leaves this list when
/// that entry is applied, when its time is up, or never leaves raft's hands at all: while there is
/// no leader it waits in `unsent`, and goes out as soon as one is known.
struct Proposals {
    struct Waiting {
        var call: CallNumber?
        var deadline: Instant
        var begun: Instant
        var purpose: Purpose
    }

    enum Purpose: Equatable {
        case client
        /// The reply waits until removed rows are gone.
        case physicalCompaction
        case upkeep
        /// A lease's renewal is good once its checkpoint is reset; then this is the answer.
        case renewal([UInt8])
    }

    private(set) var unsent: [Proposal] = []
    private var waiting: [UInt64: Waiting] = [:]
    /// Request ids in the order of their deadlines, which all lie the same time ahead.
    private var deadlines: [(id: UInt64, at: Instant)] = []
    private var firstDeadline = 0

    var count: Int { waiting.count }

    func contains(_ id: UInt64) -> Bool { waiting[id] != nil }

    mutating func add(_ id: UInt64, _ proposal: Proposal, _ entry: Waiting) {
        invariant(waiting[id] == nil, "request id \(id) is used twice")
        waiting[id] = entry
        deadlines.append((id, entry.deadline))
        unsent.append(proposal)
    }

    /// Proposals that raft gave back unsent (no leader, or one that is being replaced).
    mutating func putBack(_ proposals: [Proposal]) {
        unsent.insert(contentsOf: proposals, at: 0)
    }

    mutating func takeUnsent() -> [Proposal] {
        let taken = unsent
        unsent = []
        return taken
    }

    mutating func finish(_ id: UInt64) -> Waiting? {
        waiting.removeValue(forKey: id)
    }

    /// The client left; the entry may still be applied, its outcome goes nowhere.
    mutating func abandon(_ id: UInt64) {
        waiting[id]?.call = nil
    }

    /// Takes out what has waited too long, oldest first.
    mutating func expired(at now: Instant) -> [(id: UInt64, Waiting)] {
        var late: [(id: UInt64, Waiting)] = []
        while firstDeadline < deadlines.count, deadlines[firstDeadline].at <= now {
            let id = deadlines[firstDeadline].id
            firstDeadline += 1
            if let entry = waiting.removeValue(forKey: id) { late.append((id, entry)) }
        }
        if firstDeadline > 4_096, firstDeadline * 2 > deadlines.count {
            deadlines.removeFirst(firstDeadline)
            firstDeadline = 0
        }
        return late
    }
}
