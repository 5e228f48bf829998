// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Reads that a leader has to confirm: a majority must answer a heartbeat that was sent after the
/// read came in, so that no newer leader can have committed anything the read would miss (thesis,
/// section 6.4). An answer to one context confirms all earlier ones too.
struct ReadQueue {
    struct Read {
        /// Who asked; `.none` for ourselves.
        var from: MemberID
        var context: [UInt8]
        var index: LogIndex
        var confirmedBy: [MemberID]
    }

    let limit: Int
    /// Waiting for a majority, oldest first.
    private(set) var asked: [Read] = []
    /// Waiting for the first commit of the leader's term; their index is not known yet.
    private(set) var postponed: [Read] = []
    /// Our own reads that a change of role has cut off.
    private(set) var abandoned: [[UInt8]] = []

    init(limit: Int) {
        self.limit = limit
    }

    var newestContext: [UInt8] { asked.last?.context ?? [] }
    var isFull: Bool { asked.count + postponed.count >= limit }

    func contains(_ context: [UInt8]) -> Bool {
        asked.contains { $0.context == context } || postponed.contains { $0.context == context }
    }

    mutating func postpone(_ read: Read) {
        invariant(!isFull, "more than \(limit) reads")
        postponed.append(read)
    }

    mutating func ask(_ read: Read) {
        if let last = asked.last {
            invariant(read.index >= last.index, "read at \(read.index) after \(last.index)")
        }
        asked.append(read)
    }

    mutating func takePostponed() -> [Read] {
        defer { postponed = [] }
        return postponed
    }

    /// Counts an answer; the voters that have confirmed this context, or nil if it is not waiting.
    mutating func confirm(_ context: [UInt8], by member: MemberID) -> [MemberID]? {
        guard let at = asked.lastIndex(where: { $0.context == context }) else { return nil }
        if !asked[at].confirmedBy.contains(member) { asked[at].confirmedBy.append(member) }
        return asked[at].confirmedBy
    }

    /// Removes and answers everything up to this context.
    mutating func take(through context: [UInt8]) -> [Read] {
        guard let at = asked.lastIndex(where: { $0.context == context }) else { return [] }
        let taken = Array(asked[...at])
        asked.removeFirst(at + 1)
        return taken
    }

    /// Forgets all; those of our own are kept to be told.
    mutating func abandon() {
        for read in asked + postponed where read.from == .none { abandoned.append(read.context) }
        asked = []
        postponed = []
    }

    mutating func takeAbandoned() -> [[UInt8]] {
        defer { abandoned = [] }
        return abandoned
    }
}
