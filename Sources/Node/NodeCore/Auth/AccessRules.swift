// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

// Who may call what while authentication is on.
//
//   identity of a call ──> Tokens ──> Asker (name, auth revision)
//   method ──> AccessRules ──> checked here: open, user, root
//                              checked by keys: where a read is served, where an entry is applied
//
// A method without a row is refused: a new one is shut until somebody decides about it. The rules
// follow etcd's newest patches, which ask for a user or for root in several places where older ones
// ask nobody; docs/compatibility.md lists them.

/// What a method needs.
package enum Access: Equatable, Sendable {
    /// Nothing; it tells no secrets, or it is how one logs in.
    case open
    /// Any user.
    case user
    /// A user with the role `root`.
    case root
    /// A user to ask, root to change (alarms).
    case userOrRootToChange
    /// Rights on the keys it touches, decided from the store where it is served or applied.
    case keys
    /// Root, or the one it is about; decided when applied.
    case rootOrOwn
}

package enum AccessRules {
    /// Nil: refused.
    package static func access(to rpc: RPC) -> Access? {
        rows.first { $0.rpc == rpc }?.access
    }

    static let rows: [(rpc: RPC, access: Access)] = [
        (.range, .keys),
        (.rangeStream, .keys),
        (.put, .keys),
        (.deleteRange, .keys),
        (.txn, .keys),
        (.compact, .root),
        (.watch, .keys),
        (.leaseGrant, .user),
        // And rights on its keys, when applied.
        (.leaseRevoke, .user),
        (.leaseKeepAlive, .keys),
        (.leaseTimeToLive, .keys),
        (.leaseLeases, .keys),
        (.memberAdd, .root),
        (.memberRemove, .root),
        (.memberUpdate, .root),
        (.memberList, .user),
        (.memberPromote, .root),
        (.alarm, .userOrRootToChange),
        (.status, .user),
        (.defragment, .root),
        (.hash, .root),
        (.hashKV, .root),
        (.snapshot, .root),
        (.moveLeader, .root),
        (.downgrade, .root),
        (.authEnable, .root),
        (.authDisable, .root),
        (.authStatus, .root),
        (.authenticate, .open),
        (.userAdd, .root),
        (.userGet, .rootOrOwn),
        (.userList, .root),
        (.userDelete, .root),
        (.userChangePassword, .root),
        (.userGrantRole, .root),
        (.userRevokeRole, .root),
        (.roleAdd, .root),
        (.roleGet, .rootOrOwn),
        (.roleList, .root),
        (.roleDelete, .root),
        (.roleGrantPermission, .root),
        (.roleRevokePermission, .root),
        // Made of calls to the services above, which ask again.
        (.lock, .keys),
        (.unlock, .keys),
        (.electionCampaign, .keys),
        (.electionProclaim, .keys),
        (.electionLeader, .keys),
        (.electionObserve, .keys),
        (.electionResign, .keys),
        (.healthCheck, .open),
        (.healthWatch, .open),
        (.healthList, .open),
    ]
}

extension Request {
    /// Whose rule holds. Nil for what members ask each other and what a member asks itself: no
    /// client can call these.
    var rpc: RPC? {
        switch self {
        case .range: .range
        case .put: .put
        case .deleteRange: .deleteRange
        case .txn: .txn
        case .compact: .compact
        case .leaseGrant: .leaseGrant
        case .leaseRevoke: .leaseRevoke
        case .leaseKeepAlive: .leaseKeepAlive
        case .leaseTimeToLive: .leaseTimeToLive
        case .leaseLeases: .leaseLeases
        case .peerLeaseKeepAlive, .peerLeaseTimeToLive, .peerMemberPromote, .linearizableProbe: nil
        case .memberList: .memberList
        case .memberAdd: .memberAdd
        case .memberRemove: .memberRemove
        case .memberUpdate: .memberUpdate
        case .memberPromote: .memberPromote
        case .alarm: .alarm
        case .status: .status
        case .hash: .hash
        case .hashKV: .hashKV
        case .defragment: .defragment
        case .moveLeader: .moveLeader
        case .snapshot: .snapshot
        case .downgrade: .downgrade
        case .administer(let request): request.rpc
        case .credentials, .logIn: .authenticate
        }
    }

    var isOfMembers: Bool { rpc == nil }
}
