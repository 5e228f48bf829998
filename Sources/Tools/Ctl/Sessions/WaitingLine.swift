// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// A place among the keys below a name. Whose key was created first has its turn; the others wait
/// for the key right before theirs, so that an end wakes one waiter and not all.
struct WaitingLine {
    /// Between two looks at signals and the session.
    static let turn: Duration = .milliseconds(50)

    /// Why waiting ended without a turn.
    enum Stop: Equatable {
        case interrupted, sessionOver
    }

    let prefix: [UInt8]
    let key: [UInt8]
    /// Of our key's creation.
    private(set) var revision: Int64 = 0
    /// The turn is ours since this revision.
    private(set) var turnRevision: Int64 = 0
    private var isFirst = false

    /// Joins at the end.
    init(
        _ name: String, value: [UInt8], _ session: Session, _ client: Client
    ) throws(ClientError) {
        prefix = Array((name + "/").utf8)
        key = prefix + Array(String(session.lease, radix: 16).utf8)
        var request = TxnRequest()
        request.compare = [Self.isAbsent(key)]
        request.success = [
            .put(
                .with { put in
                    (put.key, put.value, put.lease) = (self.key, value, session.lease)
                }),
            .range(Self.first(below: prefix)),
        ]
        request.failure = [.range(RangeRequest(key: key)), .range(Self.first(below: prefix))]
        let response = try client.txn(request)
        revision = response.header?.revision ?? 0
        if !response.succeeded, case .range(let own) = response.responses.first {
            revision = own.kvs.first?.createRevision ?? revision
        }
        if case .range(let owner) = response.responses.last {
            isFirst = owner.kvs.isEmpty || owner.kvs[0].createRevision == revision
        }
        turnRevision = response.header?.revision ?? 0
    }

    /// Waits until all keys before ours are gone; nil when it is our turn.
    mutating func wait(
        _ client: Client, _ session: Session, _ interrupt: Interrupt
    ) throws(ClientError) -> Stop? {
        if isFirst { return nil }
        while true {
            let before = try client.range(lastBefore())
            guard let last = before.kvs.first else { break }
            let stop = try waitForEnd(
                of: last.key, before.header?.revision ?? 0, client, session, interrupt)
            if let stop { return stop }
        }
        let own = try client.range(RangeRequest(key: key))
        turnRevision = own.header?.revision ?? 0
        return own.kvs.isEmpty ? .sessionOver : nil
    }

    private func waitForEnd(
        of key: [UInt8], _ revision: Int64, _ client: Client, _ session: Session,
        _ interrupt: Interrupt
    ) throws(ClientError) -> Stop? {
        let stream = WatchStream(client)
        stream.add(
            .with { request in
                request.key = key
                request.startRevision = revision
            })
        defer { stream.close() }
        while true {
            if interrupt.isWanted { return .interrupted }
            if session.isOver { return .sessionOver }
            guard let item = try stream.next(timeout: Self.turn) else { continue }
            // A compaction in between: the line is looked at again.
            if item.response.canceled { return nil }
            if item.response.events.contains(where: { $0.type == .delete }) { return nil }
        }
    }

    /// Steps out, whether it was our turn or not.
    func leave(_ client: Client) throws(ClientError) {
        _ = try client.deleteRange(DeleteRangeRequest(key: key))
    }

    static func first(below prefix: [UInt8]) -> RangeRequest {
        .with { request in
            request.key = prefix
            request.rangeEnd = RangeEnd.prefix(prefix)
            request.limit = 1
            request.sortOrder = .ascend
            request.sortTarget = .create
        }
    }

    private func lastBefore() -> RangeRequest {
        .with { request in
            request.key = prefix
            request.rangeEnd = RangeEnd.prefix(prefix)
            request.limit = 1
            request.sortOrder = .descend
            request.sortTarget = .create
            request.maxCreateRevision = revision - 1
        }
    }

    private static func isAbsent(_ key: [UInt8]) -> Compare {
        var compare = Compare()
        compare.key = key
        compare.target = .create
        compare.targetUnion = .createRevision(0)
        compare.result = .equal
        return compare
    }
}
