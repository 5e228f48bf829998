// SPDX-License-Identifier: Apache-2.0

package struct Member: WireMessage {
    package var id: UInt64 = 0
    package var name = ""
    package var peerURLs: [String] = []
    package var clientURLs: [String] = []
    package var isLearner = false

    package init() {}

    package init(
        id: UInt64 = 0, name: String = "", peerURLs: [String] = [], clientURLs: [String] = [],
        isLearner: Bool = false
    ) {
        self.id = id
        self.name = name
        self.peerURLs = peerURLs
        self.clientURLs = clientURLs
        self.isLearner = isLearner
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
        try visitor.string(2, "name", &name)
        try visitor.stringList(3, "peerURLs", &peerURLs)
        try visitor.stringList(4, "clientURLs", &clientURLs)
        try visitor.bool(5, "isLearner", &isLearner)
    }
}

package struct MemberAddRequest: WireMessage {
    package var peerURLs: [String] = []
    package var isLearner = false

    package init() {}

    package init(
        peerURLs: [String] = [], isLearner: Bool = false
    ) {
        self.peerURLs = peerURLs
        self.isLearner = isLearner
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.stringList(1, "peerURLs", &peerURLs)
        try visitor.bool(2, "isLearner", &isLearner)
    }
}

package struct MemberAddResponse: WireMessage {
    package var header: ResponseHeader?
    package var member: Member?
    package var members: [Member] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.message(2, "member", &member)
        try visitor.messages(3, "members", &members)
    }
}

package struct MemberRemoveRequest: WireMessage {
    package var id: UInt64 = 0

    package init() {}

    package init(
        id: UInt64 = 0
    ) {
        self.id = id
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
    }
}

package struct MemberRemoveResponse: WireMessage {
    package var header: ResponseHeader?
    package var members: [Member] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "members", &members)
    }
}

package struct MemberUpdateRequest: WireMessage {
    package var id: UInt64 = 0
    package var peerURLs: [String] = []

    package init() {}

    package init(
        id: UInt64 = 0, peerURLs: [String] = []
    ) {
        self.id = id
        self.peerURLs = peerURLs
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
        try visitor.stringList(2, "peerURLs", &peerURLs)
    }
}

package struct MemberUpdateResponse: WireMessage {
    package var header: ResponseHeader?
    package var members: [Member] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "members", &members)
    }
}

package struct MemberListRequest: WireMessage {
    package var linearizable = false

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bool(1, "linearizable", &linearizable)
    }
}

package struct MemberListResponse: WireMessage {
    package var header: ResponseHeader?
    package var members: [Member] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "members", &members)
    }
}

package struct MemberPromoteRequest: WireMessage {
    package var id: UInt64 = 0

    package init() {}

    package init(
        id: UInt64 = 0
    ) {
        self.id = id
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
    }
}

package struct MemberPromoteResponse: WireMessage {
    package var header: ResponseHeader?
    package var members: [Member] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "members", &members)
    }
}
