// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The progress of each member, ascending by id. A handful of rows, asked several times for every
/// message, so it is a plain table of this room rather than a generic map of another one.
struct PeerTable {
    private(set) var keys: [MemberID] = []
    private var values: [Progress] = []

    var count: Int { keys.count }
    var isEmpty: Bool { keys.isEmpty }

    subscript(member: MemberID) -> Progress? {
        get {
            guard let at = keys.firstIndex(of: member) else { return nil }
            return values[at]
        }
        set {
            let at = keys.firstIndex { $0 >= member } ?? keys.count
            let isKnown = at < keys.count && keys[at] == member
            if isKnown {
                keys.remove(at: at)
                values.remove(at: at)
            }
            guard let newValue else { return }
            keys.insert(member, at: at)
            values.insert(newValue, at: at)
            invariant(keys.count == values.count, "\(keys.count) members, \(values.count) rows")
        }
    }

    func contains(_ member: MemberID) -> Bool { keys.contains(member) }

    /// Zero for a stranger.
    func match(of member: MemberID) -> LogIndex {
        guard let at = keys.firstIndex(of: member) else { return .zero }
        return values[at].match
    }

    func isRecentlyActive(_ member: MemberID) -> Bool {
        guard let at = keys.firstIndex(of: member) else { return false }
        return values[at].isRecentlyActive
    }

    /// Changes a row in place; nil for a stranger.
    mutating func update<Result>(
        _ member: MemberID, _ body: (inout Progress) -> Result
    ) -> Result? {
        guard let at = keys.firstIndex(of: member) else { return nil }
        return body(&values[at])
    }

    mutating func removeAll() {
        keys.removeAll()
        values.removeAll()
    }
}
