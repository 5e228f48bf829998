// SPDX-License-Identifier: Apache-2.0

package struct LockRequest: WireMessage {
    package var name: [UInt8] = []
    package var lease: Int64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "name", &name)
        try visitor.int64(2, "lease", &lease)
    }
}

package struct LockResponse: WireMessage {
    package var header: ResponseHeader?
    package var key: [UInt8] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.bytes(2, "key", &key)
    }
}

package struct UnlockRequest: WireMessage {
    package var key: [UInt8] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "key", &key)
    }
}

package struct UnlockResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct CampaignRequest: WireMessage {
    package var name: [UInt8] = []
    package var lease: Int64 = 0
    package var value: [UInt8] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "name", &name)
        try visitor.int64(2, "lease", &lease)
        try visitor.bytes(3, "value", &value)
    }
}

package struct CampaignResponse: WireMessage {
    package var header: ResponseHeader?
    package var leader: LeaderKey?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.message(2, "leader", &leader)
    }
}

package struct LeaderKey: WireMessage {
    package var name: [UInt8] = []
    package var key: [UInt8] = []
    package var rev: Int64 = 0
    package var lease: Int64 = 0

    package init() {}

    package init(
        name: [UInt8] = [], key: [UInt8] = [], rev: Int64 = 0, lease: Int64 = 0
    ) {
        self.name = name
        self.key = key
        self.rev = rev
        self.lease = lease
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "name", &name)
        try visitor.bytes(2, "key", &key)
        try visitor.int64(3, "rev", &rev)
        try visitor.int64(4, "lease", &lease)
    }
}

package struct LeaderRequest: WireMessage {
    package var name: [UInt8] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "name", &name)
    }
}

package struct LeaderResponse: WireMessage {
    package var header: ResponseHeader?
    package var kv: KeyValue?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.message(2, "kv", &kv)
    }
}

package struct ResignRequest: WireMessage {
    package var leader: LeaderKey?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "leader", &leader)
    }
}

package struct ResignResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct ProclaimRequest: WireMessage {
    package var leader: LeaderKey?
    package var value: [UInt8] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "leader", &leader)
        try visitor.bytes(2, "value", &value)
    }
}

package struct ProclaimResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}
