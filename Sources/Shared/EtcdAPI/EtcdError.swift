// SPDX-License-Identifier: Apache-2.0

/// What a server may answer instead of a reply: one case per text.
///
/// The code is the one on the wire. `memberNotEnoughStarted` and `tooManyRequests` have 2 there,
/// although etcd's client library knows them by other codes. The `raw…` cases are how versions
/// up to 3.5 put errors of authentication in the maintenance service.
package enum EtcdError: Error, Hashable, Sendable {
    case emptyKey
    case keyNotFound
    case valueProvided
    case leaseProvided
    case tooManyOps
    case duplicateKey
    case invalidClientAPIVersion
    case invalidSortOption
    case compacted
    case futureRevision
    case noSpace
    case leaseNotFound
    case leaseExist
    case leaseTTLTooLarge
    case watchCanceled
    case memberExist
    case peerURLExist
    case memberNotEnoughStarted
    case memberBadURLs
    case memberNotFound
    case memberNotLearner
    case learnerNotReady
    case tooManyLearners
    case clusterIDMismatch
    case requestTooLarge
    case tooManyRequests
    case rootUserNotExist
    case rootRoleNotExist
    case userAlreadyExist
    case userEmpty
    case userNotFound
    case roleAlreadyExist
    case roleNotFound
    case roleEmpty
    case authFailed
    case permissionNotGiven
    case permissionDenied
    case roleNotGranted
    case permissionNotGranted
    case authNotEnabled
    case invalidAuthToken
    case invalidAuthMgmt
    case authOldRevision
    case noLeader
    case notLeader
    case leaderChanged
    case notCapable
    case stopped
    case timeout
    case timeoutDueToLeaderFail
    case timeoutDueToConnectionLost
    case timeoutWaitAppliedIndex
    case unhealthy
    case corrupt
    case notSupportedForLearner
    case badLeaderTransferee
    case wrongDowngradeVersionFormat
    case invalidDowngradeTargetVersion
    case clusterVersionUnavailable
    case downgradeInProcess
    case noInflightDowngrade
    case canceled
    case deadlineExceeded
    case noPasswordUser
    case notPrimaryLessor
    case unknownDowngradeAction
    case timeoutLeaderTransfer
    case requestCancelled
    case proposalDropped
    case contextCanceled
    case contextDeadlineExceeded
    case rawUserEmpty
    case rawPermissionDenied
    case rawInvalidAuthToken
    case rawAuthOldRevision
    case electionMissingLeaderKey
    case electionNoLeader
    case electionNotLeader
    case healthUnknownService
    /// A gRPC message longer than the server takes.
    case messageTooLarge(count: Int, limit: Int)
    case unknownService(name: String)
    case unknownRPC(method: String, service: String)
    case malformedMethod(path: String)
    /// A message that does not decode.
    case undecodable(String)
}

extension EtcdError {
    /// The gRPC status number.
    package var code: Int { status.0.rawValue }
    /// The exact text of the status.
    package var text: String { status.1 }

