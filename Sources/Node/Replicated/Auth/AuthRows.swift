// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

// etcd's three buckets.
//
//   auth       authEnabled   -> one byte, 0 or 1; absent until it was switched on
//              authRevision  -> 8 bytes, big-endian
//   authUsers  name          -> authpb.User
//   authRoles  name          -> authpb.Role
extension AuthStore {
    private static let enabledKey = Array("authEnabled".utf8)
    private static let revisionKey = Array("authRevision".utf8)

    /// The rows of one of the buckets, in key order.
    func rows(of bucket: String) -> [BucketRow] {
        switch bucket {
        case "auth": stateRows
        case "authUsers": users.map { BucketRow($0.bytes, message($0, $1).encoded()) }
        case "authRoles": roles.map { BucketRow($0.bytes, message($0, $1).encoded()) }
        default: []
        }
    }

    private var stateRows: [BucketRow] {
        var rows = otherRows
        rows.append(BucketRow(AuthStore.revisionKey, BucketRow.bigEndian(revision)))
        if saysIfEnabled { rows.append(BucketRow(AuthStore.enabledKey, [isEnabled ? 1 : 0])) }
        return rows.sorted { isBytewiseBefore($0.key, $1.key) }
    }

    private func message(_ name: AuthName, _ user: AuthUserState) -> AuthUser {
        AuthUser.with {
            $0.name = name.bytes
            $0.password = user.password
            $0.roles = user.roles.map(\.text)
            $0.options = user.options
        }
    }

    private func message(_ name: AuthName, _ role: AuthRoleState) -> AuthRole {
        AuthRole.with {
            $0.name = name.bytes
            $0.keyPermission = role.permissions
        }
    }

    /// False for a row that cannot be read: who may do what must not be guessed.
    mutating func take(_ row: BucketRow, of bucket: String) -> Bool {
        do throws(WireError) {
            switch bucket {
            case "auth": return takeState(row)
            case "authUsers": return take(row, try AuthUser(decoding: row.value))
            case "authRoles": return take(row, try AuthRole(decoding: row.value))
            default: return false
            }
        } catch {
            return false
        }
    }

    private mutating func takeState(_ row: BucketRow) -> Bool {
        switch row.key {
        case AuthStore.enabledKey:
            guard row.value == [0] || row.value == [1] else { return false }
            isEnabled = row.value == [1]
            saysIfEnabled = true
        case AuthStore.revisionKey:
            guard row.value.count == 8 else { return false }
            // A file of a member that never started says 0, which no identity may have.
            revision = max(1, row.value.reduce(0) { $0 << 8 | UInt64($1) })
        default: otherRows.append(row)
        }
        return true
    }

    private mutating func take(_ row: BucketRow, _ user: AuthUser) -> Bool {
        guard user.name == row.key, !row.key.isEmpty else { return false }
        users[AuthName(bytes: row.key)] = AuthUserState(
            password: user.password, roles: user.roles.map { AuthName($0) }.sorted(),
            options: user.options)
        return true
    }

    private mutating func take(_ row: BucketRow, _ role: AuthRole) -> Bool {
        guard role.name == row.key, !row.key.isEmpty else { return false }
        roles[AuthName(bytes: row.key)] = AuthRoleState(permissions: role.keyPermission)
        return true
    }
}
