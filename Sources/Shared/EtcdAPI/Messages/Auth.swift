// SPDX-License-Identifier: Apache-2.0

package struct AuthEnableRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct AuthDisableRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct AuthStatusRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct AuthenticateRequest: WireMessage {
    package var name = ""
    package var password = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.string(2, "password", &password)
    }
}

package struct AuthEnableResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthDisableResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AuthStatusResponse: WireMessage {
    package var header: ResponseHeader?
    package var enabled = false
    package var authRevision: UInt64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.bool(2, "enabled", &enabled)
        try visitor.uint64(3, "authRevision", &authRevision)
    }
}

package struct AuthenticateResponse: WireMessage {
    package var header: ResponseHeader?
    package var token = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.string(2, "token", &token)
    }
}
