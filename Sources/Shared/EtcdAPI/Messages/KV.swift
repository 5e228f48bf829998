// SPDX-License-Identifier: Apache-2.0

/// Stands before every answer: who answered, and at which revision and term.
package struct ResponseHeader: WireMessage {
    package var clusterID: UInt64 = 0
    package var memberID: UInt64 = 0
    package var revision: Int64 = 0
    package var raftTerm: UInt64 = 0

    package init() {}

    package init(
        clusterID: UInt64 = 0, memberID: UInt64 = 0, revision: Int64 = 0, raftTerm: UInt64 = 0
    ) {
        self.clusterID = clusterID
        self.memberID = memberID
        self.revision = revision
        self.raftTerm = raftTerm
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "cluster_id", &clusterID)
        try visitor.uint64(2, "member_id", &memberID)
        try visitor.int64(3, "revision", &revision)
        try visitor.uint64(4, "raft_term", &raftTerm)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

/// `rangeEnd`: empty asks for one key, a single zero byte for all keys from `key` on.
package struct RangeRequest: WireMessage {
    package enum SortOrder: WireEnum {
        case none, ascend, descend
        case unknown(Int32)

        package static let names: [StaticString] = [
            "NONE", "ASCEND", "DESCEND",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .none
            case 1: self = .ascend
            case 2: self = .descend
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .none: 0
            case .ascend: 1
            case .descend: 2
            case .unknown(let number): number
            }
        }
    }

    package enum SortTarget: WireEnum {
        case key, version, create, mod, value
        case unknown(Int32)

        package static let names: [StaticString] = [
            "KEY", "VERSION", "CREATE", "MOD", "VALUE",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .key
            case 1: self = .version
            case 2: self = .create
            case 3: self = .mod
            case 4: self = .value
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .key: 0
            case .version: 1
            case .create: 2
            case .mod: 3
            case .value: 4
            case .unknown(let number): number
            }
        }
    }

    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []
    package var limit: Int64 = 0
    package var revision: Int64 = 0
    package var sortOrder: SortOrder = .none
    package var sortTarget: SortTarget = .key
    package var serializable = false
    package var keysOnly = false
    package var countOnly = false
    package var minModRevision: Int64 = 0
    package var maxModRevision: Int64 = 0
    package var minCreateRevision: Int64 = 0
    package var maxCreateRevision: Int64 = 0

    package init() {}

    package init(
        key: [UInt8] = [], rangeEnd: [UInt8] = [], limit: Int64 = 0, revision: Int64 = 0,
        sortOrder: SortOrder = .none, sortTarget: SortTarget = .key, serializable: Bool = false,
        keysOnly: Bool = false, countOnly: Bool = false, minModRevision: Int64 = 0,
        maxModRevision: Int64 = 0, minCreateRevision: Int64 = 0, maxCreateRevision: Int64 = 0
    ) {
        self.key = key
        self.rangeEnd = rangeEnd
        self.limit = limit
        self.revision = revision
        self.sortOrder = sortOrder
        self.sortTarget = sortTarget
        self.serializable = serializable
        self.keysOnly = keysOnly
        self.countOnly = countOnly
        self.minModRevision = minModRevision
        self.maxModRevision = maxModRevision
        self.minCreateRevision = minCreateRevision
        self.maxCreateRevision = maxCreateRevision
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "key", &key)
        try visitor.bytes(2, "range_end", &rangeEnd)
        try visitor.int64(3, "limit", &limit)
        try visitor.int64(4, "revision", &revision)
        try visitor.enumeration(5, "sort_order", &sortOrder)
        try visitor.enumeration(6, "sort_target", &sortTarget)
        try visitor.bool(7, "serializable", &serializable)
        try visitor.bool(8, "keys_only", &keysOnly)
        try visitor.bool(9, "count_only", &countOnly)
        try visitor.int64(10, "min_mod_revision", &minModRevision)
        try visitor.int64(11, "max_mod_revision", &maxModRevision)
        try visitor.int64(12, "min_create_revision", &minCreateRevision)
        try visitor.int64(13, "max_create_revision", &maxCreateRevision)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct RangeResponse: WireMessage {
    package var header: ResponseHeader?
    package var kvs: [KeyValue] = []
    package var more = false
    package var count: Int64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "kvs", &kvs)
        try visitor.bool(3, "more", &more)
        try visitor.int64(4, "count", &count)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct PutRequest: WireMessage {
    package var key: [UInt8] = []
    package var value: [UInt8] = []
    package var lease: Int64 = 0
    package var prevKV = false
    package var ignoreValue = false
    package var ignoreLease = false

    package init() {}

    package init(
        key: [UInt8] = [], value: [UInt8] = [], lease: Int64 = 0, prevKV: Bool = false,
        ignoreValue: Bool = false, ignoreLease: Bool = false
    ) {
        self.key = key
        self.value = value
        self.lease = lease
        self.prevKV = prevKV
        self.ignoreValue = ignoreValue
        self.ignoreLease = ignoreLease
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "key", &key)
        try visitor.bytes(2, "value", &value)
        try visitor.int64(3, "lease", &lease)
        try visitor.bool(4, "prev_kv", &prevKV)
        try visitor.bool(5, "ignore_value", &ignoreValue)
        try visitor.bool(6, "ignore_lease", &ignoreLease)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct PutResponse: WireMessage {
    package var header: ResponseHeader?
    package var prevKV: KeyValue?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.message(2, "prev_kv", &prevKV)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct DeleteRangeRequest: WireMessage {
    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []
    package var prevKV = false

    package init() {}

    package init(
        key: [UInt8] = [], rangeEnd: [UInt8] = [], prevKV: Bool = false
    ) {
        self.key = key
        self.rangeEnd = rangeEnd
        self.prevKV = prevKV
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "key", &key)
        try visitor.bytes(2, "range_end", &rangeEnd)
        try visitor.bool(3, "prev_kv", &prevKV)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct DeleteRangeResponse: WireMessage {
    package var header: ResponseHeader?
    package var deleted: Int64 = 0
    package var prevKVs: [KeyValue] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.int64(2, "deleted", &deleted)
        try visitor.messages(3, "prev_kvs", &prevKVs)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct CompactionRequest: WireMessage {
    package var revision: Int64 = 0
    package var physical = false

    package init() {}

    package init(
        revision: Int64 = 0, physical: Bool = false
    ) {
        self.revision = revision
        self.physical = physical
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "revision", &revision)
        try visitor.bool(2, "physical", &physical)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct CompactionResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct KeyValue: WireMessage {
    package var key: [UInt8] = []
    package var createRevision: Int64 = 0
    package var modRevision: Int64 = 0
    package var version: Int64 = 0
    package var value: [UInt8] = []
    package var lease: Int64 = 0

    package init() {}

    package init(
        key: [UInt8] = [], createRevision: Int64 = 0, modRevision: Int64 = 0, version: Int64 = 0,
        value: [UInt8] = [], lease: Int64 = 0
    ) {
        self.key = key
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        self.value = value
        self.lease = lease
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "key", &key)
        try visitor.int64(2, "create_revision", &createRevision)
        try visitor.int64(3, "mod_revision", &modRevision)
        try visitor.int64(4, "version", &version)
        try visitor.bytes(5, "value", &value)
        try visitor.int64(6, "lease", &lease)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct RangeStreamResponse: WireMessage {
    package var rangeResponse: RangeResponse?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "range_response", &rangeResponse)
    }
}