    /// gRPC's own status numbers.
    package enum Code: Int, Sendable {
        case canceled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    /// The cases that need nothing to be said, in the order of the table.
    package static let plain: [EtcdError] = [
        .emptyKey, .keyNotFound, .valueProvided, .leaseProvided, .tooManyOps, .duplicateKey,
        .invalidClientAPIVersion, .invalidSortOption, .compacted, .futureRevision, .noSpace,
        .leaseNotFound, .leaseExist, .leaseTTLTooLarge, .watchCanceled, .memberExist,
        .peerURLExist, .memberNotEnoughStarted, .memberBadURLs, .memberNotFound,
        .memberNotLearner, .learnerNotReady, .tooManyLearners, .clusterIDMismatch,
        .requestTooLarge, .tooManyRequests, .rootUserNotExist, .rootRoleNotExist,
        .userAlreadyExist, .userEmpty, .userNotFound, .roleAlreadyExist, .roleNotFound,
        .roleEmpty, .authFailed, .permissionNotGiven, .permissionDenied, .roleNotGranted,
        .permissionNotGranted, .authNotEnabled, .invalidAuthToken, .invalidAuthMgmt,
        .authOldRevision, .noLeader, .notLeader, .leaderChanged, .notCapable, .stopped, .timeout,
        .timeoutDueToLeaderFail, .timeoutDueToConnectionLost, .timeoutWaitAppliedIndex,
        .unhealthy, .corrupt, .notSupportedForLearner, .badLeaderTransferee,
        .wrongDowngradeVersionFormat, .invalidDowngradeTargetVersion, .clusterVersionUnavailable,
        .downgradeInProcess, .noInflightDowngrade, .canceled, .deadlineExceeded, .noPasswordUser,
        .notPrimaryLessor, .unknownDowngradeAction, .timeoutLeaderTransfer, .requestCancelled,
        .proposalDropped, .contextCanceled, .contextDeadlineExceeded, .rawUserEmpty,
        .rawPermissionDenied, .rawInvalidAuthToken, .rawAuthOldRevision,
        .electionMissingLeaderKey, .electionNoLeader, .electionNotLeader, .healthUnknownService,
    ]

    /// The case with this text, or nil if no plain case has it.
    package init?(text: String) {
        guard let found = Self.plain.first(where: { $0.text == text }) else { return nil }
        self = found
    }

    private var status: (Code, String) {
        switch self {
        case .emptyKey: (.invalidArgument, "etcdserver: key is not provided")
        case .keyNotFound: (.invalidArgument, "etcdserver: key not found")
        case .valueProvided: (.invalidArgument, "etcdserver: value is provided")
        case .leaseProvided: (.invalidArgument, "etcdserver: lease is provided")
        case .tooManyOps: (.invalidArgument, "etcdserver: too many operations in txn request")
        case .duplicateKey: (.invalidArgument, "etcdserver: duplicate key given in txn request")
        case .invalidClientAPIVersion: (.invalidArgument, "etcdserver: invalid client api version")
        case .invalidSortOption: (.invalidArgument, "etcdserver: invalid sort option")
        case .compacted: (.outOfRange, "etcdserver: mvcc: required revision has been compacted")
        case .futureRevision:
            (.outOfRange, "etcdserver: mvcc: required revision is a future revision")
        case .noSpace: (.resourceExhausted, "etcdserver: mvcc: database space exceeded")
        case .leaseNotFound: (.notFound, "etcdserver: requested lease not found")
        case .leaseExist: (.failedPrecondition, "etcdserver: lease already exists")
        case .leaseTTLTooLarge: (.outOfRange, "etcdserver: too large lease TTL")
        case .watchCanceled: (.canceled, "etcdserver: watch canceled")
        case .memberExist: (.failedPrecondition, "etcdserver: member ID already exist")
        case .peerURLExist: (.failedPrecondition, "etcdserver: Peer URLs already exists")
        case .memberNotEnoughStarted:
            (.unknown, "etcdserver: re-configuration failed due to not enough started members")
        case .memberBadURLs: (.invalidArgument, "etcdserver: given member URLs are invalid")
        case .memberNotFound: (.notFound, "etcdserver: member not found")
        case .memberNotLearner:
            (.failedPrecondition, "etcdserver: can only promote a learner member")
        case .learnerNotReady:
            (
                .failedPrecondition,
                "etcdserver: can only promote a learner member which is in "
                    + "sync with leader"
            )
        case .tooManyLearners:
            (.failedPrecondition, "etcdserver: too many learner members in cluster")
        case .clusterIDMismatch: (.failedPrecondition, "etcdserver: cluster ID mismatch")
        case .requestTooLarge: (.invalidArgument, "etcdserver: request is too large")
        case .tooManyRequests: (.unknown, "etcdserver: too many requests")
        case .rootUserNotExist: (.failedPrecondition, "etcdserver: root user does not exist")
        case .rootRoleNotExist:
            (.failedPrecondition, "etcdserver: root user does not have root role")
        case .userAlreadyExist: (.failedPrecondition, "etcdserver: user name already exists")
        case .userEmpty: (.invalidArgument, "etcdserver: user name is empty")
        case .userNotFound: (.failedPrecondition, "etcdserver: user name not found")
        case .roleAlreadyExist: (.failedPrecondition, "etcdserver: role name already exists")
        case .roleNotFound: (.failedPrecondition, "etcdserver: role name not found")
        case .roleEmpty: (.invalidArgument, "etcdserver: role name is empty")
        case .authFailed:
            (.invalidArgument, "etcdserver: authentication failed, invalid user ID or password")
        case .permissionNotGiven: (.invalidArgument, "etcdserver: permission not given")
        case .permissionDenied: (.permissionDenied, "etcdserver: permission denied")
        case .roleNotGranted: (.failedPrecondition, "etcdserver: role is not granted to the user")
        case .permissionNotGranted:
            (.failedPrecondition, "etcdserver: permission is not granted to the role")
        case .authNotEnabled: (.failedPrecondition, "etcdserver: authentication is not enabled")
        case .invalidAuthToken: (.unauthenticated, "etcdserver: invalid auth token")
        case .invalidAuthMgmt: (.invalidArgument, "etcdserver: invalid auth management")
        case .authOldRevision: (.invalidArgument, "etcdserver: revision of auth store is old")
        case .noLeader: (.unavailable, "etcdserver: no leader")
        case .notLeader: (.failedPrecondition, "etcdserver: not leader")
        case .leaderChanged: (.unavailable, "etcdserver: leader changed")
        case .notCapable: (.failedPrecondition, "etcdserver: not capable")
        case .stopped: (.unavailable, "etcdserver: server stopped")
        case .timeout: (.unavailable, "etcdserver: request timed out")
        case .timeoutDueToLeaderFail:
            (.unavailable, "etcdserver: request timed out, possibly due to previous leader failure")
        case .timeoutDueToConnectionLost:
            (.unavailable, "etcdserver: request timed out, possibly due to connection lost")
        case .timeoutWaitAppliedIndex:
            (
                .unavailable,
                "etcdserver: request timed out, waiting for the applied "
                    + "index took too long"
            )
        case .unhealthy: (.unavailable, "etcdserver: unhealthy cluster")
        case .corrupt: (.dataLoss, "etcdserver: corrupt cluster")
        case .notSupportedForLearner:
            (.failedPrecondition, "etcdserver: rpc not supported for learner")
        case .badLeaderTransferee: (.failedPrecondition, "etcdserver: bad leader transferee")
        case .wrongDowngradeVersionFormat:
            (.invalidArgument, "etcdserver: wrong downgrade target version format")
        case .invalidDowngradeTargetVersion:
            (.invalidArgument, "etcdserver: invalid downgrade target version")
        case .clusterVersionUnavailable:
            (.failedPrecondition, "etcdserver: cluster version not found during downgrade")
        case .downgradeInProcess:
            (.failedPrecondition, "etcdserver: cluster has a downgrade job in progress")
        case .noInflightDowngrade: (.failedPrecondition, "etcdserver: no inflight downgrade job")
        case .canceled: (.canceled, "etcdserver: request canceled")
        case .deadlineExceeded: (.deadlineExceeded, "etcdserver: context deadline exceeded")
        case .noPasswordUser:
            (.unknown, "auth: authentication failed, password was given for no password user")
        case .notPrimaryLessor: (.unknown, "not a primary lessor")
        case .unknownDowngradeAction: (.unknown, "etcdserver: unknown method")
        case .timeoutLeaderTransfer:
            (.unknown, "etcdserver: request timed out, leader transfer took too long")
        case .requestCancelled: (.unknown, "etcdserver: request cancelled")
        case .proposalDropped: (.unknown, "raft proposal dropped")
        case .contextCanceled: (.canceled, "context canceled")
        case .contextDeadlineExceeded: (.deadlineExceeded, "context deadline exceeded")
        case .rawUserEmpty: (.unknown, "auth: user name is empty")
        case .rawPermissionDenied: (.unknown, "auth: permission denied")
        case .rawInvalidAuthToken: (.unknown, "auth: invalid auth token")
        case .rawAuthOldRevision: (.unknown, "auth: revision in header is old")
        case .electionMissingLeaderKey: (.unknown, "\"leader\" field must be provided")
        case .electionNoLeader: (.unknown, "election: no leader")
        case .electionNotLeader: (.unknown, "election: not leader")
        case .healthUnknownService: (.notFound, "unknown service")
        case .messageTooLarge(let count, let limit):
            (
                .resourceExhausted,
                "grpc: received message larger than max (\(count) vs. \(limit))"
            )
        case .unknownService(let name): (.unimplemented, "unknown service \(name)")
        case .unknownRPC(let method, let service):
            (.unimplemented, "unknown method \(method) for service \(service)")
        case .malformedMethod(let path): (.unimplemented, "malformed method name: \"\(path)\"")
        case .undecodable(let why):
            (.internal, "grpc: error unmarshalling request: \(why)")
        }
    }
}

/// Why the server ended a watch; the text goes into `WatchResponse.cancelReason`.
package enum WatchCancelReason: Hashable, Sendable {
    /// The start or resume point is gone; the client tells it by `compactRevision`.
    case compacted
    case negativeRevision
    case emptyRange
    case duplicateID
    /// The creation was refused: the text wraps the error.
    case refused(EtcdError)

    package var text: String {
        switch self {
        case .compacted: ""
        case .negativeRevision: EtcdError.compacted.text
        case .emptyRange: "mvcc: watcher range is empty"
        case .duplicateID: "mvcc: duplicate watch ID provided on the WatchStream"
        case .refused(let error): "rpc error: code = \(error.codeName) desc = \(error.text)"
        }
    }
}

extension EtcdError {
    /// The code as Go's gRPC prints it: `PermissionDenied`.
    package var codeName: String {
        let name = "\(status.0)"
        return name.prefix(1).uppercased() + name.dropFirst()
    }
}
