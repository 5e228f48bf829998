// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

// Locks and elections: services that are made of transactions, ranges and watches, as etcd's
// clients make them for themselves, so both may use the same names.
//
// Who wants NAME puts NAME/LEASE (the lease in hexadecimal) if it is not there. The key with the
// lowest create revision under NAME/ is the owner; everyone else waits for the one right before
// theirs to go. A lease that ends takes its key along.
//
//   Recipe          one call as a machine: answers and watch events in, steps out
//   DeletionWait    until nothing under NAME/ is older than a revision
//   LockRecipe, UnlockRecipe
//   CampaignRecipe, ProclaimRecipe, ResignRecipe, LeaderRecipe, ObserveRecipe
//
// A recipe knows no thread and no clock. It asks for one thing at a time: while a call is open
// there is no watch and the other way round, so an answer always belongs to the last step.

/// What a recipe wants done, in this order.
package enum RecipeStep: Equatable, Sendable {
    /// Answered by `answered` or `failed`.
    case ask(RecipeRequest)
    /// Done without anyone waiting for it.
    case tell(RecipeRequest)
    /// Each response comes by `watched`.
    case watch(WatchCreateRequest)
    case endWatch
    /// A message of a stream of answers.
    case send([UInt8])
    /// The answer; nothing follows.
    case reply([UInt8])
    case fail(EtcdError.Plain)
}

/// The requests that recipes are made of.
package enum RecipeRequest: Equatable, Sendable {
    case range(RangeRequest)
    case txn(TxnRequest)
    case delete(DeleteRangeRequest)
    case grant(LeaseGrantRequest)

    package var request: Request {
        switch self {
        case .range(let range): .range(range)
        case .txn(let txn): .txn(txn)
        case .delete(let delete): .deleteRange(delete)
        case .grant(let grant): .leaseGrant(grant)
        }
    }
}

extension EtcdError {
    /// A code and a text. What an inner request was refused with loses its code on the way, as in
    /// etcd: the text alone tells.
    package struct Plain: Equatable, Sendable {
        package var code: Int
        package var text: String

        package init(code: Int = 2, text: String) {
            self.code = code
            self.text = text
        }
    }
}

package protocol Recipe {
    mutating func begin(_ steps: inout [RecipeStep])
    /// The response to the last `ask`.
    mutating func answered(_ message: [UInt8], _ steps: inout [RecipeStep]) throws(WireError)
    mutating func failed(_ error: EtcdError, _ steps: inout [RecipeStep])
    mutating func watched(_ response: WatchResponse, _ steps: inout [RecipeStep])
    /// Takes back what stands half done, if the caller leaves now.
    var undo: RecipeRequest? { get }
}

extension Recipe {
    package mutating func failed(_ error: EtcdError, _ steps: inout [RecipeStep]) {
        steps.append(.fail(EtcdError.Plain(text: error.text)))
    }

    package mutating func watched(_ response: WatchResponse, _ steps: inout [RecipeStep]) {}

    package var undo: RecipeRequest? { nil }
}

/// Requests that several recipes make.
enum RecipeParts {
    /// Seconds of a lease made for a caller who brought none; nobody renews it.
    static let leaseSeconds: Int64 = 60

    static func grant() -> RecipeStep {
        .ask(.grant(LeaseGrantRequest(ttl: leaseSeconds)))
    }

    static func prefix(_ name: [UInt8]) -> [UInt8] { name + [0x2f] }

    /// `/` and the byte behind it.
    static func prefixEnd(_ name: [UInt8]) -> [UInt8] { name + [0x30] }

    static func key(_ name: [UInt8], _ lease: Int64) -> [UInt8] {
        let hex = (lease < 0 ? "-" : "") + String(lease.magnitude, radix: 16)
        return prefix(name) + Array(hex.utf8)
    }

    /// The owner of the name.
    static func firstCreated(_ name: [UInt8]) -> RangeRequest {
        RangeRequest(
            key: prefix(name), rangeEnd: prefixEnd(name), limit: 1, sortOrder: .ascend,
            sortTarget: .create)
    }

    static func ifCreated(
        _ key: [UInt8], at revision: Int64, then: [RequestOp], otherwise: [RequestOp] = []
    ) -> RecipeStep {
        .ask(.txn(transaction(key, at: revision, then: then, otherwise: otherwise)))
    }

    static func transaction(
        _ key: [UInt8], at revision: Int64, then: [RequestOp], otherwise: [RequestOp] = []
    ) -> TxnRequest {
        TxnRequest(
            compare: [
                Compare(
                    result: .equal, target: .create, key: key,
                    targetUnion: .createRevision(revision))
            ], success: then, failure: otherwise)
    }

    /// The first key of the answer to the range at that place of a transaction.
    static func firstKey(_ response: TxnResponse, at index: Int) -> KeyValue? {
        guard response.responses.indices.contains(index),
            case .range(let range) = response.responses[index]
        else { return nil }
        return range.kvs.first
    }
}
