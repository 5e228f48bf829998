// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import EtcdAPI
internal import MVCC
package import Raft
package import Replicated

// One member of the cluster, without its threads, files, sockets and clock.
//
//                       ┌──────────────── Node ────────────────┐
//   Input ─► receive ─► │ Proposals  Reads  Watches  Keepers   │ ─► [Output] ─► shell ─► Input
//                       │        │              ▲              │
//                       │      Raft.Core ─► Replicated.Ledger  │
//                       └──────────────────────────────────────┘
//
// A put: `.called` makes an entry and lists it in Proposals; at the end of the turn all entries of
// the turn go to raft at once; raft asks for `.append` and `.send`; when a quorum has it on disk the
// entry is applied to the ledger, the reply is found by the request id inside the entry, and the
// watchers by key. A linearizable read waits for a quorum round and for the ledger to reach it.
//
// The shell calls `receive` for each thing that happened and `endTurn` when nothing more has; a
// turn's proposals, reads and events travel together. `endTurn` says whether it left work behind.
//
// Invariants
// - Nothing is acknowledged before raft reports it committed, which counts synced copies only.
// - Entries are applied once each, in order, and never while an accepted snapshot is being loaded.
// - The same inputs give the same outputs: time comes in, ids and seeds are given at start.
package final class Node {
    package let settings: NodeSettings
    package internal(set) var ledger: Ledger
    package internal(set) var raft: Core
    package internal(set) var applies = AppliedCounts()

    var proposals = Proposals()
    var reads = Reads()
    var watches: Watches
    var allowance: WatchAllowance
    var numbers: RequestNumbers
    var autoCompaction: AutoCompaction
    var checkpoints: CheckpointPolicy
    var corruption: CorruptionCheck
    var members = MemberFlow()
    var leases = LeaseKeeper()
    var lifecycle = Lifecycle()
    var tokens: Tokens
    var early: [EarlyToken] = []

    var now: Instant
    var effects: [Effect] = []
    /// Batches of committed entries; the first is being applied.
    var committed: [[Entry]] = []
    /// Committed entries that wait for a snapshot's store.
    var heldEntries: [Entry] = []
    var loading: SnapshotMetadata?
    /// Physical compactions whose callers wait until the rows are gone.
    var compactionCallers: [(revision: Int64, call: CallNumber)] = []
    /// Members whose NOSPACE alarm this member has asked for already.
    var raisedNoSpace = false
    var diskIsFull = false
    var unreachable: Set<MemberID> = []

    /// `ledger` is the state up to its applied index; `restored` is what the log holds beyond it.
    package init(settings: NodeSettings, ledger: Ledger, restored: Restored, now: Instant) {
        invariant(
            restored.applied == ledger.appliedIndex,
            "raft starts at \(restored.applied), the ledger at \(ledger.appliedIndex)")
        self.settings = settings
        self.ledger = ledger
        self.now = now
        var raftSettings = Settings()
        raftSettings.electionTicks = settings.electionTicks
        raftSettings.preVote = settings.preVote
        raft = Core(
            id: settings.memberID, settings: raftSettings, restored: restored, seed: settings.seed)
        allowance = WatchAllowance(settings.watchPace, at: now)
        watches = Watches(
            fragmentLimit: settings.watchFragmentBytes ?? settings.maxRequestBytes + 512 * 1_024)
        numbers = RequestNumbers(memberID: settings.memberID, startedAt: settings.startedAt)
        autoCompaction = AutoCompaction(rule: settings.autoCompaction)
        tokens = Tokens(life: settings.tokenLife)
        checkpoints = CheckpointPolicy(settings: settings, last: ledger.appliedIndex)
        corruption = CorruptionCheck(
            compactions: settings.compactHashCheckInterval, store: settings.corruptCheckInterval)
    }

    package func receive(_ input: Input, now: Instant, outputs: inout [Output]) {
        self.now = max(self.now, now)
        switch input {
        case .ticked: tick(&outputs)
        case .received(let message): step(.received(message), &outputs)
        case .called(let call, let request):
            // Logging in asks for no token, whatever comes along with it.
            if request.rpc == .authenticate || !holdsBack(call.identity, input) {
                accept(call, request, &outputs)
            }
        case .abandoned(let call):
            reads.abandon(call)
            forgetEarly(call)
        case .appended(let number): step(.appended(through: number), &outputs)
        case .diskFilled(let isFull): diskIsFull = isFull
        case .snapshotLoaded(let snapshot, let ledger): replaceStore(snapshot, ledger, &outputs)
        case .checkpointWritten(let index): checkpoints.written(index)
        case .checkpointFailed: checkpoints.failed()
        case .snapshotSent(let peer, let succeeded):
            step(.snapshotReported(peer, succeeded: succeeded), &outputs)
        case .peerUnreachable(let peer): step(.unreachable(peer), &outputs)
        case .peerConnected(let peer, let isConnected):
            members.setConnected(peer, isConnected, now: self.now)
        case .versionsSeen(let versions): decideClusterVersion(versions, &outputs)
        case .watchOpened, .watchRequested, .watchBlocked, .watchDrained, .watchClosed:
            receiveWatch(input, &outputs)
        case .hashed(let purpose, let hash, let took):
            takeHash(hash, purpose, took: took, &outputs)
        case .hashesSeen(let round, let answers): compareHashes(round, answers, &outputs)
        case .stopping: beginStopping(&outputs)
        }
    }

    /// The shell has no more input for now. Proposals, reads and events of the turn go out here.
    /// True when there is more to do at once (a compaction's rows, watchers that catch up).
    /// `again`: others have not had their turn since the last call, so watchers are told no more
    /// than that one has left. `isShared`: others may wait for theirs, so a turn should be short.
    package func endTurn(
        now: Instant, outputs: inout [Output], again: Bool = false, isShared: Bool = true
    ) -> Bool {
        self.now = max(self.now, now)
        admitEarly(&outputs)
        sendProposals(&outputs)
        beginReads(&outputs)
        let isWaiting = proposals.hasUnsent
        let isReading = serveReads(&outputs)
        // What a read has led to need not wait for the next turn.
        if !isWaiting, proposals.hasUnsent { sendProposals(&outputs) }
        deliverEvents(&outputs)
        if !again { allowance.beginTurn(at: self.now, isShared: isShared) }
        let isCatchingUp = catchUp(&outputs)
        let isCompacting = removeCompacted(&outputs)
        considerCheckpoint(&outputs)
        return isReading || isCatchingUp || isCompacting
    }

    // MARK: What the shell may ask at any time

    package var leader: MemberID? { raft.leader }
    package var isLeader: Bool { raft.leader == settings.memberID }
    package var isLearner: Bool { ledger.members.isLearner(settings.memberID) }
    /// There is nobody to replicate to.
    package var isAlone: Bool {
        raft.configuration == Configuration(voters: [settings.memberID])
    }
    package var isRemoved: Bool { lifecycle.isRemoved }
    package var pendingProposals: Int { proposals.count }
    package var watcherCount: Int { watches.watcherCount }
    package var slowWatcherCount: Int { watches.behindCount }
    package var watchStreamCount: Int { watches.streams.count }
    package var isLoadingSnapshot: Bool { loading != nil }
    package func watcherCount(of stream: StreamNumber) -> Int {
        watches.streams[stream]?.watchers.count ?? 0
    }

    func header(revision: Int64? = nil) -> ResponseHeader {
        ResponseHeader(
            clusterID: settings.clusterID.number, memberID: settings.memberID.number,
            revision: revision ?? ledger.keyspace.revision, raftTerm: raft.term.number)
    }
}

/// Where the member stands in its own life.
struct Lifecycle {
    var isRemoved = false
    var isPublished = false
    var isHastened = false
    var publishAskedAt: Instant?
    /// When the last leader was lost; nil while there is one.
    var leaderlessSince: Instant?
    var leaderLostAt: Instant?
    var leaderFoundAt: Instant?
    var streamsToldNoLeader = false
    /// This member is to leave, and leads: until then it looks for one to hand over to.
    var heirSoughtUntil: Instant?
    /// A leadership transfer that someone waits for.
    var transfer: (target: MemberID, call: CallNumber?, deadline: Instant)?
    var isStopping = false
    var progressCheckedAt: Instant?
    var askedVersion: String?
    /// The end of a downgrade was proposed.
    var isEndingDowngrade = false
}
