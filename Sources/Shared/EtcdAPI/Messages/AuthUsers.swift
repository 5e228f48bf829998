// SPDX-License-Identifier: Apache-2.0

package struct AuthUserAddRequest: WireMessage {
    package var name = ""
    package var password = ""
    package var options: UserAddOptions?
    package var hashedPassword = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.string(2, "password", &password)
        try visitor.message(3, "options", &options)
        try visitor.string(4, "hashedPassword", &hashedPassword)
    }
}

package struct AuthUserGetRequest: WireMessage {
    package var name = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
    }
}

package struct AuthUserDeleteRequest: WireMessage {
    package var name = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
    }
}

package struct AuthUserChangePasswordRequest: WireMessage {
    package var name = ""
    package var password = ""
    package var hashedPassword = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.string(2, "password", &password)
        try visitor.string(3, "hashedPassword", &hashedPassword)
    }
}

package struct AuthUserGrantRoleRequest: WireMessage {
    package var user = ""
    package var role = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "user", &user)
        try visitor.string(2, "role", &role)
    }
}

package struct AuthUserRevokeRoleRequest: WireMessage {
    package var name = ""
    package var role = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.string(2, "role", &role)
    }
}

package struct AuthUserListRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct AuthUserAddResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthUserGetResponse: WireMessage {
    package var header: ResponseHeader?
    package var roles: [String] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.stringList(2, "roles", &roles)
    }
}

package struct AuthUserDeleteResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthUserChangePasswordResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthUserGrantRoleResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthUserRevokeRoleResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthUserListResponse: WireMessage {
    package var header: ResponseHeader?
    package var users: [String] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.stringList(2, "users", &users)
    }
}
