// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

// Who there is and who may do what: users, roles, ranges of keys, the switch, the auth revision.
//
//   entry ──> AuthStore+Users, +Roles     what an entry changes, exactly as in etcd
//   request ──> AuthStore+Rules           may this asker do that? (one key range at a time)
//   request ──> Ledger+AuthRules          all that a command touches, nested ones included
//   rows <──> AuthRows                    etcd's buckets auth, authUsers and authRoles
//   KeyGrants                             a user's merged ranges, read and write
//
// All of it is replicated state. A decision is a function of this state and of the asker, whose
// name and auth revision travel in the entry's header; nothing is decided by clock or by member.
// Passwords are here only as hashes, which no answer and no error text ever shows.
//
// Invariants
//   - the auth revision never goes down; each change but the switching-on raises it by one
//   - while this is on, a user `root` with the role `root` exists
//   - names are compared byte by byte: texts that look alike are different users

/// The replicated state of authentication.
package struct AuthStore: Sendable {
    /// Whether every request needs a user.
    package internal(set) var isEnabled = false
    /// Which state of users and roles this is. An identity of an older one is refused.
    package internal(set) var revision: UInt64 = 1
    var users = SortedMap<AuthName, AuthUserState>()
    var roles = SortedMap<AuthName, AuthRoleState>()
    /// A file of a cluster that never used authentication does not say that it is off.
    var saysIfEnabled = false
    /// Rows of the bucket `auth` unknown here, carried along.
    var otherRows: [BucketRow] = []
    /// Merged ranges of users asked for since the last change. Looked up, never walked.
    var grants: [AuthName: KeyGrants] = [:]

    init() {}

    package var userCount: Int { users.count }
    package var roleCount: Int { roles.count }

    /// Every change comes through here: what was merged before counts no more.
    mutating func commit() {
        revision += 1
        grants = [:]
    }

    // MARK: The switch

    /// Does not move the revision; switching on twice changes nothing.
    mutating func enable() -> EtcdError? {
        if isEnabled { return nil }
        guard let root = users[.root] else { return .rootUserNotExist }
        guard root.isRoot else { return .rootRoleNotExist }
        isEnabled = true
        saysIfEnabled = true
        return nil
    }

    /// False when it was off already.
    mutating func disable() -> Bool {
        guard isEnabled else { return false }
        isEnabled = false
        saysIfEnabled = true
        commit()
        return true
    }

    // MARK: Who may log in

    /// What a password is checked against. Nil for an unknown user.
    package func passwordHash(of name: String) -> [UInt8]? {
        users[AuthName(name)]?.password
    }

    package func hasNoPassword(_ name: String) -> Bool {
        users[AuthName(name)]?.hasNoPassword ?? false
    }

    package func contains(user: String) -> Bool { users[AuthName(user)] != nil }
}

/// The name of a user or a role. Two names are equal only if their bytes are: `String` would call
/// texts equal that Unicode deems to be the same.
struct AuthName: Hashable, Comparable, Sendable {
    let bytes: [UInt8]

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    static let root = AuthName("root")

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var isEmpty: Bool { bytes.isEmpty }

    static func < (left: AuthName, right: AuthName) -> Bool {
        isBytewiseBefore(left.bytes, right.bytes)
    }
}

struct AuthUserState: Equatable, Sendable {
    /// A bcrypt hash; empty if there is none.
    var password: [UInt8] = []
    /// In byte order, each once.
    var roles: [AuthName] = []
    var options: UserAddOptions?

    var hasNoPassword: Bool { options?.noPassword ?? false }
    var isRoot: Bool { roles.contains(.root) }
}

struct AuthRoleState: Equatable, Sendable {
    /// By key.
    var permissions: [Permission] = []
}

/// Who asks, as the header of an entry says it. An empty name is nobody.
package struct Asker: Equatable, Sendable {
    package var name: String
    /// The auth revision that the identity was made at.
    package var authRevision: UInt64

    package init(name: String, authRevision: UInt64) {
        self.name = name
        self.authRevision = authRevision
    }

    package init(_ header: RequestHeader?) {
        self.init(name: header?.username ?? "", authRevision: header?.authRevision ?? 0)
    }

    package static let nobody = Asker(name: "", authRevision: 0)

    package var isNobody: Bool { name.utf8.isEmpty }
}
