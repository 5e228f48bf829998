// SPDX-License-Identifier: Apache-2.0

package struct DowngradeVersionTestRequest: WireMessage {
    package var ver = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "ver", &ver)
    }
}

/// Who asks, inside an `InternalRaftRequest`.
package struct RequestHeader: WireMessage {
    package var id: UInt64 = 0
    package var username = ""
    package var authRevision: UInt64 = 0

    package init() {}

    package init(
        id: UInt64 = 0, username: String = "", authRevision: UInt64 = 0
    ) {
        self.id = id
        self.username = username
        self.authRevision = authRevision
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
        try visitor.string(2, "username", &username)
        try visitor.uint64(3, "auth_revision", &authRevision)
    }
}

/// What goes through the log. On the wire every command is a field of its own; no release sets two,
/// so here they are one enum. If bytes hold two, the later one counts.
package struct InternalRaftRequest: WireMessage {
    /// Boxed: the walk looks at it some thirty times, and a pointer is quicker to look at.
    package indirect enum Command: Equatable, Sendable {
        case none
        case v2(V2Request)
        case range(RangeRequest)
        case put(PutRequest)
        case deleteRange(DeleteRangeRequest)
        case txn(TxnRequest)
        case compaction(CompactionRequest)
        case leaseGrant(LeaseGrantRequest)
        case leaseRevoke(LeaseRevokeRequest)
        case alarm(AlarmRequest)
        case leaseCheckpoint(LeaseCheckpointRequest)
        case authEnable(AuthEnableRequest)
        case authDisable(AuthDisableRequest)
        case authenticate(InternalAuthenticateRequest)
        case authStatus(AuthStatusRequest)
        case authUserAdd(AuthUserAddRequest)
        case authUserDelete(AuthUserDeleteRequest)
        case authUserGet(AuthUserGetRequest)
        case authUserChangePassword(AuthUserChangePasswordRequest)
        case authUserGrantRole(AuthUserGrantRoleRequest)
        case authUserRevokeRole(AuthUserRevokeRoleRequest)
        case authUserList(AuthUserListRequest)
        case authRoleList(AuthRoleListRequest)
        case authRoleAdd(AuthRoleAddRequest)
        case authRoleDelete(AuthRoleDeleteRequest)
        case authRoleGet(AuthRoleGetRequest)
        case authRoleGrantPermission(AuthRoleGrantPermissionRequest)
        case authRoleRevokePermission(AuthRoleRevokePermissionRequest)
        case clusterVersionSet(ClusterVersionSetRequest)
        case clusterMemberAttrSet(ClusterMemberAttrSetRequest)
        case downgradeInfoSet(DowngradeInfoSetRequest)
        case downgradeVersionTest(DowngradeVersionTestRequest)
    }

    package var id: UInt64 = 0
    package var command: Command = .none
    package var header: RequestHeader?

    package init() {}

    package init(id: UInt64 = 0, command: Command, header: RequestHeader? = nil) {
        self.id = id
        self.command = command
        self.header = header
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
        try visitor.choice(2, "v2", &command, Command.v2) {
            if case .v2(let message) = $0 { message } else { nil }
        }
        try visitor.choice(3, "range", &command, Command.range) {
            if case .range(let message) = $0 { message } else { nil }
        }
        try visitor.choice(4, "put", &command, Command.put) {
            if case .put(let message) = $0 { message } else { nil }
        }
        try visitor.choice(5, "delete_range", &command, Command.deleteRange) {
            if case .deleteRange(let message) = $0 { message } else { nil }
        }
        try visitor.choice(6, "txn", &command, Command.txn) {
            if case .txn(let message) = $0 { message } else { nil }
        }
        try visitor.choice(7, "compaction", &command, Command.compaction) {
            if case .compaction(let message) = $0 { message } else { nil }
        }
        try visitor.choice(8, "lease_grant", &command, Command.leaseGrant) {
            if case .leaseGrant(let message) = $0 { message } else { nil }
        }
        try visitor.choice(9, "lease_revoke", &command, Command.leaseRevoke) {
            if case .leaseRevoke(let message) = $0 { message } else { nil }
        }
        try visitor.choice(10, "alarm", &command, Command.alarm) {
            if case .alarm(let message) = $0 { message } else { nil }
        }
        try visitor.choice(11, "lease_checkpoint", &command, Command.leaseCheckpoint) {
            if case .leaseCheckpoint(let message) = $0 { message } else { nil }
        }
        try visitor.message(100, "header", &header)
        try authFields(&visitor)
        try clusterFields(&visitor)
    }

    private mutating func authFields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.choice(1000, "auth_enable", &command, Command.authEnable) {
            if case .authEnable(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1011, "auth_disable", &command, Command.authDisable) {
            if case .authDisable(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1012, "authenticate", &command, Command.authenticate) {
            if case .authenticate(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1013, "auth_status", &command, Command.authStatus) {
            if case .authStatus(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1100, "auth_user_add", &command, Command.authUserAdd) {
            if case .authUserAdd(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1101, "auth_user_delete", &command, Command.authUserDelete) {
            if case .authUserDelete(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1102, "auth_user_get", &command, Command.authUserGet) {
            if case .authUserGet(let message) = $0 { message } else { nil }
        }
        try visitor.choice(
            1103, "auth_user_change_password", &command, Command.authUserChangePassword
        ) {
            if case .authUserChangePassword(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1104, "auth_user_grant_role", &command, Command.authUserGrantRole) {
            if case .authUserGrantRole(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1105, "auth_user_revoke_role", &command, Command.authUserRevokeRole) {
            if case .authUserRevokeRole(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1106, "auth_user_list", &command, Command.authUserList) {
            if case .authUserList(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1107, "auth_role_list", &command, Command.authRoleList) {
            if case .authRoleList(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1200, "auth_role_add", &command, Command.authRoleAdd) {
            if case .authRoleAdd(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1201, "auth_role_delete", &command, Command.authRoleDelete) {
            if case .authRoleDelete(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1202, "auth_role_get", &command, Command.authRoleGet) {
            if case .authRoleGet(let message) = $0 { message } else { nil }
        }
        try visitor.choice(
            1203, "auth_role_grant_permission", &command, Command.authRoleGrantPermission
        ) {
            if case .authRoleGrantPermission(let message) = $0 { message } else { nil }
        }
        try visitor.choice(
            1204, "auth_role_revoke_permission", &command, Command.authRoleRevokePermission
        ) {
            if case .authRoleRevokePermission(let message) = $0 { message } else { nil }
        }
    }

    private mutating func clusterFields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.choice(1300, "cluster_version_set", &command, Command.clusterVersionSet) {
            if case .clusterVersionSet(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1301, "cluster_member_attr_set", &command, Command.clusterMemberAttrSet)
        {
            if case .clusterMemberAttrSet(let message) = $0 { message } else { nil }
        }
        try visitor.choice(1302, "downgrade_info_set", &command, Command.downgradeInfoSet) {
            if case .downgradeInfoSet(let message) = $0 { message } else { nil }
        }
        try visitor.choice(9900, "downgrade_version_test", &command, Command.downgradeVersionTest) {
            if case .downgradeVersionTest(let message) = $0 { message } else { nil }
        }
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct EmptyResponse: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct InternalAuthenticateRequest: WireMessage {
    package var name = ""
    package var password = ""
    package var simpleToken = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.string(2, "password", &password)
        try visitor.string(3, "simple_token", &simpleToken)
    }
}

/// The store request of etcd's second API (proto2): still how versions up to 3.5 publish a member's
/// attributes and the cluster version. All fields but two are written even at their default.
package struct V2Request: WireMessage {
    package var id: UInt64 = 0
    package var method = ""
    package var path = ""
    package var val = ""
    package var dir = false
    package var prevValue = ""
    package var prevIndex: UInt64 = 0
    package var prevExist: Bool?
    package var expiration: Int64 = 0
    package var wait = false
    package var since: UInt64 = 0
    package var recursive = false
    package var sorted = false
    package var quorum = false
    package var time: Int64 = 0
    package var stream = false
    package var refresh: Bool?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id, always: true)
        try visitor.string(2, "Method", &method, always: true)
        try visitor.string(3, "Path", &path, always: true)
        try visitor.string(4, "Val", &val, always: true)
        try visitor.bool(5, "Dir", &dir, always: true)
        try visitor.string(6, "PrevValue", &prevValue, always: true)
        try visitor.uint64(7, "PrevIndex", &prevIndex, always: true)
        try visitor.optional(8, "PrevExist", &prevExist)
        try visitor.int64(9, "Expiration", &expiration, always: true)
        try visitor.bool(10, "Wait", &wait, always: true)
        try visitor.uint64(11, "Since", &since, always: true)
        try visitor.bool(12, "Recursive", &recursive, always: true)
        try visitor.bool(13, "Sorted", &sorted, always: true)
        try visitor.bool(14, "Quorum", &quorum, always: true)
        try visitor.int64(15, "Time", &time, always: true)
        try visitor.bool(16, "Stream", &stream, always: true)
        try visitor.optional(17, "Refresh", &refresh)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}
