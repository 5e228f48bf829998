// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI
package import MVCC

/// The answer to a request, with the records themselves inside: nothing is encoded twice.
package enum Reply: Sendable {
    case range(RangeReply)
    case put(PutReply)
    case deleteRange(DeleteReply)
    case txn(TxnReply)
    case compaction
    case leaseGrant(id: Int64, ttl: Int64)
    case leaseRevoke
    case leaseCheckpoint
    case alarm([AlarmMember])
    case memberAdded(Member, members: [Member])
    /// The answer to a removal, an update, a promotion or a list: one form for all.
    case members([Member])
    case authStatus(isEnabled: Bool, revision: UInt64)
    /// The token is empty where tokens are signed: then the user and the revision go into one.
    case loggedIn(token: String, user: String, revision: UInt64)
    /// Users, roles, or the roles of a user.
    case names([String])
    case permissions([Permission])
    /// A header and nothing else.
    case empty
}

package struct RangeReply: Sendable {
    package var records: [Record] = []
    /// All keys in the range, whatever the limit and the filters.
    package var count: Int64 = 0
    package var more = false
    package var keysOnly = false
    /// The store's current revision when this was read, also for a read of the past.
    package var revision: Int64
}

package struct PutReply: Sendable {
    package var previous: Record?
    package var revision: Int64
}

package struct DeleteReply: Sendable {
    package var deleted: Int64
    /// Filled only if asked for.
    package var previous: [Record] = []
    package var revision: Int64
}

package struct TxnReply: Sendable {
    package enum Part: Sendable {
        case range(RangeReply)
        case put(PutReply)
        case deleteRange(DeleteReply)
        case txn(TxnReply)
        /// For an operation without content.
        case none
    }

    package var succeeded: Bool
    package var parts: [Part]
    package var revision: Int64
}
