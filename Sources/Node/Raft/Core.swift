// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One member's consensus: events in, effects out.
///
/// Roles share the fields of their act below; each act is reset when its role begins.
package struct Core {
    package let id: MemberID
    let settings: Settings
    var random: Random

    package internal(set) var term: Term
    var vote: MemberID
    package internal(set) var role = RoleName.follower
    var leaderID = MemberID.none
    package internal(set) var configuration: Configuration
    var electorate: JointQuorum

    var log: LogView
    var journal: Journal
    package internal(set) var commit: LogIndex
    /// What `Effect.commit` and `Effect.restore` have handed out.
    var emitted: LogIndex
    /// What the state machine reported.
    package internal(set) var applied: LogIndex
    /// The newest slice that was cut out of the log in this event: peers that stand at the same
    /// place share it.
    var slice: [Entry] = []
    var announced: Announcement

    // MARK: Time, in ticks

    var electionElapsed = 0
    var heartbeatElapsed = 0
    var electionTimeout = 0

    // MARK: Candidate

    var votes = SortedMap<MemberID, Bool>()

    // MARK: Leader

    var peers = PeerTable()
    /// The last change in the log that may not be applied yet; no other may be proposed until then.
    var pendingChangeIndex = LogIndex.zero
    var transferee = MemberID.none
    var reads: ReadQueue

    struct Announcement: Equatable {
        var leader: MemberID
        var term: Term
        var role: RoleName
    }

    /// `seed` makes this member's timeouts; members should have different ones.
    package init(id: MemberID, settings: Settings, restored: Restored, seed: UInt64) {
        invariant(id != .none, "a member needs an id")
        invariant(settings.electionTicks > settings.heartbeatTicks, "\(settings)")
        invariant(settings.heartbeatTicks > 0, "\(settings)")
        self.id = id
        self.settings = settings
        random = Random(seed: seed)
        let snapshot = restored.snapshot
        log = LogView(
            baseIndex: snapshot.index, baseTerm: snapshot.term, entries: restored.entries)
        let state = restored.hardState
        term = max(state.term, log.lastTerm)
        vote = state.term == term ? state.vote : .none
        let last = log.lastIndex
        invariant(restored.applied <= last, "applied \(restored.applied), last \(last)")
        emitted = max(restored.applied, snapshot.index)
        applied = emitted
        // The written commit index may be older than what was applied, and a torn tail shorter.
        commit = max(min(state.commit, last), emitted)
        journal = Journal(
            hardState: HardState(term: term, vote: vote, commit: commit), lastIndex: last)
        configuration = restored.configuration ?? snapshot.configuration
        electorate = JointQuorum(configuration)
        reads = ReadQueue(limit: settings.maxPendingReads)
        announced = Announcement(leader: .none, term: term, role: .follower)
        drawElectionTimeout()
    }

    package var leader: MemberID? { leaderID == .none ? nil : leaderID }
    package var lastIndex: LogIndex { log.lastIndex }
    package var firstIndex: LogIndex { log.firstIndex }
    /// How much of the log is known to be on our disk.
    package var durableIndex: LogIndex { journal.durableIndex }
    package var isVoter: Bool { electorate.contains(id) }
    /// Whether the leader has committed in its own term, so that its commit index is the cluster's.
    package var isEstablished: Bool { role == .leader && log.term(at: commit) == term }

    /// Nil where the log does not reach, or no longer.
    package func term(at index: LogIndex) -> Term? { log.term(at: index) }

    package mutating func receive(_ event: Event, effects: inout [Effect]) {
        var flushCommit = false
        switch event {
        case .ticked:
            flushCommit = true
            tick(&effects)
        case .received(let message): receive(message, &effects)
        case .proposed(let proposals): propose(proposals, &effects)
        case .appended(let number): noteDurable(through: number, &effects)
        case .changeApplied(let change): noteChange(change, &effects)
        case .applied(let index): noteApplied(through: index, &effects)
        case .readRequested(let context): requestRead(context, &effects)
        case .transferRequested(let member): requestTransfer(to: member, &effects)
        case .campaignRequested: campaignIfAllowed(.usual, &effects)
        case .unreachable(let member): _ = peers.update(member) { $0.loseMessage() }
        case .snapshotReported(let member, let succeeded):
            _ = peers.update(member) { $0.endSnapshot(succeeded: succeeded) }
        case .compacted(let index): compact(through: index)
        }
        settle(flushCommit: flushCommit, &effects)
    }

    // MARK: The end of each event

    private mutating func settle(flushCommit: Bool, _ effects: inout [Effect]) {
        issueAppend(flushCommit: flushCommit, &effects)
        // Our own vote comes back here as a message and may begin a term.
        for message in journal.takeReleased() {
            if message.to == id {
                step(message, &effects)
                issueAppend(flushCommit: false, &effects)
            } else {
                effects.append(.send(message))
            }
        }
        dropAbandonedReads(&effects)
        emitCommitted(&effects)
        announce(&effects)
        slice = []
        invariant(commit <= log.lastIndex, "commit \(commit) beyond last \(log.lastIndex)")
        invariant(applied <= emitted, "applied \(applied), handed out \(emitted)")
        invariant(emitted <= commit, "handed out \(emitted), commit \(commit)")
        invariant((role == .leader) == (leaderID == id), "\(role.rawValue), leader \(leaderID)")
        invariant((role == .leader) == !peers.isEmpty, "\(role.rawValue), \(peers.count) peers")
        invariant(role != .candidate || vote == id, "candidate that voted for \(vote)")
        invariant(term >= log.lastTerm, "term \(term), last entry of \(log.lastTerm)")
    }

    private mutating func issueAppend(flushCommit: Bool, _ effects: inout [Effect]) {
        let state = HardState(term: term, vote: vote, commit: commit)
        if let batch = journal.issue(state, flushCommit: flushCommit) {
            effects.append(.append(batch))
        }
    }

    private mutating func emitCommitted(_ effects: inout [Effect]) {
        if journal.hasPendingRestore { return }
        let limit = min(commit, journal.durableIndex)
        guard limit > emitted else { return }
        invariant(emitted >= log.baseIndex, "handed out \(emitted), base \(log.baseIndex)")
        effects.append(.commit(log.entries(from: emitted.next, through: limit)))
        emitted = limit
    }

    private mutating func announce(_ effects: inout [Effect]) {
        let now = Announcement(leader: leaderID, term: term, role: role)
        guard now != announced else { return }
        announced = now
        effects.append(.leaderChanged(leader: leader, term: term, role: role))
    }

    // MARK: Reports of the owner

    private mutating func noteDurable(through number: AppendNumber, _ effects: inout [Effect]) {
        if let snapshot = journal.confirm(through: number) {
            invariant(snapshot.index > emitted, "restore \(snapshot.index) behind \(emitted)")
            emitted = snapshot.index
            effects.append(.restore(snapshot))
        }
        invariant(journal.durableIndex <= log.lastIndex, "durable \(journal.durableIndex)")
        guard role == .leader else { return }
        holdOwnProgress()
        advanceCommit(&effects)
    }

    private mutating func noteApplied(through index: LogIndex, _ effects: inout [Effect]) {
        invariant(index <= emitted, "applied \(index), handed out \(emitted)")
        applied = max(applied, index)
        leaveJointIfDue(&effects)
    }

    private mutating func compact(through index: LogIndex) {
        invariant(index <= applied, "compaction at \(index), applied \(applied)")
        log.compact(through: index)
    }

    // MARK: Time

    private mutating func tick(_ effects: inout [Effect]) {
        electionElapsed += 1
        if role == .leader {
            tickLeader(&effects)
        } else if isPromotable, electionElapsed >= electionTimeout {
            electionElapsed = 0
            campaignIfAllowed(.usual, &effects)
        }
    }

    private mutating func tickLeader(_ effects: inout [Effect]) {
        heartbeatElapsed += 1
        if electionElapsed >= settings.electionTicks {
            electionElapsed = 0
            if settings.checkQuorum { checkQuorum(&effects) }
            transferee = .none
        }
        guard role == .leader, heartbeatElapsed >= settings.heartbeatTicks else { return }
        heartbeatElapsed = 0
        broadcastHeartbeat(context: reads.newestContext, &effects)
    }

    mutating func drawElectionTimeout() {
        electionTimeout = settings.electionTicks + random.below(settings.electionTicks)
    }
}
