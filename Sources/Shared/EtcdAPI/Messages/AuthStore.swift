// SPDX-License-Identifier: Apache-2.0

package struct UserAddOptions: WireMessage {
    package var noPassword = false

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bool(1, "no_password", &noPassword)
    }
}

/// `authpb.User`.
package struct AuthUser: WireMessage {
    package var name: [UInt8] = []
    package var password: [UInt8] = []
    package var roles: [String] = []
    package var options: UserAddOptions?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "name", &name)
        try visitor.bytes(2, "password", &password)
        try visitor.stringList(3, "roles", &roles)
        try visitor.message(4, "options", &options)
    }
}

package struct Permission: WireMessage {
    package enum PermissionType: WireEnum {
        case read, write, readWrite
        case unknown(Int32)

        package static let names: [StaticString] = [
            "READ", "WRITE", "READWRITE",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .read
            case 1: self = .write
            case 2: self = .readWrite
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .read: 0
            case .write: 1
            case .readWrite: 2
            case .unknown(let number): number
            }
        }
    }

    package var permType: PermissionType = .read
    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []

    package init() {}

    package init(
        permType: PermissionType = .read, key: [UInt8] = [], rangeEnd: [UInt8] = []
    ) {
        self.permType = permType
        self.key = key
        self.rangeEnd = rangeEnd
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.enumeration(1, "permType", &permType)
        try visitor.bytes(2, "key", &key)
        try visitor.bytes(3, "range_end", &rangeEnd)
    }
}

/// `authpb.Role`.
package struct AuthRole: WireMessage {
    package var name: [UInt8] = []
    package var keyPermission: [Permission] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "name", &name)
        try visitor.messages(2, "keyPermission", &keyPermission)
    }
}
