// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI
package import Raft
package import Replicated

/// What a member asks of the outside world, in the order it should be begun.
package enum Output {
    /// To a peer's stream; losing it is allowed.
    case send(Message)
    /// To the log; answered by `.appended`.
    case append(AppendBatch)
    case reply(CallNumber, Answer)
    /// An encoded WatchResponse for a stream, in order.
    case deliver(StreamNumber, [UInt8])
    case endStream(StreamNumber, EtcdError)
    /// Write this state beside the log; answered by `.checkpointWritten` or `.checkpointFailed`.
    case checkpoint(LedgerView, SnapshotMetadata)
    /// Send this state with the message to a peer; answered by `.snapshotSent`.
    case sendSnapshot(Message, LedgerView)
    /// Load the store that came with this snapshot; answered by `.snapshotLoaded`.
    case loadSnapshot(SnapshotMetadata)
    /// Ask the leader over the peer port and pass its answer on to the caller.
    case forward(CallNumber, to: MemberID, ForwardedRequest)
    /// Hash rows on another thread; answered by `.hashed`.
    case hash(HashOrder)
    /// Ask every other member for its hash at that revision; answered by `.hashesSeen`, always.
    case askHashes(round: UInt64, revision: Int64)
    /// Who is in the cluster changed.
    case membersChanged
    case leaderChanged(leader: MemberID?, term: Term)
    /// This member was removed from the cluster: stop serving.
    case removed
    /// Leadership is no longer here, or nobody could take it; the process may end.
    case handedOver
    /// This member and another hold different histories: it must not serve another request.
    case failed(String)
    /// Something a person may want to read.
    case note(Note)
}

package enum ForwardedRequest: Sendable {
    case leaseKeepAlive(Int64)
    case leaseTimeToLive(LeaseTimeToLiveRequest)
    case memberPromote(MemberID)
}

package enum Answer {
    /// The encoded response message.
    case message([UInt8])
    case failure(EtcdError)
    /// A long list: encode and send it in pieces. Only with `NodeSettings.slicesLists`.
    case list(RangeSlices)
    /// Work over an immutable view, for another thread than the core's.
    case compute(Computation)
    /// The members after a promotion asked for by a peer.
    case members([Member])
    case done
}

package enum Computation: Sendable {
    case hash(LedgerView, ResponseHeader)
    case hashKV(LedgerView, revision: Int64, ResponseHeader)
    case snapshot(LedgerView)
    /// Compare the caller's password; slow on purpose.
    case passwordCheck(Credentials)
    /// Answer a log-in with a token that the shell signs.
    case signedToken(user: String, revision: UInt64, ResponseHeader)
}

/// A log line's worth of news, typed so that the shell words it and the simulator counts it.
package enum Note: Equatable, Sendable {
    case becameLeader(term: Term)
    case becameFollower(term: Term, leader: MemberID?)
    case memberAdded(MemberID, peerURLs: [String], isLearner: Bool)
    case memberRemoved(MemberID)
    case memberPromoted(MemberID)
    case memberUpdated(MemberID, peerURLs: [String])
    case membershipRefused(String)
    case clusterVersionSet(String)
    case published(name: String)
    case compacted(revision: Int64)
    case compactionFinished(revision: Int64)
    case alarmRaised(String)
    case alarmCleared(String)
    case snapshotNeeded(by: MemberID, index: LogIndex)
    case snapshotRestored(index: LogIndex)
    case leasesExpired(count: Int)
    case transferStarted(to: MemberID)
    case transferFailed
    /// All members have the same hash at that revision.
    case storesAgree(revision: Int64, members: Int)
    /// These hold other data than the others.
    case storesDiffer(revision: Int64, members: [MemberID])
    /// Some members could not be asked, or had nothing to compare.
    case storesNotCompared(revision: Int64, compared: Int, members: Int)
}
