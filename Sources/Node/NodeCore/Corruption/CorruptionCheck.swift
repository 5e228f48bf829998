// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import MVCC

// Members that applied the same entries hold the same rows. Here that is checked, as etcd does it:
//
//   a compaction is applied ──► each member hashes its rows up to there, on another thread
//   every minute            ──► the leader asks the others for that hash  ──► verdict ──► alarms
//   every --corrupt-check-time, if told ──► the same with the hash of all rows as they are now
//
// A hash is CRC-32C over the rows up to a revision, without those that an earlier compaction has
// removed; so two of them can be compared if revision and earlier compaction are the same.

/// Which rows are hashed, and for what.
package enum HashPurpose: Equatable, Sendable {
    /// A compaction was applied; the hash is kept until the leader asks.
    case compaction
    /// This member leads and will compare it with the others' at once.
    case comparison
}

/// Work for another thread than the core's; answered by `Input.hashed`.
package struct HashOrder: Sendable {
    package let purpose: HashPurpose
    package let revision: Int64
    private let view: KeyspaceView

    init(_ purpose: HashPurpose, _ view: KeyspaceView, revision: Int64) {
        self.purpose = purpose
        self.view = view
        self.revision = revision
    }

    /// Nil if the view knows no such revision.
    package func run() -> KeyspaceHash? {
        try? view.hashKV(at: revision)
    }
}

/// What the leader knows of the hashes of its own store, and the comparison under way.
struct CorruptionCheck {
    struct Round {
        var number: UInt64
        var hash: KeyspaceHash
        /// Hashes of earlier compactions, to be asked for if not everybody has this one.
        var older: [KeyspaceHash]
        var purpose: HashPurpose
    }

    /// Hashes of compactions that are kept, as many as etcd keeps.
    static let keptHashes = 10
    /// A hash that took so long is followed by a rest 99 times as long.
    static let restFactor = 99

    private let compactionInterval: Duration?
    private let storeInterval: Duration?
    /// By revision.
    private(set) var compactions: [KeyspaceHash] = []
    private(set) var round: Round?
    private var isHashing = false
    private var restUntil: Instant?
    private var lastNumber: UInt64 = 0
    private var comparedThrough: Int64 = 0
    private var compactionsDue: Instant?
    private var storeDue: Instant?

    init(compactions: Duration?, store: Duration?) {
        compactionInterval = compactions
        storeInterval = store
    }

    var watchesCompactions: Bool { compactionInterval != nil }

    // MARK: Hashes

    /// False while another hash is made, or would take more than its share of the processor.
    mutating func beginHashing(now: Instant) -> Bool {
        guard !isHashing, now >= restUntil ?? now else { return false }
        isHashing = true
        return true
    }

    mutating func hashed(
        _ hash: KeyspaceHash?, _ purpose: HashPurpose, took: Duration, now: Instant
    ) {
        isHashing = false
        restUntil = now + min(took, .seconds(600)) * Self.restFactor
        guard purpose == .compaction, let hash else { return }
        if let last = compactions.last, last.revision >= hash.revision { return }
        compactions.append(hash)
        if compactions.count > Self.keptHashes { compactions.removeFirst() }
    }

    func hash(ofCompaction revision: Int64) -> KeyspaceHash? {
        compactions.first { $0.revision == revision }
    }

    /// Newest first.
    var uncompared: [KeyspaceHash] {
        compactions.reversed().filter { $0.revision > comparedThrough }
    }

    /// The store is another one now.
    mutating func reset() {
        compactions = []
        round = nil
        comparedThrough = 0
    }

    // MARK: When

    mutating func compactionsAreDue(now: Instant) -> Bool {
        Self.isDue(&compactionsDue, every: compactionInterval, now)
    }

    mutating func storeIsDue(now: Instant) -> Bool {
        Self.isDue(&storeDue, every: storeInterval, now)
    }

    private static func isDue(
        _ next: inout Instant?, every interval: Duration?, _ now: Instant
    ) -> Bool {
        guard let interval else { return false }
        guard let due = next else {
            next = now + interval
            return false
        }
        guard now >= due else { return false }
        next = now + interval
        return true
    }

    /// The store's hash could not be made now.
    mutating func postponeStore(now: Instant) {
        storeDue = now
    }

    // MARK: Rounds

    mutating func begin(
        _ hash: KeyspaceHash, older: [KeyspaceHash], _ purpose: HashPurpose
    ) -> Round {
        lastNumber += 1
        let begun = Round(number: lastNumber, hash: hash, older: older, purpose: purpose)
        round = begun
        return begun
    }

    /// Nil for a round that is not the one under way.
    mutating func finish(_ number: UInt64) -> Round? {
        guard let ended = round, ended.number == number else { return nil }
        round = nil
        return ended
    }

    /// All members agree up to there.
    mutating func compared(through revision: Int64) {
        comparedThrough = max(comparedThrough, revision)
    }
}

/// Who is wrong, by the hashes of one revision.
package struct HashVerdict: Equatable, Sendable {
    /// Members whose hash could be compared, this one among them.
    package private(set) var compared: [MemberID] = []
    /// Those outside the majority; where there is none, those that differ from this member.
    package private(set) var wrong: [MemberID] = []
    package private(set) var hasMajority = false

    /// `others` in any order; `memberCount` counts all members of the cluster, asked or not.
    package init(
        own: MemberID, _ hash: KeyspaceHash, others: [MemberID: KeyspaceHash], memberCount: Int
    ) {
        var votes = SortedMap<UInt32, [MemberID]>()
        votes[hash.hash] = [own]
        for id in others.keys.sorted() {
            guard let other = others[id], other.revision == hash.revision,
                other.compactRevision == hash.compactRevision
            else { continue }
            votes[other.hash] = (votes[other.hash] ?? []) + [id]
        }
        compared = votes.values.flatMap { $0 }.sorted()
        let majority = votes.keys.first { (votes[$0]?.count ?? 0) > memberCount / 2 }
        hasMajority = majority != nil
        let right = majority ?? hash.hash
        wrong = votes.keys.filter { $0 != right }.flatMap { votes[$0] ?? [] }.sorted()
    }
}
