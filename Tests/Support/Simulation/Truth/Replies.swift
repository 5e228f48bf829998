// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

/// Compares parts of answers with the model.
enum Replies {
    static func difference(
        _ request: RangeRequest, _ response: RangeResponse, _ model: Model, _ bound: Bound
    ) -> String? {
        var expected = model.range(request.key, request.rangeEnd, bound)
        if response.count != Int64(expected.count) {
            return "\(response.count) keys counted, \(expected.count) are there"
        }
        if request.countOnly { return response.kvs.isEmpty ? nil : "keys in a count" }
        if request.sortOrder == .descend { expected.reverse() }
        let isCut = request.limit > 0 && expected.count > Int(request.limit)
        if isCut { expected = Array(expected.prefix(Int(request.limit))) }
        if response.more != isCut { return "more is \(response.more)" }
        if request.keysOnly {
            for index in expected.indices { expected[index].value = [] }
        }
        if areEqual(response.kvs, expected) { return nil }
        return "\(describe(response.kvs)) instead of \(expected.map(describe))"
    }

    static func areEqual(_ wire: [KeyValue], _ expected: [ModelRecord]) -> Bool {
        wire.count == expected.count && zip(wire, expected).allSatisfy { $1.matches($0) }
    }

    static func difference(_ wire: KeyValue?, _ expected: ModelRecord?) -> String? {
        switch (wire, expected) {
        case (nil, nil): nil
        case (let wire?, let expected?):
            expected.matches(wire) ? nil : "\(describe([wire])) instead of \(describe(expected))"
        case (nil, let expected?): "nothing instead of \(describe(expected))"
        case (let wire?, nil): "\(describe([wire])) instead of nothing"
        }
    }

    static func describe(_ records: [KeyValue]) -> String {
        "\(records.map { "\(text($0.key))=\(text($0.value))@\($0.modRevision)v\($0.version)" })"
    }

    static func describe(_ record: ModelRecord) -> String {
        "\(text(record.key))=\(text(record.value))@\(record.main)v\(record.version)"
    }

    /// Whether the branch that ran has changed anything, as its answer says.
    static func hasWritten(_ txn: TxnRequest, _ response: TxnResponse) -> Bool {
        let branch = response.succeeded ? txn.success : txn.failure
        return zip(branch, response.responses).contains { operation, reply in
            switch (operation, reply) {
            case (.put, _): true
            case (.deleteRange, .deleteRange(let deleted)): deleted.deleted > 0
            case (.txn(let nested), .txn(let inner)): hasWritten(nested, inner)
            default: false
            }
        }
    }
}

/// Walks through a transaction and its answer, step by step.
struct TxnWalk {
    let model: Model
    /// The state that the compares look at.
    let start: Bound
    let writes: Bool
    private var sub: Int64 = 0

    init(model: Model, start: Bound, writes: Bool) {
        self.model = model
        self.start = start
        self.writes = writes
    }

    private var bound: Bound { writes ? Bound(main: start.main, sub: sub) : start }

    mutating func difference(_ txn: TxnRequest, _ response: TxnResponse) -> String? {
        let holds = model.holds(txn, start)
        if holds != response.succeeded {
            return "compares are \(holds), answered \(response.succeeded)"
        }
        let branch = holds ? txn.success : txn.failure
        if branch.count != response.responses.count { return "wrong number of answers" }
        for (operation, reply) in zip(branch, response.responses) {
            if let problem = difference(operation, reply) { return problem }
        }
        return nil
    }

    private mutating func difference(_ operation: RequestOp, _ reply: ResponseOp) -> String? {
        switch (operation, reply) {
        case (.range(let range), .range(let response)):
            let place = range.revision > 0 ? .after(range.revision) : bound
            return Replies.difference(range, response, model, place)
        case (.put(let put), .put(let response)):
            defer { sub += 1 }
            guard put.prevKV else { return nil }
            return Replies.difference(response.prevKV, model.live(put.key, bound))
        case (.deleteRange(let delete), .deleteRange(let response)):
            let expected = model.range(delete.key, delete.rangeEnd, bound)
            defer { sub += Int64(expected.count) }
            if response.deleted != Int64(expected.count) { return "deleted \(response.deleted)" }
            if delete.prevKV, !Replies.areEqual(response.prevKVs, expected) {
                return "wrong previous values of a delete"
            }
            return nil
        case (.txn(let nested), .txn(let response)): return difference(nested, response)
        default: return "an answer of another kind"
        }
    }
}
