// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
package import NodeCore

/// Judges each answer to a client against the model (linearizability, Herlihy and Wing 1990).
///
/// In general that asks for a search. Here each answer names its revision, so the order is given
/// and only two things are left to check, each at once: the order agrees with real time, and each
/// answer is what the model says for its place in the order.
package struct HistoryChecker: Sendable {
    /// Revisions of acknowledged writes, to see that no two share one.
    private var acknowledged: Set<Int64> = []
    /// The newest revision that any answer has shown.
    package private(set) var newestSeen: Int64 = 1
    /// Unique values of writes that were refused for certain.
    private var refused: Set<[UInt8]> = []
    private var applied: Set<[UInt8]> = []

    package init() {}

    /// A request on its way: the least revision that its answer may have.
    package struct Floor: Sendable {
        package var revision: Int64

        package init(revision: Int64) { self.revision = revision }
    }

    // MARK: Writes by their unique values

    /// Nil, or what is wrong with a value being written by a committed entry.
    package mutating func wrote(_ value: [UInt8]) -> String? {
        if value.isEmpty { return nil }
        if refused.contains(value) { return "the refused value \(text(value)) was written" }
        if !applied.insert(value).inserted { return "value \(text(value)) was written twice" }
        return nil
    }

    /// The client was told that its write did not and will not happen.
    package mutating func refusedForCertain(_ request: Request) -> String? {
        for value in request.values {
            if applied.contains(value) {
                return "the write of \(text(value)) was refused but has happened"
            }
            refused.insert(value)
        }
        return nil
    }

    // MARK: Answers

    /// Nil, or what is wrong with the answer.
    package mutating func answered(
        _ request: Request, _ bytes: [UInt8], floor: Floor, model: Model
    ) -> String? {
        do throws(WireError) {
            switch request {
            case .range(let range):
                return judge(range, try RangeResponse(decoding: bytes), floor, model)
            case .put(let put):
                return judge(put, try PutResponse(decoding: bytes), floor, model)
            case .deleteRange(let delete):
                return judge(delete, try DeleteRangeResponse(decoding: bytes), floor, model)
            case .txn(let txn):
                return judge(txn, try TxnResponse(decoding: bytes), floor, model)
            default: return nil
            }
        } catch {
            return "the answer to \(request) does not decode: \(error)"
        }
    }

    private mutating func judge(
        _ range: RangeRequest, _ response: RangeResponse, _ floor: Floor, _ model: Model
    ) -> String? {
        let revision = response.header?.revision ?? 0
        if revision > model.revision { return "a read of revision \(revision) of the future" }
        if !range.serializable {
            if revision < floor.revision {
                return "stale read: revision \(revision), but \(floor.revision) was there before"
            }
            newestSeen = max(newestSeen, revision)
        }
        let at = range.revision > 0 ? range.revision : revision
        return Replies.difference(range, response, model, .after(at)).map {
            "read at \(at): \($0)"
        }
    }

    private mutating func judge(
        _ put: PutRequest, _ response: PutResponse, _ floor: Floor, _ model: Model
    ) -> String? {
        let revision = response.header?.revision ?? 0
        let changes = model.changes(of: revision)
        guard changes.count == 1, let change = changes.first, change.record.key == put.key,
            change.record.value == put.value, change.record.lease == put.lease,
            !change.record.isTombstone
        else { return "revision \(revision) is not the acknowledged put of \(text(put.value))" }
        if put.prevKV, let problem = Replies.difference(response.prevKV, change.previous) {
            return "previous of put at \(revision): \(problem)"
        }
        return accept(write: revision, floor)
    }

    private mutating func judge(
        _ delete: DeleteRangeRequest, _ response: DeleteRangeResponse, _ floor: Floor,
        _ model: Model
    ) -> String? {
        let revision = response.header?.revision ?? 0
        if response.deleted == 0 {
            let live = model.range(delete.key, delete.rangeEnd, .after(revision))
            if !live.isEmpty { return "nothing deleted at \(revision), but keys are there" }
            return accept(read: revision, floor, model)
        }
        let expected = model.range(delete.key, delete.rangeEnd, .before(revision))
        let changes = model.changes(of: revision)
        guard changes.allSatisfy({ $0.record.isTombstone }),
            changes.map(\.record.key) == expected.map(\.key),
            Int64(expected.count) == response.deleted
        else { return "revision \(revision) is not the acknowledged delete" }
        if delete.prevKV, !Replies.areEqual(response.prevKVs, expected) {
            return "delete at \(revision) answers wrong previous values"
        }
        return accept(write: revision, floor)
    }

    private mutating func judge(
        _ txn: TxnRequest, _ response: TxnResponse, _ floor: Floor, _ model: Model
    ) -> String? {
        let revision = response.header?.revision ?? 0
        if revision > model.revision { return "a transaction of the future, \(revision)" }
        if Replies.hasWritten(txn, response) {
            let values = Request.txn(txn).values(succeeded: response)
            let written = model.changes(of: revision).map(\.record.value)
            guard values.allSatisfy(written.contains) else {
                return "revision \(revision) is not the acknowledged transaction"
            }
            var walk = TxnWalk(model: model, start: .before(revision), writes: true)
            if let problem = walk.difference(txn, response) {
                return "transaction at \(revision): \(problem)"
            }
            return accept(write: revision, floor)
        }
        var walk = TxnWalk(model: model, start: .after(revision), writes: false)
        if let problem = walk.difference(txn, response) {
            return "transaction at \(revision): \(problem)"
        }
        return accept(read: revision, floor, model)
    }

    private mutating func accept(write revision: Int64, _ floor: Floor) -> String? {
        if revision <= floor.revision {
            return "a write at \(revision), but \(floor.revision) was there before it was asked"
        }
        if !acknowledged.insert(revision).inserted {
            return "two writes were acknowledged with revision \(revision)"
        }
        newestSeen = max(newestSeen, revision)
        return nil
    }

    private mutating func accept(read revision: Int64, _ floor: Floor, _ model: Model) -> String? {
        if revision > model.revision { return "revision \(revision) of the future" }
        if revision < floor.revision {
            return "stale: revision \(revision), but \(floor.revision) was there before"
        }
        newestSeen = max(newestSeen, revision)
        return nil
    }
}

/// For people: what is no letter is shown as a number.
func text(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
        (0x20..<0x7f).contains(byte) ? String(UnicodeScalar(byte)) : "\\\(byte)"
    }.joined()
}

extension Request {
    /// The unique values that this request may write.
    var values: [[UInt8]] {
        switch self {
        case .put(let put): [put.value]
        case .txn(let txn): (txn.success + txn.failure).flatMap(\.values)
        default: []
        }
    }

    /// Those of the branches that ran.
    func values(succeeded response: TxnResponse) -> [[UInt8]] {
        guard case .txn(let txn) = self else { return values }
        let branch = response.succeeded ? txn.success : txn.failure
        return zip(branch, response.responses).flatMap { operation, reply -> [[UInt8]] in
            if case .txn(let nested) = operation, case .txn(let inner) = reply {
                return Request.txn(nested).values(succeeded: inner)
            }
            return operation.values
        }
    }
}

extension RequestOp {
    var values: [[UInt8]] {
        switch self {
        case .put(let put): [put.value]
        case .txn(let txn): (txn.success + txn.failure).flatMap(\.values)
        case .range, .deleteRange, .none: []
        }
    }
}
