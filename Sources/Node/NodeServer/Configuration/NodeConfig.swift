// SPDX-License-Identifier: Apache-2.0
package import Program

/// Everything a member is told at its start, read and checked.
package struct NodeConfig: Equatable, Sendable {
    package enum ClusterState: String, Sendable {
        case new
        case existing
    }

    package enum AutoCompaction: Equatable, Sendable {
        case off
        /// Keep this much time.
        case periodic(Duration)
        /// Keep this many revisions.
        case revisions(Int64)
    }

    package enum LogOutput: Equatable, Sendable {
        case standardError
        case standardOutput
        case file(String)
    }

    package struct Keepalive: Equatable, Sendable {
        /// Clients that ping more often are cut off.
        package var minimumTime: Duration
        /// Zero is never.
        package var interval: Duration
        package var timeout: Duration
    }

    /// With whoever runs this member in a pod.
    package struct Contract: Equatable, Sendable {
        /// A file for each pod, by its name.
        package var ticketDirectory: String
        /// Nil: nobody may send tickets.
        package var adminTokenFile: String?
        package var podName: String
        /// Empty when nobody told us.
        package var podUID: String
    }

    // Who and where.
    package var name: String
    package var dataDirectory: String
    /// Nil: inside the data directory.
    package var logDirectory: String?
    package var listenClientURLs: [ServiceURL]
    package var advertiseClientURLs: [ServiceURL]
    package var listenPeerURLs: [ServiceURL]
    package var advertisePeerURLs: [ServiceURL]
    package var listenMetricsURLs: [ServiceURL]

    // Who may listen in, and who is let in.
    package var clientSecurity: TransportSecurity
    package var peerSecurity: TransportSecurity

    // The cluster; read by `initialMembers()` only when a cluster is made or joined.
    package var initialCluster: String
    package var initialClusterToken: String
    package var initialClusterState: ClusterState
    /// Whose SRV records tell `initialCluster`; empty where it is told otherwise.
    package var discoveryDomain = ""
    package var discoveryServiceName = ""

    // Consensus.
    package var heartbeatInterval: Duration
    package var electionTimeout: Duration
    package var preVote: Bool
    package var advancesElectionTicks: Bool
    package var strictReconfigCheck: Bool
    package var maxLearners: Int
    package var snapshotCount: UInt64
    package var snapshotCatchUpEntries: UInt64
    package var syncsToDisk: Bool

    // The store.
    /// Nil: no quota.
    package var quotaBytes: Int64?
    package var autoCompaction: AutoCompaction
    package var compactionBatchLimit: Int
    package var compactionSleepInterval: Duration
    /// No client is served before the store was compared with those of the other members.
    package var checksCorruptionAtStart: Bool
    /// How often the leader compares the hashes of compactions; nil is never.
    package var compactHashCheckTime: Duration?
    /// How often the leader compares hashes of the whole store; nil is never.
    package var corruptCheckTime: Duration?
    package var maxTxnOps: Int
    package var watchProgressInterval: Duration

    // Clients.
    package var maxRequestBytes: Int
    package var maxConcurrentStreams: UInt32
    package var keepalive: Keepalive
    package var servesGateway: Bool
    /// /v2 on the client ports.
    package var servesSecondAPI: Bool
    /// Pages of these origins may ask, under these names of the host; `*` is any.
    package var corsOrigins: [String]
    package var hostWhitelist: [String]

    /// Histograms of how long calls took.
    package var metricsAreExtensive: Bool

    // Users.
    package var authToken: TokenOptions
    /// Of a simple token after its last use.
    package var authTokenLife: Duration
    package var bcryptCost: Int

    // The log.
    package var logLevel: LogLevel
    package var logFormat: Logger.Format
    package var logOutputs: [LogOutput]
    package var slowApply: Duration
    package var slowRequest: Duration

    // Who runs it.
    /// Nil: the member starts by its flags alone.
    package var contract: Contract?
    /// Where the reason for a bad end is written; empty for nowhere.
    package var terminationLog: String

    /// Ticks of the consensus core until an election.
    package var electionTicks: Int {
        max(2, Int(electionTimeout / heartbeatInterval))
    }
}

/// Something to be logged as a warning once there is a log.
package struct ConfigNotice: Equatable, Sendable {
    package var message: String
    /// What it is about: a flag, a variable, a key of the file.
    package var subject: String
}
