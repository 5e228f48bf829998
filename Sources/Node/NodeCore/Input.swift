// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI
package import MVCC
package import Raft
package import Replicated

/// What the outside world tells a member: it has already happened.
package enum Input {
    /// One heartbeat interval passed. `wall` is Unix time in milliseconds, used only for ids.
    case ticked
    /// A peer's Raft message. A snapshot's store was saved by the shell before this comes in.
    case received(Message)
    case called(Call, Request)
    /// The client went away or its deadline passed: nobody waits for the reply any more.
    case abandoned(CallNumber)
    /// Log appends numbered up to here survived a sync.
    case appended(through: AppendNumber)
    /// The log has no room: writes are refused, reads go on. Cleared by `false`.
    case diskFilled(Bool)
    /// The store that an accepted snapshot carried, ready to take over.
    case snapshotLoaded(SnapshotMetadata, Ledger)
    /// A checkpoint of the state up to `index` is on disk.
    case checkpointWritten(index: LogIndex)
    case checkpointFailed
    case snapshotSent(to: MemberID, succeeded: Bool)
    case peerUnreachable(MemberID)
    /// Whether messages reach that peer; the shell tells each change.
    case peerConnected(MemberID, Bool)
    /// What each member that could be asked runs, as `X.Y.Z`; nil for one that did not answer.
    case versionsSeen([MemberID: String?])
    /// What an `Output.hash` has come to; nil if there is no such revision.
    case hashed(HashPurpose, KeyspaceHash?, took: Duration)
    /// Of an `Output.askHashes`: the members that answered.
    case hashesSeen(round: UInt64, [MemberID: KeyspaceHash])
    case watchOpened(StreamNumber, requiresLeader: Bool)
    case watchRequested(StreamNumber, WatchRequest, Identity = .anonymous)
    /// The stream's window is shut: its watchers fall behind until `watchDrained`.
    case watchBlocked(StreamNumber)
    case watchDrained(StreamNumber)
    case watchClosed(StreamNumber)
    /// The process was asked to end: hand leadership over, if there is anyone to take it.
    case stopping
}

/// Names a unary call between the shell and the core; the shell never uses one twice.
package typealias CallNumber = UInt64
/// Names a watch stream likewise.
package typealias StreamNumber = UInt64

/// What surrounds a request.
package struct Call: Sendable {
    package var number: CallNumber
    /// The client wants no answer from a member that knows no leader (metadata `hasleader`).
    package var requiresLeader: Bool
    /// Who asks. Looked at anew whenever the call is proposed or served.
    package var identity: Identity

    package init(
        number: CallNumber, requiresLeader: Bool = false, identity: Identity = .anonymous
    ) {
        self.number = number
        self.requiresLeader = requiresLeader
        self.identity = identity
    }
}

/// How a caller says who it is. Counts for nothing while authentication is off.
package enum Identity: Equatable, Sendable {
    case anonymous
    /// A simple token; whether it is one is for the core to say.
    case token(String)
    /// A signed token whose signature and time the shell has found good.
    case signed(user: String, authRevision: UInt64)
    /// The common name of a client certificate that the shell has verified.
    case certificate(commonName: String)
    /// A token that cannot be good, whatever the core knows.
    case invalid
    /// Another member, over the peer port: it has asked its own client already.
    case peer
}

package enum Request: Sendable {
    case range(RangeRequest)
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(TxnRequest)
    case compact(CompactionRequest)
    case leaseGrant(LeaseGrantRequest)
    case leaseRevoke(LeaseRevokeRequest)
    case leaseKeepAlive(Int64)
    case leaseTimeToLive(LeaseTimeToLiveRequest)
    case leaseLeases
    /// A follower's client renews through the leader; never forwarded again.
    case peerLeaseKeepAlive(Int64)
    case peerLeaseTimeToLive(LeaseTimeToLiveRequest)
    case memberList(linearizable: Bool)
    /// The shell derives `id` from the URLs and the time, as etcd does.
    case memberAdd(MemberAddRequest, id: MemberID)
    case memberRemove(MemberID)
    case memberUpdate(MemberUpdateRequest)
    case memberPromote(MemberID)
    case peerMemberPromote(MemberID)
    case alarm(AlarmRequest)
    case status
    case hash
    case hashKV(revision: Int64)
    case defragment
    case moveLeader(to: MemberID)
    case snapshot
    case downgrade(DowngradeRequest)
    /// A quorum answers and this member is level with it: what /health and /readyz ask.
    case linearizableProbe
    /// A call of the auth service.
    case administer(AuthRequest)
    /// What a password is checked against, as of now.
    case credentials(name: String)
    /// The password was right when the auth revision was this. The prefix is 16 random letters, or
    /// empty where tokens are signed.
    case logIn(name: String, tokenPrefix: String, revision: UInt64)
}
