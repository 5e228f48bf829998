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
        var byteCount = 0
    }

    enum Purpose: Equatable {
        case client
        /// The reply waits until removed rows are gone.
        case physicalCompaction
        /// Answered with the cluster's version.
        case downgrade
        case upkeep
        /// A leader's word about leases: void as soon as it leads no more.
        case duty
        /// A lease's renewal is good once its checkpoint is reset; then this is the answer.
        case renewal([UInt8])
        /// A log-in whose password was right at this auth revision.
        case logIn(revision: UInt64)
    }

    private struct Unsent {
        /// Nil for what came from another member.
        var id: UInt64?
        var proposal: Proposal
        /// When another member's proposal is given up.
        var deadline: Instant?
    }

    private var unsent: [Unsent] = []
    private var dutyCount = 0
    private var waiting: [UInt64: Waiting] = [:]
    /// Request ids in the order of their deadlines, which all lie the same time ahead.
    private var deadlines: [(id: UInt64, at: Instant)] = []
    private var firstDeadline = 0

    /// Bytes of all that waits here for its outcome.
    private(set) var byteCount = 0
    /// Bytes of what other members' proposals hold in `unsent`.
    private var heldBytes = 0

    var count: Int { max(waiting.count, unsent.count) }
    var hasUnsent: Bool { !unsent.isEmpty }

    func contains(_ id: UInt64) -> Bool { waiting[id] != nil }

    mutating func add(_ id: UInt64, _ proposal: Proposal, _ entry: Waiting) {
        invariant(waiting[id] == nil, "request id \(id) is used twice")
        waiting[id] = entry
        waiting[id]?.byteCount = proposal.data.count
        byteCount += proposal.data.count
        if entry.purpose == .duty { dutyCount += 1 }
        deadlines.append((id, entry.deadline))
        unsent.append(Unsent(id: id, proposal: proposal))
    }

    /// Proposals that raft gave back unsent: nobody leads, or leadership is between two members.
    /// They go to the next leader. Another member's are given up at the deadline, and at once when
    /// too much waits.
    mutating func putBack(_ proposals: [Proposal], until deadline: Instant) {
        for proposal in proposals {
            let id = Proposals.requestID(of: proposal)
            if waiting[id] != nil {
                unsent.append(Unsent(id: id, proposal: proposal))
            } else if count < Limits.proposals, heldBytes < Limits.proposalBytes {
                unsent.append(Unsent(id: nil, proposal: proposal, deadline: deadline))
                heldBytes += proposal.data.count
            }
        }
    }

    private static func requestID(of proposal: Proposal) -> UInt64 {
        switch proposal.kind {
        case .normal:
            let request = try? InternalRaftRequest(decoding: proposal.data)
            return request?.header?.id ?? 0
        case .change, .jointChange:
            // A change's first field is the request id.
            var reader = ByteReader(proposal.data)
            guard (try? reader.varint()) == 8 else { return 0 }
            return (try? reader.varint()) ?? 0
        }
    }

    /// Leadership has changed: what only a leader may say is not said by a former one, nor by one
    /// that has led anew since, for a successor may have extended the leases.
    mutating func dropDuties() {
        guard dutyCount > 0, !unsent.isEmpty else { return }
        let before = unsent
        unsent = before.filter { entry in
            guard let id = entry.id, waiting[id]?.purpose == .duty else { return true }
            _ = finish(id)
            return false
        }
    }

    mutating func takeUnsent() -> [Proposal] {
        let taken = unsent.map(\.proposal)
        unsent = []
        heldBytes = 0
        return taken
    }

    mutating func finish(_ id: UInt64) -> Waiting? {
        let entry = waiting.removeValue(forKey: id)
        byteCount -= entry?.byteCount ?? 0
        if entry?.purpose == .duty { dutyCount -= 1 }
        return entry
    }

    /// The client left; the entry may still be applied, its outcome goes nowhere.
    mutating func abandon(_ id: UInt64) {
        waiting[id]?.call = nil
    }

    /// Takes out what has waited too long, oldest first; `wasSent`: raft has had it.
    mutating func expired(at now: Instant) -> [(id: UInt64, Waiting, wasSent: Bool)] {
        giveUpHeld(at: now)
        guard firstDeadline < deadlines.count, deadlines[firstDeadline].at <= now else { return [] }
        let kept = Set(unsent.compactMap(\.id))
        var late: [(id: UInt64, Waiting, wasSent: Bool)] = []
        while firstDeadline < deadlines.count, deadlines[firstDeadline].at <= now {
            let id = deadlines[firstDeadline].id
            firstDeadline += 1
            if let entry = finish(id) { late.append((id, entry, !kept.contains(id))) }
        }
        // Nobody waits for their outcome any more, so they had better have none.
        if !late.isEmpty { forget(Set(late.map(\.id))) }
        if firstDeadline > 4_096, firstDeadline * 2 > deadlines.count {
            deadlines.removeFirst(firstDeadline)
            firstDeadline = 0
        }
        return late
    }

    private mutating func giveUpHeld(at now: Instant) {
        guard heldBytes > 0 else { return }
        unsent.removeAll { entry in
            guard let deadline = entry.deadline, deadline <= now else { return false }
            heldBytes -= entry.proposal.data.count
            return true
        }
    }

    private mutating func forget(_ ids: Set<UInt64>) {
        guard !ids.isEmpty, !unsent.isEmpty else { return }
        unsent.removeAll { entry in entry.id.map(ids.contains) ?? false }
    }
}
