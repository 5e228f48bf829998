// SPDX-License-Identifier: Apache-2.0

/// One letter of the client on a watch stream.
package enum WatchRequest: WireMessage {
    case none
    case create(WatchCreateRequest)
    case cancel(WatchCancelRequest)
    case progress(WatchProgressRequest)

    package init() { self = .none }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.choice(1, "create_request", &self, WatchRequest.create) {
            if case .create(let message) = $0 { message } else { nil }
        }
        try visitor.choice(2, "cancel_request", &self, WatchRequest.cancel) {
            if case .cancel(let message) = $0 { message } else { nil }
        }
        try visitor.choice(3, "progress_request", &self, WatchRequest.progress) {
            if case .progress(let message) = $0 { message } else { nil }
        }
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct WatchCreateRequest: WireMessage {
    package enum FilterType: WireEnum {
        case noPut, noDelete
        case unknown(Int32)

        package static let names: [StaticString] = [
            "NOPUT", "NODELETE",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .noPut
            case 1: self = .noDelete
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .noPut: 0
            case .noDelete: 1
            case .unknown(let number): number
            }
        }
    }

    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []
    package var startRevision: Int64 = 0
    package var progressNotify = false
    package var filters: [FilterType] = []
    package var prevKV = false
    package var watchID: Int64 = 0
    package var fragment = false

    package init() {}

    package init(
        key: [UInt8] = [], rangeEnd: [UInt8] = [], startRevision: Int64 = 0,
        progressNotify: Bool = false, filters: [FilterType] = [], prevKV: Bool = false,
        watchID: Int64 = 0, fragment: Bool = false
    ) {
        self.key = key
        self.rangeEnd = rangeEnd
        self.startRevision = startRevision
        self.progressNotify = progressNotify
        self.filters = filters
        self.prevKV = prevKV
        self.watchID = watchID
        self.fragment = fragment
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bytes(1, "key", &key)
        try visitor.bytes(2, "range_end", &rangeEnd)
        try visitor.int64(3, "start_revision", &startRevision)
        try visitor.bool(4, "progress_notify", &progressNotify)
        try visitor.enumerationList(5, "filters", &filters)
        try visitor.bool(6, "prev_kv", &prevKV)
        try visitor.int64(7, "watch_id", &watchID)
        try visitor.bool(8, "fragment", &fragment)
    }
}

package struct WatchCancelRequest: WireMessage {
    package var watchID: Int64 = 0

    package init() {}

    package init(
        watchID: Int64 = 0
    ) {
        self.watchID = watchID
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "watch_id", &watchID)
    }
}

package struct WatchProgressRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct WatchResponse: WireMessage {
    package var header: ResponseHeader?
    package var watchID: Int64 = 0
    package var created = false
    package var canceled = false
    package var compactRevision: Int64 = 0
    package var cancelReason = ""
    package var fragment = false
    package var events: [WatchEvent] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.int64(2, "watch_id", &watchID)
        try visitor.bool(3, "created", &created)
        try visitor.bool(4, "canceled", &canceled)
        try visitor.int64(5, "compact_revision", &compactRevision)
        try visitor.string(6, "cancel_reason", &cancelReason)
        try visitor.bool(7, "fragment", &fragment)
        try visitor.messages(11, "events", &events)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

/// `mvccpb.Event`.
package struct WatchEvent: WireMessage {
    package enum EventType: WireEnum {
        case put, delete
        case unknown(Int32)

        package static let names: [StaticString] = [
            "PUT", "DELETE",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .put
            case 1: self = .delete
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .put: 0
            case .delete: 1
            case .unknown(let number): number
            }
        }
    }

    package var type: EventType = .put
    package var kv: KeyValue?
    package var prevKV: KeyValue?

    package init() {}

    package init(
        type: EventType = .put, kv: KeyValue? = nil, prevKV: KeyValue? = nil
    ) {
        self.type = type
        self.kv = kv
        self.prevKV = prevKV
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.enumeration(1, "type", &type)
        try visitor.message(2, "kv", &kv)
        try visitor.message(3, "prev_kv", &prevKV)
    }
}
