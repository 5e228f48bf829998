// SPDX-License-Identifier: Apache-2.0

extension WireMessage {
    package init(json node: JSONNode) throws(JSONFailure) {
        self = try JSONReader.read(node)
    }

    package init(jsonText text: [UInt8]) throws(JSONFailure) {
        self = try JSONReader.read(try JSONStream.whole(text))
    }

    /// The message as protobuf's JSON mapping has it.
    package func json() -> [UInt8] {
        var output: [UInt8] = []
        JSONPrinter.append(self, to: &output)
        return output
    }
}

/// Translates a method's messages between JSON and protobuf.
package enum GatewayMessages {
    /// A JSON request as the bytes of the request message.
    package static func request(_ rpc: RPC, _ node: JSONNode) throws(JSONFailure) -> [UInt8] {
        try encoded(types(of: rpc).request, node)
    }

    private static func encoded<M: WireMessage>(
        _ type: M.Type, _ node: JSONNode
    ) throws(JSONFailure) -> [UInt8] {
        try M(json: node).encoded()
    }

    /// The bytes of a response message as JSON, after what `output` holds.
    package static func appendResponse(
        _ rpc: RPC, _ message: [UInt8], to output: inout [UInt8]
    ) throws(WireError) {
        try append(types(of: rpc).response, message, to: &output)
    }

    private static func append<M: WireMessage>(
        _ type: M.Type, _ message: [UInt8], to output: inout [UInt8]
    ) throws(WireError) {
        JSONPrinter.append(try M(decoding: message), to: &output)
    }

    private typealias Types = (request: any WireMessage.Type, response: any WireMessage.Type)

    private static func types(of rpc: RPC) -> Types {
        switch rpc {
        case .range: (RangeRequest.self, RangeResponse.self)
        case .rangeStream: (RangeRequest.self, RangeStreamResponse.self)
        case .put: (PutRequest.self, PutResponse.self)
        case .deleteRange: (DeleteRangeRequest.self, DeleteRangeResponse.self)
        case .txn: (TxnRequest.self, TxnResponse.self)
        case .compact: (CompactionRequest.self, CompactionResponse.self)
        case .watch: (WatchRequest.self, WatchResponse.self)
        case .leaseGrant: (LeaseGrantRequest.self, LeaseGrantResponse.self)
        case .leaseRevoke: (LeaseRevokeRequest.self, LeaseRevokeResponse.self)
        case .leaseKeepAlive: (LeaseKeepAliveRequest.self, LeaseKeepAliveResponse.self)
        case .leaseTimeToLive: (LeaseTimeToLiveRequest.self, LeaseTimeToLiveResponse.self)
        case .leaseLeases: (LeaseLeasesRequest.self, LeaseLeasesResponse.self)
        case .memberAdd: (MemberAddRequest.self, MemberAddResponse.self)
        case .memberRemove: (MemberRemoveRequest.self, MemberRemoveResponse.self)
        case .memberUpdate: (MemberUpdateRequest.self, MemberUpdateResponse.self)
        case .memberList: (MemberListRequest.self, MemberListResponse.self)
        case .memberPromote: (MemberPromoteRequest.self, MemberPromoteResponse.self)
        case .alarm: (AlarmRequest.self, AlarmResponse.self)
        case .status: (StatusRequest.self, StatusResponse.self)
        case .defragment: (DefragmentRequest.self, DefragmentResponse.self)
        case .hash: (HashRequest.self, HashResponse.self)
        case .hashKV: (HashKVRequest.self, HashKVResponse.self)
        case .snapshot: (SnapshotRequest.self, SnapshotResponse.self)
        case .moveLeader: (MoveLeaderRequest.self, MoveLeaderResponse.self)
        case .downgrade: (DowngradeRequest.self, DowngradeResponse.self)
        case .lock: (LockRequest.self, LockResponse.self)
        case .unlock: (UnlockRequest.self, UnlockResponse.self)
        case .electionCampaign: (CampaignRequest.self, CampaignResponse.self)
        case .electionProclaim: (ProclaimRequest.self, ProclaimResponse.self)
        case .electionLeader, .electionObserve: (LeaderRequest.self, LeaderResponse.self)
        case .electionResign: (ResignRequest.self, ResignResponse.self)
        case .healthCheck, .healthWatch: (HealthCheckRequest.self, HealthCheckResponse.self)
        case .healthList: (HealthListRequest.self, HealthListResponse.self)
        default: authTypes(of: rpc)
        }
    }

    private static func authTypes(of rpc: RPC) -> Types {
        switch rpc {
        case .authEnable: (AuthEnableRequest.self, AuthEnableResponse.self)
        case .authDisable: (AuthDisableRequest.self, AuthDisableResponse.self)
        case .authenticate: (AuthenticateRequest.self, AuthenticateResponse.self)
        case .userAdd: (AuthUserAddRequest.self, AuthUserAddResponse.self)
        case .userGet: (AuthUserGetRequest.self, AuthUserGetResponse.self)
        case .userList: (AuthUserListRequest.self, AuthUserListResponse.self)
        case .userDelete: (AuthUserDeleteRequest.self, AuthUserDeleteResponse.self)
        case .userChangePassword:
            (AuthUserChangePasswordRequest.self, AuthUserChangePasswordResponse.self)
        case .userGrantRole: (AuthUserGrantRoleRequest.self, AuthUserGrantRoleResponse.self)
        case .userRevokeRole: (AuthUserRevokeRoleRequest.self, AuthUserRevokeRoleResponse.self)
        case .roleAdd: (AuthRoleAddRequest.self, AuthRoleAddResponse.self)
        case .roleGet: (AuthRoleGetRequest.self, AuthRoleGetResponse.self)
        case .roleList: (AuthRoleListRequest.self, AuthRoleListResponse.self)
        case .roleDelete: (AuthRoleDeleteRequest.self, AuthRoleDeleteResponse.self)
        case .roleGrantPermission:
            (AuthRoleGrantPermissionRequest.self, AuthRoleGrantPermissionResponse.self)
        case .roleRevokePermission:
            (AuthRoleRevokePermissionRequest.self, AuthRoleRevokePermissionResponse.self)
        default: (AuthStatusRequest.self, AuthStatusResponse.self)
        }
    }
}
