// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

/// A method for each unary RPC. All wait as long as the settings say; `call` takes another time.
extension Client {
    // MARK: KV

    package func range(
        _ request: RangeRequest
    ) throws(ClientError) -> RangeResponse {
        try call(.range, request)
    }

    package func put(
        _ request: PutRequest
    ) throws(ClientError) -> PutResponse {
        try call(.put, request)
    }

    package func deleteRange(
        _ request: DeleteRangeRequest
    ) throws(ClientError) -> DeleteRangeResponse {
        try call(.deleteRange, request)
    }

    package func txn(
        _ request: TxnRequest
    ) throws(ClientError) -> TxnResponse {
        try call(.txn, request)
    }

    package func compact(
        _ request: CompactionRequest
    ) throws(ClientError) -> CompactionResponse {
        try call(.compact, request)
    }

    // MARK: Leases

    package func leaseGrant(
        _ request: LeaseGrantRequest
    ) throws(ClientError) -> LeaseGrantResponse {
        try call(.leaseGrant, request)
    }

    package func leaseRevoke(
        _ request: LeaseRevokeRequest
    ) throws(ClientError) -> LeaseRevokeResponse {
        try call(.leaseRevoke, request)
    }

    package func leaseTimeToLive(
        _ request: LeaseTimeToLiveRequest
    ) throws(ClientError) -> LeaseTimeToLiveResponse {
        try call(.leaseTimeToLive, request)
    }

    package func leaseLeases() throws(ClientError) -> LeaseLeasesResponse {
        try call(.leaseLeases, LeaseLeasesRequest())
    }

    // MARK: Members

    package func memberAdd(
        _ request: MemberAddRequest
    ) throws(ClientError) -> MemberAddResponse {
        try call(.memberAdd, request)
    }

    package func memberRemove(
        _ request: MemberRemoveRequest
    ) throws(ClientError) -> MemberRemoveResponse {
        try call(.memberRemove, request)
    }

    package func memberUpdate(
        _ request: MemberUpdateRequest
    ) throws(ClientError) -> MemberUpdateResponse {
        try call(.memberUpdate, request)
    }

    package func memberList(
        _ request: MemberListRequest
    ) throws(ClientError) -> MemberListResponse {
        try call(.memberList, request)
    }

    package func memberPromote(
        _ request: MemberPromoteRequest
    ) throws(ClientError) -> MemberPromoteResponse {
        try call(.memberPromote, request)
    }

    // MARK: Maintenance

    package func alarm(_ request: AlarmRequest) throws(ClientError) -> AlarmResponse {
        try call(.alarm, request, isRead: request.action == .get)
    }

    package func status() throws(ClientError) -> StatusResponse {
        try call(.status, StatusRequest())
    }

    package func defragment() throws(ClientError) -> DefragmentResponse {
        try call(.defragment, DefragmentRequest())
    }

    package func hash() throws(ClientError) -> HashResponse {
        try call(.hash, HashRequest())
    }

    package func hashKV(
        _ request: HashKVRequest
    ) throws(ClientError) -> HashKVResponse {
        try call(.hashKV, request)
    }

    package func moveLeader(
        _ request: MoveLeaderRequest
    ) throws(ClientError) -> MoveLeaderResponse {
        try call(.moveLeader, request)
    }

    package func downgrade(
        _ request: DowngradeRequest
    ) throws(ClientError) -> DowngradeResponse {
        try call(.downgrade, request)
    }

    // MARK: Users and roles

    package func authEnable() throws(ClientError) -> AuthEnableResponse {
        try call(.authEnable, AuthEnableRequest())
    }

    package func authDisable() throws(ClientError) -> AuthDisableResponse {
        try call(.authDisable, AuthDisableRequest())
    }

    package func authStatus() throws(ClientError) -> AuthStatusResponse {
        try call(.authStatus, AuthStatusRequest())
    }

    package func authenticate(
        _ request: AuthenticateRequest
    ) throws(ClientError) -> AuthenticateResponse {
        try call(.authenticate, request)
    }

    package func userAdd(
        _ request: AuthUserAddRequest
    ) throws(ClientError) -> AuthUserAddResponse {
        try call(.userAdd, request)
    }

    package func userGet(
        _ request: AuthUserGetRequest
    ) throws(ClientError) -> AuthUserGetResponse {
        try call(.userGet, request)
    }

    package func userList() throws(ClientError) -> AuthUserListResponse {
        try call(.userList, AuthUserListRequest())
    }

    package func userDelete(
        _ request: AuthUserDeleteRequest
    ) throws(ClientError) -> AuthUserDeleteResponse {
        try call(.userDelete, request)
    }

    package func userChangePassword(
        _ request: AuthUserChangePasswordRequest
    ) throws(ClientError) -> AuthUserChangePasswordResponse {
        try call(.userChangePassword, request)
    }

    package func userGrantRole(
        _ request: AuthUserGrantRoleRequest
    ) throws(ClientError) -> AuthUserGrantRoleResponse {
        try call(.userGrantRole, request)
    }

    package func userRevokeRole(
        _ request: AuthUserRevokeRoleRequest
    ) throws(ClientError) -> AuthUserRevokeRoleResponse {
        try call(.userRevokeRole, request)
    }

    package func roleAdd(
        _ request: AuthRoleAddRequest
    ) throws(ClientError) -> AuthRoleAddResponse {
        try call(.roleAdd, request)
    }

    package func roleGet(
        _ request: AuthRoleGetRequest
    ) throws(ClientError) -> AuthRoleGetResponse {
        try call(.roleGet, request)
    }

    package func roleList() throws(ClientError) -> AuthRoleListResponse {
        try call(.roleList, AuthRoleListRequest())
    }

    package func roleDelete(
        _ request: AuthRoleDeleteRequest
    ) throws(ClientError) -> AuthRoleDeleteResponse {
        try call(.roleDelete, request)
    }

    package func roleGrantPermission(
        _ request: AuthRoleGrantPermissionRequest
    ) throws(ClientError) -> AuthRoleGrantPermissionResponse {
        try call(.roleGrantPermission, request)
    }

    package func roleRevokePermission(
        _ request: AuthRoleRevokePermissionRequest
    ) throws(ClientError) -> AuthRoleRevokePermissionResponse {
        try call(.roleRevokePermission, request)
    }

    // MARK: Locks and elections

    package func lock(
        _ request: LockRequest
    ) throws(ClientError) -> LockResponse {
        try call(.lock, request)
    }

    package func unlock(
        _ request: UnlockRequest
    ) throws(ClientError) -> UnlockResponse {
        try call(.unlock, request)
    }

    package func electionCampaign(
        _ request: CampaignRequest
    ) throws(ClientError) -> CampaignResponse {
        try call(.electionCampaign, request)
    }

    package func electionProclaim(
        _ request: ProclaimRequest
    ) throws(ClientError) -> ProclaimResponse {
        try call(.electionProclaim, request)
    }

    package func electionLeader(
        _ request: LeaderRequest
    ) throws(ClientError) -> LeaderResponse {
        try call(.electionLeader, request)
    }

    package func electionResign(
        _ request: ResignRequest
    ) throws(ClientError) -> ResignResponse {
        try call(.electionResign, request)
    }

    // MARK: Health

    package func healthCheck(
        _ request: HealthCheckRequest
    ) throws(ClientError) -> HealthCheckResponse {
        try call(.healthCheck, request)
    }
}
