// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import TestKit

/// All that a member holds, from the first revision on: what clients were told is judged by it.
struct Truth: Equatable, Sendable {
    /// In the order of their revisions.
    let changes: [Change]
    private let byKey: [String: [Int]]
    private let byRevision: [Int64: Int]

    init(_ changes: [Change]) {
        self.changes = changes
        byKey = Dictionary(grouping: changes.indices) { changes[$0].key }
        byRevision = Dictionary(
            changes.indices.map { (changes[$0].revision, $0) }, uniquingKeysWith: { $1 })
    }

    func change(at revision: Int64) -> Change? {
        byRevision[revision].map { changes[$0] }
    }

    /// The key's last change at or before `revision`.
    func last(_ key: String, at revision: Int64) -> Change? {
        guard let history = byKey[key] else { return nil }
        var low = 0
        var high = history.count
        while low < high {
            let middle = (low + high) / 2
            if changes[history[middle]].revision <= revision {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low == 0 ? nil : changes[history[low - 1]]
    }

    /// Asks a member for all its history, up to its present revision.
    static func of(_ member: Member) throws -> Truth {
        let client = try member.client(timeout: .seconds(10))
        let all = RangeRequest(key: [0], rangeEnd: [0], countOnly: true)
        guard let last = try client.range(all).header?.revision else {
            throw TestFailure("\(member.name): an answer without a header")
        }
        var changes: [Change] = []
        if last <= 1 { return Truth([]) }
        let watch = WatchStream(client)
        defer { watch.close() }
        watch.add(WatchCreateRequest(key: [0], rangeEnd: [0], startRevision: 1))
        while (changes.last?.revision ?? 0) < last {
            guard let item = try watch.next(timeout: .seconds(20)), !item.response.canceled else {
                throw TestFailure(
                    "\(member.name): the watch ends at \(changes.last?.revision ?? 0) of \(last)")
            }
            changes += item.response.events.map(Change.init)
        }
        return Truth(changes)
    }
}

extension Change {
    init(_ event: WatchEvent) {
        self.init(
            revision: event.kv?.modRevision ?? 0, key: text(event.kv?.key ?? []),
            value: event.type == .put ? text(event.kv?.value ?? []) : nil)
    }
}
