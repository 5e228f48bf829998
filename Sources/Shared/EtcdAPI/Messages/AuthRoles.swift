// SPDX-License-Identifier: Apache-2.0

package struct AuthRoleAddRequest: WireMessage {
    package var name = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
    }
}

package struct AuthRoleGetRequest: WireMessage {
    package var role = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "role", &role)
    }
}

package struct AuthRoleListRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct AuthRoleDeleteRequest: WireMessage {
    package var role = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "role", &role)
    }
}

package struct AuthRoleGrantPermissionRequest: WireMessage {
    package var name = ""
    package var perm: Permission?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.message(2, "perm", &perm)
    }
}

package struct AuthRoleRevokePermissionRequest: WireMessage {
    package var role = ""
    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "role", &role)
        try visitor.bytes(2, "key", &key)
        try visitor.bytes(3, "range_end", &rangeEnd)
    }
}

package struct AuthRoleAddResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthRoleGetResponse: WireMessage {
    package var header: ResponseHeader?
    package var perm: [Permission] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "perm", &perm)
    }
}

package struct AuthRoleListResponse: WireMessage {
    package var header: ResponseHeader?
    package var roles: [String] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.stringList(2, "roles", &roles)
    }
}

package struct AuthRoleDeleteResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthRoleGrantPermissionResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthRoleRevokePermissionResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}
