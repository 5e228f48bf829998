// SPDX-License-Identifier: Apache-2.0

/// One operation of a transaction.
package enum RequestOp: WireMessage {
    case none
    case range(RangeRequest)
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(TxnRequest)

    package init() { self = .none }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.choice(1, "request_range", &self, RequestOp.range) {
            if case .range(let message) = $0 { message } else { nil }
        }
        try visitor.choice(2, "request_put", &self, RequestOp.put) {
            if case .put(let message) = $0 { message } else { nil }
        }
        try visitor.choice(3, "request_delete_range", &self, RequestOp.deleteRange) {
            if case .deleteRange(let message) = $0 { message } else { nil }
        }
        try visitor.choice(4, "request_txn", &self, RequestOp.txn) {
            if case .txn(let message) = $0 { message } else { nil }
        }
    }
}

/// The answer to the operation at the same place in the request.
package enum ResponseOp: WireMessage {
    case none
    case range(RangeResponse)
    case put(PutResponse)
    case deleteRange(DeleteRangeResponse)
    case txn(TxnResponse)

    package init() { self = .none }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.choice(1, "response_range", &self, ResponseOp.range) {
            if case .range(let message) = $0 { message } else { nil }
        }
        try visitor.choice(2, "response_put", &self, ResponseOp.put) {
            if case .put(let message) = $0 { message } else { nil }
        }
        try visitor.choice(3, "response_delete_range", &self, ResponseOp.deleteRange) {
            if case .deleteRange(let message) = $0 { message } else { nil }
        }
        try visitor.choice(4, "response_txn", &self, ResponseOp.txn) {
            if case .txn(let message) = $0 { message } else { nil }
        }
    }
}

/// A condition of a transaction. `targetUnion` holds what the target is compared with.
package struct Compare: WireMessage {
    package enum CompareResult: WireEnum {
        case equal, greater, less, notEqual
        case unknown(Int32)

        package static let names: [StaticString] = [
            "EQUAL", "GREATER", "LESS", "NOT_EQUAL",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .equal
            case 1: self = .greater
            case 2: self = .less
            case 3: self = .notEqual
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .equal: 0
            case .greater: 1
            case .less: 2
            case .notEqual: 3
            case .unknown(let number): number
            }
        }
    }

    package enum CompareTarget: WireEnum {
        case version, create, mod, value, lease
        case unknown(Int32)

        package static let names: [StaticString] = [
            "VERSION", "CREATE", "MOD", "VALUE", "LEASE",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .version
            case 1: self = .create
            case 2: self = .mod
            case 3: self = .value
            case 4: self = .lease
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .version: 0
            case .create: 1
            case .mod: 2
            case .value: 3
            case .lease: 4
            case .unknown(let number): number
            }
        }
    }

    package enum TargetUnion: Equatable, Sendable {
        case none
        case version(Int64)
        case createRevision(Int64)
        case modRevision(Int64)
        case value([UInt8])
        case lease(Int64)
    }

    package var result: CompareResult = .equal
    package var target: CompareTarget = .version
    package var key: [UInt8] = []
    package var targetUnion: TargetUnion = .none
    package var rangeEnd: [UInt8] = []

    package init() {}

    package init(
        result: CompareResult, target: CompareTarget, key: [UInt8],
        targetUnion: TargetUnion = .none, rangeEnd: [UInt8] = []
    ) {
        self.result = result
        self.target = target
        self.key = key
        self.targetUnion = targetUnion
        self.rangeEnd = rangeEnd
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.enumeration(1, "result", &result)
        try visitor.enumeration(2, "target", &target)
        try visitor.bytes(3, "key", &key)
        try visitor.optional(4, "version", &targetUnion.version)
        try visitor.optional(5, "create_revision", &targetUnion.createRevision)
        try visitor.optional(6, "mod_revision", &targetUnion.modRevision)
        try visitor.optional(7, "value", &targetUnion.value)
        try visitor.optional(8, "lease", &targetUnion.lease)
        try visitor.bytes(64, "range_end", &rangeEnd)
    }
}

/// Each alternative as a field that is there or not. Setting nil changes nothing, so that a walk
/// over all five leaves the one that is held.
extension Compare.TargetUnion {
    fileprivate var version: Int64? {
        get { if case .version(let held) = self { held } else { nil } }
        set { if let newValue { self = .version(newValue) } }
    }

    fileprivate var createRevision: Int64? {
        get { if case .createRevision(let held) = self { held } else { nil } }
        set { if let newValue { self = .createRevision(newValue) } }
    }

    fileprivate var modRevision: Int64? {
        get { if case .modRevision(let held) = self { held } else { nil } }
        set { if let newValue { self = .modRevision(newValue) } }
    }

    fileprivate var value: [UInt8]? {
        get { if case .value(let held) = self { held } else { nil } }
        set { if let newValue { self = .value(newValue) } }
    }

    fileprivate var lease: Int64? {
        get { if case .lease(let held) = self { held } else { nil } }
        set { if let newValue { self = .lease(newValue) } }
    }
}

package struct TxnRequest: WireMessage {
    package var compare: [Compare] = []
    package var success: [RequestOp] = []
    package var failure: [RequestOp] = []

    package init() {}

    package init(
        compare: [Compare] = [], success: [RequestOp] = [], failure: [RequestOp] = []
    ) {
        self.compare = compare
        self.success = success
        self.failure = failure
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.messages(1, "compare", &compare)
        try visitor.messages(2, "success", &success)
        try visitor.messages(3, "failure", &failure)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct TxnResponse: WireMessage {
    package var header: ResponseHeader?
    package var succeeded = false
    package var responses: [ResponseOp] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.bool(2, "succeeded", &succeeded)
        try visitor.messages(3, "responses", &responses)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}
