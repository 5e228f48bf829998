// SPDX-License-Identifier: Apache-2.0
import EtcdAPI

@testable import V2Facade

// The façade over a store of a dozen lines: keys with revisions, transactions, and the events of
// each. What real servers answer is compared elsewhere; here the mapping itself is looked at.

let moment = Moment(now: 1_000_000_000_000_000_000)

/// A naive v3 store.
struct NaiveStore {
    var revision: Int64 = 1
    var pairs: [KeyValue] = []
    /// A response a revision.
    var history: [WatchResponse] = []

    func find(_ key: [UInt8], _ end: [UInt8]) -> [KeyValue] {
        pairs.filter { pair in
            end.isEmpty
                ? pair.key == key
                : !pair.key.lexicographicallyPrecedes(key)
                    && pair.key.lexicographicallyPrecedes(end)
        }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    func read(_ request: TxnRequest) -> TxnResponse {
        var response = TxnResponse()
        response.header = ResponseHeader(revision: revision)
        response.succeeded = true
        for operation in request.success {
            guard case .range(let range) = operation else { continue }
            var found = RangeResponse()
            found.kvs = find(range.key, range.rangeEnd)
            if range.limit > 0 { found.kvs = Array(found.kvs.prefix(Int(range.limit))) }
            response.responses.append(.range(found))
        }
        return response
    }

    /// False if a compare does not hold.
    mutating func write(_ request: TxnRequest) -> Bool {
        let holds = request.compare.allSatisfy { compare in
            let found = find(compare.key, compare.rangeEnd)
            switch compare.targetUnion {
            case .modRevision(let wanted): return (found.first?.modRevision ?? 0) == wanted
            case .version(0): return found.isEmpty
            default: return false
            }
        }
        if !holds { return false }
        revision += 1
        var response = WatchResponse()
        for operation in request.success { apply(operation, &response) }
        history.append(response)
        return true
    }

    private mutating func apply(_ operation: RequestOp, _ response: inout WatchResponse) {
        switch operation {
        case .put(let put):
            let before = find(put.key, []).first
            pairs.removeAll { $0.key == put.key }
            let pair = KeyValue(
                key: put.key, createRevision: before?.createRevision ?? revision,
                modRevision: revision, version: 1, value: put.value, lease: put.lease)
            pairs.append(pair)
            response.events.append(WatchEvent(type: .put, kv: pair, prevKV: before))
        case .deleteRange(let delete):
            for before in find(delete.key, delete.rangeEnd) { remove(before, &response) }
        case .range, .txn, .none: break
        }
    }

    private mutating func remove(_ before: KeyValue, _ response: inout WatchResponse) {
        pairs.removeAll { $0.key == before.key }
        let pair = KeyValue(key: before.key, modRevision: revision)
        response.events.append(WatchEvent(type: .delete, kv: pair, prevKV: before))
    }

    mutating func expire(lease: Int64) {
        revision += 1
        var response = WatchResponse()
        for pair in pairs.filter({ $0.lease == lease }) { remove(pair, &response) }
        history.append(response)
    }

    // MARK: v2

    static func request(
        _ method: String, _ path: String, _ form: String = ""
    ) throws(KeysError) -> KeysRequest {
        let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return try KeysForm(
            method: method, path: String(parts[0]),
            query: parts.count == 2 ? String(parts[1]) : "", body: form
        ).request(moment)
    }

    func tree(_ request: KeysRequest) -> Tree {
        let lookup = Lookup(request)
        return lookup.tree(read(lookup.transaction(isLinearizable: true)))
    }

    func plan(_ request: KeysRequest) throws(KeysError) -> WritePlan? {
        try KeysDecision(request, tree(request), putsMax: 100).plan()
    }

    /// One request from beginning to end; a new lease gets the number of the next revision.
    mutating func call(_ method: String, _ path: String, _ form: String = "") -> KeysAnswer {
        do throws(KeysError) {
            let request = try Self.request(method, path, form)
            guard let plan = try plan(request) else {
                return try tree(request).get(request, moment)
            }
            guard write(plan.transaction(newLease: revision + 1)) else {
                return KeysError(.raftInternal, "conflict").answer
            }
            return plan.answer(at: revision, request, moment)
        } catch {
            return error.answer
        }
    }

    func events(_ path: String, from revision: Int64 = 0) throws -> [String] {
        let reader = WatchReader(try Self.request("GET", path + "&wait=true"), current: revision)
        return history.flatMap { reader.events($0) }.map { $0.text(moment) }
    }
}
