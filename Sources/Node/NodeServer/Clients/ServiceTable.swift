// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import Net
internal import NodeCore
internal import Posix
internal import Replicated

/// Which methods are served here, and how the call of each is handled.
enum ServiceTable {
    static func serves(_ rpc: RPC) -> Bool {
        switch rpc {
        case .range, .put, .deleteRange, .txn, .compact, .watch, .leaseGrant, .leaseRevoke,
            .leaseKeepAlive, .leaseTimeToLive, .leaseLeases, .memberAdd, .memberRemove,
            .memberUpdate, .memberList, .memberPromote, .alarm, .status, .defragment, .hash,
            .hashKV, .snapshot, .moveLeader, .healthCheck, .healthWatch, .lock, .unlock,
            .electionCampaign, .electionProclaim, .electionLeader, .electionObserve,
            .electionResign, .downgrade, .rangeStream, .authEnable, .authDisable, .authStatus,
            .authenticate, .userAdd, .userGet, .userList, .userDelete, .userChangePassword,
            .userGrantRole, .userRevokeRole, .roleAdd, .roleGet, .roleList, .roleDelete,
            .roleGrantPermission, .roleRevokePermission:
            true
        default: false
        }
    }

    /// Nil if the call ended while its handler was made.
    static func begin(_ context: CallContext, _ head: GRPCCallHead) -> (any ServerCall)? {
        context.member.metrics.began(
            context.rpc, clientVersion: head.metadata.value(of: "client-api-version"))
        // What nobody has written a rule for is shut while there are users.
        if context.member.node.isShut(context.rpc) {
            context.fail(.permissionDenied)
            return nil
        }
        if let timeout = head.timeout {
            context.deadline = context.member.reactor.after(timeout) { [weak context] in
                context?.fail(.contextDeadlineExceeded)
            }
        }
        let handler = call(context)
        return context.isOver ? nil : handler
    }

    static func call(_ context: CallContext) -> any ServerCall {
        switch context.rpc {
        case .watch: WatchCall(context)
        case .leaseKeepAlive: KeepAliveCall(context)
        case .snapshot: SnapshotCall(context)
        case .range: RangeCall(context)
        case .rangeStream: RangeStreamCall(context)
        case .memberAdd: MemberAddCall(context)
        case .memberUpdate: MemberUpdateCall(context)
        case .healthCheck: HealthCheckCall(context)
        case .healthWatch: HealthWatchCall(context)
        case .lock, .unlock, .electionCampaign, .electionProclaim, .electionLeader,
            .electionObserve, .electionResign:
            RecipeCall(context)
        case .authenticate: AuthenticateCall(context)
        case .userAdd, .userChangePassword: PasswordCall(context)
        default: UnaryCall(context)
        }
    }

    /// The core's request for a unary call's message. Nil for a method that is no such call.
    static func request(_ rpc: RPC, _ message: [UInt8]) throws(WireError) -> Request? {
        switch rpc {
        case .range: .range(try RangeRequest(decoding: message))
        case .put: .put(try PutRequest(decoding: message))
        case .deleteRange: .deleteRange(try DeleteRangeRequest(decoding: message))
        case .txn: .txn(try TxnRequest(decoding: message))
        case .compact: .compact(try CompactionRequest(decoding: message))
        case .leaseGrant: .leaseGrant(try LeaseGrantRequest(decoding: message))
        case .leaseRevoke: .leaseRevoke(try LeaseRevokeRequest(decoding: message))
        case .leaseTimeToLive: .leaseTimeToLive(try LeaseTimeToLiveRequest(decoding: message))
        case .leaseLeases: .leaseLeases
        case .memberRemove: .memberRemove(MemberID(try MemberRemoveRequest(decoding: message).id))
        case .memberList:
            .memberList(linearizable: try MemberListRequest(decoding: message).linearizable)
        case .memberPromote:
            .memberPromote(MemberID(try MemberPromoteRequest(decoding: message).id))
        case .alarm: .alarm(try AlarmRequest(decoding: message))
        case .defragment: .defragment
        case .downgrade: .downgrade(try DowngradeRequest(decoding: message))
        case .hash: .hash
        case .hashKV: .hashKV(revision: try HashKVRequest(decoding: message).revision)
        case .moveLeader:
            .moveLeader(to: MemberID(try MoveLeaderRequest(decoding: message).targetID))
        case .status: .status
        default: try AuthRequest.decode(rpc, message).map { .administer($0) }
        }
    }
}

/// One request, one answer, both the core's.
final class UnaryCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard number == nil else { return }
        do throws(WireError) {
            guard let request = try ServiceTable.request(context.rpc, message) else {
                context.fail(
                    .unknownRPC(method: context.rpc.row.method, service: context.rpc.row.service))
                return
            }
            ask(request)
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func ask(_ request: Request) {
        let context = self.context
        number = context.call(request) { Answering.answer(context, $0) }
    }

    func inputEnded() {
        if number == nil, !context.isOver {
            context.finish(code: 13, message: "grpc: the request message is missing")
        }
    }

    func cancelled() {
        if let number { context.member.abandon(number) }
    }
}

/// Turns the core's answers into responses.
enum Answering {
    static func answer(_ context: CallContext, _ answer: Answer) {
        switch answer {
        case .message(let bytes): context.reply(bytes)
        case .failure(let error): context.fail(error)
        case .compute(let computation): compute(context, computation)
        case .list, .members, .done: context.reply([])
        }
    }

    private static func compute(_ context: CallContext, _ computation: Computation) {
        guard context.member.computing < LocalMember.computingLimit else {
            return context.fail(.tooManyRequests)
        }
        context.member.compute({ () -> Result<[UInt8], EtcdError> in
            switch computation {
            case .hash(let view, let header):
                var response = HashResponse()
                response.header = header
                response.hash = view.hash()
                return .success(response.encoded())
            case .hashKV(let view, let revision, let header):
                return HashKVAnswer.make(view, revision, header)
            case .snapshot, .passwordCheck, .signedToken:
                return .failure(.canceled)
            }
        }) { result in
            switch result {
            case .success(let bytes): context.reply(bytes)
            case .failure(let error): context.fail(error)
            }
        }
    }
}
