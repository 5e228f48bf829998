// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

/// Linearizable reads (Raft dissertation, section 6.4): a quorum round proves that this leader was
/// the leader after the read came in; the read is then served once everything committed by that
/// time is applied here.
///
/// One round is under way at a time; what comes in meanwhile forms the next. Every round has a
/// context of its own, also when it is asked again, so an answer to an old question is never taken
/// for an answer to a new one.
struct Reads {
    struct Waiting {
        var call: CallNumber
        var identity = Identity.anonymous
        var request: Request
        var deadline: Instant
    }

    /// Not yet asked for.
    private(set) var queued: [Waiting] = []
    /// The round under way.
    private var round: (context: UInt64, askedAt: Instant, reads: [Waiting])?
    /// Given up, and passed over when their turn comes; looked up, never walked.
    private var abandoned: Set<CallNumber> = []
    /// Confirmed at an index that is not applied yet.
    private var confirmed: [(index: LogIndex, reads: [Waiting])] = []

    var count: Int {
        queued.count + (round?.reads.count ?? 0) + confirmed.reduce(0) { $0 + $1.reads.count }
    }

    mutating func add(_ read: Waiting) {
        queued.append(read)
    }

    /// Whether `beginRound` would start one.
    var wantsRound: Bool { round == nil && !queued.isEmpty }

    mutating func beginRound(context: UInt64, at now: Instant) {
        invariant(round == nil, "a read round is under way")
        round = (context, now, queued)
        queued = []
    }

    /// The reads of a round that got no answer go to the front of the next.
    mutating func retry(at now: Instant) {
        guard let stale = round, now - stale.askedAt >= Limits.readRetry else { return }
        queued = stale.reads + queued
        round = nil
    }

    mutating func roundDropped(_ context: UInt64) {
        guard let current = round, current.context == context else { return }
        // The retry timer asks again; asking at once would spin while there is no leader.
        round?.askedAt = current.askedAt
    }

    /// False for an answer to a question that was given up meanwhile.
    mutating func roundConfirmed(_ context: UInt64, index: LogIndex) -> Bool {
        guard let current = round, current.context == context else { return false }
        confirmed.append((index, current.reads))
        round = nil
        return true
    }

    /// What may be served now, in the order it came; what the caller does not get to is put back.
    mutating func ready(applied: LogIndex) -> [Waiting] {
        guard let first = confirmed.first, first.index <= applied else { return [] }
        var ready: [Waiting] = []
        while let batch = confirmed.first, batch.index <= applied {
            ready += batch.reads
            confirmed.removeFirst()
        }
        return ready
    }

    /// Reads that may be served, and were not yet.
    mutating func putBack(_ reads: [Waiting], at index: LogIndex) {
        confirmed.insert((index, reads), at: 0)
    }

    /// All reads that no quorum has confirmed: their leader is gone.
    mutating func takeUnconfirmed() -> [Waiting] {
        let taken = round?.reads ?? []
        round = nil
        return taken
    }

    mutating func expired(at now: Instant) -> [Waiting] {
        var late: [Waiting] = []
        func split(_ reads: inout [Waiting]) {
            guard reads.contains(where: { $0.deadline <= now }) else { return }
            late += reads.filter { $0.deadline <= now }
            reads.removeAll { $0.deadline <= now }
        }
        if var current = round {
            split(&current.reads)
            round = current
        }
        split(&queued)
        for index in confirmed.indices { split(&confirmed[index].reads) }
        return late
    }

    /// Its caller is gone; it will not be served.
    mutating func abandon(_ call: CallNumber) {
        abandoned.insert(call)
        // Other calls than reads end here too; those must not add up.
        guard abandoned.count > 4_096, abandoned.count > 2 * count else { return }
        var present = Set(queued.map(\.call))
        if let round { present.formUnion(round.reads.map(\.call)) }
        for batch in confirmed { present.formUnion(batch.reads.map(\.call)) }
        abandoned.formIntersection(present)
    }

    /// True once for a read whose caller has gone.
    mutating func wasAbandoned(_ call: CallNumber) -> Bool {
        abandoned.isEmpty ? false : abandoned.remove(call) != nil
    }

    /// Nothing is left of those that were given up while they were asked for.
    mutating func forgetAbandoned() {
        if round == nil, confirmed.isEmpty, queued.isEmpty, !abandoned.isEmpty { abandoned = [] }
    }
}
