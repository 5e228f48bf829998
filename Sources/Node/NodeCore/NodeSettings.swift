// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// What a member is told once, at start. Times are durations; nothing here is read from a clock.
package struct NodeSettings: Sendable {
    package var memberID: MemberID
    package var clusterID: ClusterID
    package var name: String
    package var clientURLs: [String]
    /// What this build calls itself towards peers and clients, `X.Y.Z`.
    package var version = "3.6.5"
    package var heartbeatInterval = Duration.milliseconds(100)
    /// Heartbeat intervals in one election timeout.
    package var electionTicks = 10
    package var preVote = true
    /// The first election does not wait for a whole election timeout.
    package var hastensFirstElection = true
    /// Applied entries after which the in-memory log is cut and a checkpoint is considered.
    package var snapshotCount: UInt64 = 10_000
    /// Entries kept in memory behind the applied index for slow followers.
    package var catchUpEntries: UInt64 = 5_000
    /// Bytes of log after which a checkpoint is due even if few entries came.
    package var checkpointBytes = 64 << 20
    package var quotaBytes: Int64 = 2 << 30
    package var maxRequestBytes = 1_572_864
    /// Encoded bytes at which a watch response is cut for who asked for fragments; nil for etcd's
    /// measure, the largest request and half a MiB.
    package var watchFragmentBytes: Int?
    package var maxTxnOps = 128
    package var maxLearners = 1
    package var strictReconfigCheck = true
    package var autoCompaction = AutoCompactionRule.off
    /// How often the leader compares the hashes of compactions; nil is never.
    package var compactHashCheckInterval: Duration? = .seconds(60)
    /// How often the leader compares hashes of the whole store; nil is never.
    package var corruptCheckInterval: Duration?
    package var progressNotifyInterval = Duration.seconds(600)
    package var compactionBatch = 1_000
    /// What watchers are told in a turn. Those that are beyond it read history later.
    package var watchPace = WatchPace()
    /// Whether the shell takes long lists as `Answer.list`; else they are encoded at once.
    package var slicesLists = false
    /// How long a simple token lives after its last use.
    package var tokenLife = Duration.seconds(300)
    /// Unix milliseconds at start: the seed of request ids, so a restart never repeats one.
    package var startedAt: UInt64
    /// Seed of the randomized election timeout.
    package var seed: UInt64

    package init(
        memberID: MemberID, clusterID: ClusterID, name: String, clientURLs: [String],
        startedAt: UInt64, seed: UInt64
    ) {
        self.memberID = memberID
        self.clusterID = clusterID
        self.name = name
        self.clientURLs = clientURLs
        self.startedAt = startedAt
        self.seed = seed
    }

    var electionTimeout: Duration { heartbeatInterval * electionTicks }
    /// Five seconds and two election timeouts, etcd's `ReqTimeout`.
    var requestTimeout: Duration { .seconds(5) + electionTimeout * 2 }
    /// The shortest lease a leader can still tell from a missed heartbeat: 1.5 election timeouts.
    package var minimumLeaseTTL: Int64 {
        (electionTimeout.milliseconds * 3 / 2 + 999) / 1_000
    }
}

package enum AutoCompactionRule: Equatable, Sendable {
    case off
    /// Keep this much time.
    case periodic(Duration)
    /// Keep this many revisions.
    case revisions(Int64)
}

/// Bounds that have no flag, and what happens when each is reached.
enum Limits {
    /// Committed entries not yet applied; beyond it new writes answer "too many requests".
    static let applyGap: UInt64 = 5_000
    /// Proposals waiting for their entry; beyond it new ones answer "too many requests".
    static let proposals = 200_000
    /// Reads waiting for a quorum round; beyond it new ones answer "too many requests".
    static let reads = 200_000
    /// Bytes of answers to reads in one turn.
    static let readBytes = 1 << 20
    /// Bytes of proposals waiting for their entry; beyond it new ones answer "too many requests".
    static let proposalBytes = 256 << 20
    /// Records from which on a range is a long list.
    static let longList = 1_000
    /// Bytes from which on a shorter list is sent in pieces as well.
    static let longListBytes = 64 << 10
    /// Bytes of one catching-up delivery to a watcher.
    static let catchUpBytes = 1 << 20
    /// Revisions read for one catching-up delivery.
    static let catchUpRevisions = 1_000
    /// Watchers served per turn while they catch up.
    static let catchUpWatchers = 512
    /// Lease revocations proposed per 500 ms.
    static let leaseRevokes = 500
    /// Simple tokens; beyond it the one that would end first is forgotten.
    static let tokens = 100_000
    /// Calls whose token is not known yet; beyond it they are refused at once.
    static let earlyTokens = 1_000
    /// A waiting read asks again for its quorum round after this long.
    static let readRetry = Duration.milliseconds(500)
}
