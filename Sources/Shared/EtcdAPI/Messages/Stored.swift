// SPDX-License-Identifier: Apache-2.0

/// What the head of etcd's write-ahead log says about its owner (proto2).
package struct Metadata: WireMessage {
    package var nodeID: UInt64 = 0
    package var clusterID: UInt64 = 0

    package init() {}

    package init(
        nodeID: UInt64 = 0, clusterID: UInt64 = 0
    ) {
        self.nodeID = nodeID
        self.clusterID = clusterID
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "NodeID", &nodeID, always: true)
        try visitor.uint64(2, "ClusterID", &clusterID, always: true)
    }
}

/// `membershippb.RaftAttributes`.
package struct RaftAttributes: WireMessage {
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
        try visitor.stringList(1, "peer_urls", &peerURLs)
        try visitor.bool(2, "is_learner", &isLearner)
    }
}

/// `membershippb.Attributes`.
package struct MemberAttributes: WireMessage {
    package var name = ""
    package var clientURLs: [String] = []

    package init() {}

    package init(
        name: String = "", clientURLs: [String] = []
    ) {
        self.name = name
        self.clientURLs = clientURLs
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "name", &name)
        try visitor.stringList(2, "client_urls", &clientURLs)
    }
}

/// `membershippb.Member`.
package struct StoredMember: WireMessage {
    package var id: UInt64 = 0
    package var raftAttributes: RaftAttributes?
    package var memberAttributes: MemberAttributes?

    package init() {}

    package init(
        id: UInt64 = 0, raftAttributes: RaftAttributes? = nil,
        memberAttributes: MemberAttributes? = nil
    ) {
        self.id = id
        self.raftAttributes = raftAttributes
        self.memberAttributes = memberAttributes
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "ID", &id)
        try visitor.message(2, "raft_attributes", &raftAttributes)
        try visitor.message(3, "member_attributes", &memberAttributes)
    }
}

package struct ClusterVersionSetRequest: WireMessage {
    package var ver = ""

    package init() {}

    package init(
        ver: String = ""
    ) {
        self.ver = ver
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "ver", &ver)
    }
}

package struct ClusterMemberAttrSetRequest: WireMessage {
    package var memberID: UInt64 = 0
    package var memberAttributes: MemberAttributes?

    package init() {}

    package init(
        memberID: UInt64 = 0, memberAttributes: MemberAttributes? = nil
    ) {
        self.memberID = memberID
        self.memberAttributes = memberAttributes
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.uint64(1, "member_ID", &memberID)
        try visitor.message(2, "member_attributes", &memberAttributes)
    }
}

package struct DowngradeInfoSetRequest: WireMessage {
    package var enabled = false
    package var ver = ""

    package init() {}

    package init(
        enabled: Bool = false, ver: String = ""
    ) {
        self.enabled = enabled
        self.ver = ver
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.bool(1, "enabled", &enabled)
        try visitor.string(2, "ver", &ver)
    }
}

/// `leasepb.Lease`, as the lease bucket keeps it. Times in seconds.
package struct StoredLease: WireMessage {
    package var id: Int64 = 0
    package var ttl: Int64 = 0
    package var remainingTTL: Int64 = 0

    package init() {}

    package init(
        id: Int64 = 0, ttl: Int64 = 0, remainingTTL: Int64 = 0
    ) {
        self.id = id
        self.ttl = ttl
        self.remainingTTL = remainingTTL
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.int64(1, "ID", &id)
        try visitor.int64(2, "TTL", &ttl)
        try visitor.int64(3, "RemainingTTL", &remainingTTL)
    }

    package func encoded() -> [UInt8] { Encoder.encode(self) }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        self = try Decoder.decode(bytes)
    }
}

package struct LeaseInternalRequest: WireMessage {
    package var leaseTimeToLiveRequest: LeaseTimeToLiveRequest?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "LeaseTimeToLiveRequest", &leaseTimeToLiveRequest)
    }
}

package struct LeaseInternalResponse: WireMessage {
    package var leaseTimeToLiveResponse: LeaseTimeToLiveResponse?

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.message(1, "LeaseTimeToLiveResponse", &leaseTimeToLiveResponse)
    }
}
