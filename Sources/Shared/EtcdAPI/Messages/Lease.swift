// SPDX-License-Identifier: Apache-2.0

package struct LeaseGrantRequest: WireMessage {
    package var ttl: Int64 = 0
    package var id: Int64 = 0

    package init() {}

    package init(
        ttl: Int64 = 0, id: Int64 = 0
    ) {
        self.ttl = ttl
        self.id = id
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "TTL", &ttl)
        try visitor.int64(2, "ID", &id)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct LeaseGrantResponse: WireMessage {
    package var header: ResponseHeader?
    package var id: Int64 = 0
    package var ttl: Int64 = 0
    package var error = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.int64(2, "ID", &id)
        try visitor.int64(3, "TTL", &ttl)
        try visitor.string(4, "error", &error)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct LeaseRevokeRequest: WireMessage {
    package var id: Int64 = 0

    package init() {}

    package init(
        id: Int64 = 0
    ) {
        self.id = id
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "ID", &id)
    }
}

package struct LeaseRevokeResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct LeaseCheckpoint: WireMessage {
    package var id: Int64 = 0
    package var remainingTTL: Int64 = 0

    package init() {}

    package init(
        id: Int64 = 0, remainingTTL: Int64 = 0
    ) {
        self.id = id
        self.remainingTTL = remainingTTL
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "ID", &id)
        try visitor.int64(2, "remaining_TTL", &remainingTTL)
    }
}

package struct LeaseCheckpointRequest: WireMessage {
    package var checkpoints: [LeaseCheckpoint] = []

    package init() {}

    package init(
        checkpoints: [LeaseCheckpoint] = []
    ) {
        self.checkpoints = checkpoints
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.messages(1, "checkpoints", &checkpoints)
    }
}

package struct LeaseCheckpointResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct LeaseKeepAliveRequest: WireMessage {
    package var id: Int64 = 0

    package init() {}

    package init(
        id: Int64 = 0
    ) {
        self.id = id
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "ID", &id)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct LeaseKeepAliveResponse: WireMessage {
    package var header: ResponseHeader?
    package var id: Int64 = 0
    package var ttl: Int64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.int64(2, "ID", &id)
        try visitor.int64(3, "TTL", &ttl)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct LeaseTimeToLiveRequest: WireMessage {
    package var id: Int64 = 0
    package var keys = false

    package init() {}

    package init(
        id: Int64 = 0, keys: Bool = false
    ) {
        self.id = id
        self.keys = keys
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "ID", &id)
        try visitor.bool(2, "keys", &keys)
    }
}

package struct LeaseTimeToLiveResponse: WireMessage {
    package var header: ResponseHeader?
    package var id: Int64 = 0
    package var ttl: Int64 = 0
    package var grantedTTL: Int64 = 0
    package var keys: [[UInt8]] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.int64(2, "ID", &id)
        try visitor.int64(3, "TTL", &ttl)
        try visitor.int64(4, "grantedTTL", &grantedTTL)
        try visitor.bytesList(5, "keys", &keys)
    }
}

package struct LeaseLeasesRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct LeaseStatus: WireMessage {
    package var id: Int64 = 0

    package init() {}

    package init(
        id: Int64 = 0
    ) {
        self.id = id
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "ID", &id)
    }
}

package struct LeaseLeasesResponse: WireMessage {
    package var header: ResponseHeader?
    package var leases: [LeaseStatus] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "leases", &leases)
    }
}
