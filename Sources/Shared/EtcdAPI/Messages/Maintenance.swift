// SPDX-License-Identifier: Apache-2.0

package enum AlarmType: WireEnum {
    case none, noSpace, corrupt
    case unknown(Int32)

    package static let names: [StaticString] = [
        "NONE", "NOSPACE", "CORRUPT",
    ]

    package init(number: Int32) {
        switch number {
        case 0: self = .none
        case 1: self = .noSpace
        case 2: self = .corrupt
        default: self = .unknown(number)
        }
    }

    package var number: Int32 {
        switch self {
        case .none: 0
        case .noSpace: 1
        case .corrupt: 2
        case .unknown(let number): number
        }
    }
}

package struct HashRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct HashKVRequest: WireMessage {
    package var revision: Int64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "revision", &revision)
    }
}

package struct HashKVResponse: WireMessage {
    package var header: ResponseHeader?
    package var hash: UInt32 = 0
    package var compactRevision: Int64 = 0
    package var hashRevision: Int64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.uint32(2, "hash", &hash)
        try visitor.int64(3, "compact_revision", &compactRevision)
        try visitor.int64(4, "hash_revision", &hashRevision)
    }
}

package struct HashResponse: WireMessage {
    package var header: ResponseHeader?
    package var hash: UInt32 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.uint32(2, "hash", &hash)
    }
}

package struct SnapshotRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct SnapshotResponse: WireMessage {
    package var header: ResponseHeader?
    package var remainingBytes: UInt64 = 0
    package var blob: [UInt8] = []
    package var version = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.uint64(2, "remaining_bytes", &remainingBytes)
        try visitor.bytes(3, "blob", &blob)
        try visitor.string(4, "version", &version)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct DefragmentRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct DefragmentResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct MoveLeaderRequest: WireMessage {
    package var targetID: UInt64 = 0

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "targetID", &targetID)
    }
}

package struct MoveLeaderResponse: WireMessage {
    package var header: ResponseHeader?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
    }
}

package struct AlarmRequest: WireMessage {
    package enum AlarmAction: WireEnum {
        case get, activate, deactivate
        case unknown(Int32)

        package static let names: [StaticString] = [
            "GET", "ACTIVATE", "DEACTIVATE",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .get
            case 1: self = .activate
            case 2: self = .deactivate
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .get: 0
            case .activate: 1
            case .deactivate: 2
            case .unknown(let number): number
            }
        }
    }

    package var action: AlarmAction = .get
    package var memberID: UInt64 = 0
    package var alarm: AlarmType = .none

    package init() {}

    package init(
        action: AlarmAction = .get, memberID: UInt64 = 0, alarm: AlarmType = .none
    ) {
        self.action = action
        self.memberID = memberID
        self.alarm = alarm
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.enumeration(1, "action", &action)
        try visitor.uint64(2, "memberID", &memberID)
        try visitor.enumeration(3, "alarm", &alarm)
    }
}

package struct AlarmMember: WireMessage {
    package var memberID: UInt64 = 0
    package var alarm: AlarmType = .none

    package init() {}

    package init(
        memberID: UInt64 = 0, alarm: AlarmType = .none
    ) {
        self.memberID = memberID
        self.alarm = alarm
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "memberID", &memberID)
        try visitor.enumeration(2, "alarm", &alarm)
    }
}

package struct AlarmResponse: WireMessage {
    package var header: ResponseHeader?
    package var alarms: [AlarmMember] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.messages(2, "alarms", &alarms)
    }
}

package struct DowngradeRequest: WireMessage {
    package enum DowngradeAction: WireEnum {
        case validate, enable, cancel
        case unknown(Int32)

        package static let names: [StaticString] = [
            "VALIDATE", "ENABLE", "CANCEL",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .validate
            case 1: self = .enable
            case 2: self = .cancel
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .validate: 0
            case .enable: 1
            case .cancel: 2
            case .unknown(let number): number
            }
        }
    }

    package var action: DowngradeAction = .validate
    package var version = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.enumeration(1, "action", &action)
        try visitor.string(2, "version", &version)
    }
}

package struct DowngradeResponse: WireMessage {
    package var header: ResponseHeader?
    package var version = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.string(2, "version", &version)
    }
}

package struct StatusRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct StatusResponse: WireMessage {
    package var header: ResponseHeader?
    package var version = ""
    package var dbSize: Int64 = 0
    package var leader: UInt64 = 0
    package var raftIndex: UInt64 = 0
    package var raftTerm: UInt64 = 0
    package var raftAppliedIndex: UInt64 = 0
    package var errors: [String] = []
    package var dbSizeInUse: Int64 = 0
    package var isLearner = false
    package var storageVersion = ""
    package var dbSizeQuota: Int64 = 0
    package var downgradeInfo: DowngradeInfo?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "header", &header)
        try visitor.string(2, "version", &version)
        try visitor.int64(3, "dbSize", &dbSize)
        try visitor.uint64(4, "leader", &leader)
        try visitor.uint64(5, "raftIndex", &raftIndex)
        try visitor.uint64(6, "raftTerm", &raftTerm)
        try visitor.uint64(7, "raftAppliedIndex", &raftAppliedIndex)
        try visitor.stringList(8, "errors", &errors)
        try visitor.int64(9, "dbSizeInUse", &dbSizeInUse)
        try visitor.bool(10, "isLearner", &isLearner)
        try visitor.string(11, "storageVersion", &storageVersion)
        try visitor.int64(12, "dbSizeQuota", &dbSizeQuota)
        try visitor.message(13, "downgradeInfo", &downgradeInfo)
    }
}

package struct DowngradeInfo: WireMessage {
    package var enabled = false
    package var targetVersion = ""

    package init() {}

    package init(
        enabled: Bool = false, targetVersion: String = ""
    ) {
        self.enabled = enabled
        self.targetVersion = targetVersion
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bool(1, "enabled", &enabled)
        try visitor.string(2, "targetVersion", &targetVersion)
    }
}
