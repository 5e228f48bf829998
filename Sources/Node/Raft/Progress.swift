// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What a leader knows of one peer.
///
///     probe       one append, then silence until an answer or a heartbeat's answer
///     replicate   appends follow each other without waiting, up to the window
///     snapshot    silence until the snapshot is reported or the peer has caught up
struct Progress {
    enum State: Equatable {
        case probe
        case replicate
        /// What the peer will hold at least when the snapshot has arrived.
        case snapshot(pending: LogIndex)
    }

    private(set) var match: LogIndex
    private(set) var next: LogIndex
    private(set) var state = State.probe
    private(set) var isProbeOut = false
    private(set) var inFlight: InFlight
    /// Heard of since the last check of the quorum.
    var isRecentlyActive: Bool

    init(match: LogIndex, next: LogIndex, maxInFlight: Int, isRecentlyActive: Bool) {
        invariant(next > match, "next \(next) is not behind match \(match)")
        self.match = match
        self.next = next
        self.isRecentlyActive = isRecentlyActive
        inFlight = InFlight(capacity: maxInFlight)
    }

    var isPaused: Bool {
        switch state {
        case .probe: isProbeOut
        case .replicate: inFlight.isFull
        case .snapshot: true
        }
    }

    mutating func noteSent(through last: LogIndex?) {
        guard let last else { return }
        switch state {
        case .probe: isProbeOut = true
        case .replicate:
            invariant(last >= next, "sent through \(last), next was \(next)")
            next = last.next
            inFlight.add(last)
        case .snapshot: invariant(false, "append sent through \(last) while a snapshot is out")
        }
    }

    /// The peer holds our log up to `index`. Whether that is news.
    mutating func accept(_ index: LogIndex, firstIndex: LogIndex) -> Bool {
        let isNews = index > match
        if isNews {
            match = index
            isProbeOut = false
        }
        if index >= next { next = index.next }
        invariant(next > match, "next \(next) is not behind match \(match)")
        switch state {
        case .probe where index == match:
            become(.replicate)
            return true
        case .snapshot(let pending) where isNews && (match >= pending || match.next >= firstIndex):
            become(.replicate)
        case .replicate: inFlight.free(through: index)
        case .probe, .snapshot: break
        }
        return isNews
    }

    /// The peer does not hold what comes before `rejected.next`; `hint` is where we may agree.
    /// False when the refusal is old.
    mutating func refuse(_ rejected: LogIndex, hint: LogIndex) -> Bool {
        if state == .replicate {
            if rejected <= match { return false }
            become(.probe)
            return true
        }
        if next.previous != rejected { return false }
        invariant(rejected >= match, "refused \(rejected), which it accepted: \(match)")
        next = max(min(rejected, hint.next), match.next)
        isProbeOut = false
        return true
    }

    /// Any sign of life lets a probe or, when the window is full, one append more go out.
    mutating func hearHeartbeat() {
        isRecentlyActive = true
        isProbeOut = false
        if state == .replicate, inFlight.isFull { inFlight.freeOldest() }
    }

    mutating func loseMessage() {
        if state == .replicate { become(.probe) }
    }

    mutating func beginSnapshot(of index: LogIndex) {
        become(.snapshot(pending: index))
    }

    mutating func endSnapshot(succeeded: Bool) {
        guard case .snapshot(let pending) = state else { return }
        become(.probe)
        if succeeded { next = max(next, pending.next) }
        // The next answer of the peer opens the way again.
        isProbeOut = true
        invariant(next > match, "next \(next) after a snapshot, match \(match)")
    }

    /// The leader's own progress follows its disk.
    mutating func holdDurable(_ index: LogIndex, last: LogIndex) {
        invariant(index <= last, "durable \(index) beyond last \(last)")
        match = index
        next = last.next
    }

    private mutating func become(_ new: State) {
        state = new
        isProbeOut = false
        inFlight.removeAll()
        if case .snapshot = new { return }
        next = match.next
    }
}

/// A leader's view of one member, for status answers and promotion.
package struct ProgressReport: Equatable, Sendable {
    package var match: LogIndex
    package var next: LogIndex
    package var isRecentlyActive: Bool
    package var isLearner: Bool
    package var isPaused: Bool
    package var isReceivingSnapshot: Bool
    package var inFlightCount: Int
}
