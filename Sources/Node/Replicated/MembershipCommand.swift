// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI

/// A change of membership, as it is proposed.
package enum MembershipCommand: Equatable, Sendable {
    /// A voter or a learner; at bootstrap with its name, later without.
    case add(id: MemberID, peerURLs: [String], isLearner: Bool = false, name: String = "")
    case promote(MemberID)
    case update(MemberID, peerURLs: [String])
    case remove(MemberID)

    package var id: MemberID {
        switch self {
        case .add(let id, _, _, _): id
        case .promote(let id), .update(let id, _), .remove(let id): id
        }
    }

    /// raftpb's numbers.
    enum Kind: UInt64 {
        case addNode = 0
        case removeNode = 1
        case updateNode = 2
        case addLearnerNode = 3
    }

    private var kind: Kind {
        switch self {
        case .add(_, _, let isLearner, _): isLearner ? .addLearnerNode : .addNode
        case .promote: .addNode
        case .update: .updateNode
        case .remove: .removeNode
        }
    }

    /// The data of the change entry, byte for byte what etcd writes: a raftpb.ConfChange (proto2,
    /// fields at their default are written) with the member as JSON in its context.
    ///
    /// `requestID` is zero in bootstrap entries, which every founding member writes for itself.
    package func entryData(requestID: UInt64) -> [UInt8] {
        var writer = ByteWriter(capacity: 160)
        writer.appendField(1, always: requestID)
        writer.appendField(2, always: kind.rawValue)
        writer.appendField(3, always: id.number)
        writer.appendField(4, bytes: context)
        return writer.bytes
    }

    private var context: [UInt8] {
        switch self {
        case .add(let id, let peerURLs, let isLearner, let name):
            GoJSON.member(
                Member(id: id.number, name: name, peerURLs: peerURLs, isLearner: isLearner))
        case .promote(let id): GoJSON.promotion(of: id)
        case .update(let id, let peerURLs):
            GoJSON.member(Member(id: id.number, peerURLs: peerURLs))
        case .remove: []
        }
    }

    /// The data of the entries that open a new cluster's log, in their order: one per member, ids
    /// ascending, URLs sorted. All founding members must come to the same bytes.
    package static func bootstrap(_ members: [Member]) -> [[UInt8]] {
        members.sorted { $0.id < $1.id }.map { member in
            MembershipCommand.add(
                id: MemberID(member.id), peerURLs: member.peerURLs.sorted(), name: member.name
            ).entryData(requestID: 0)
        }
    }
}

/// A change entry as it was read.
struct MembershipChange {
    var requestID: UInt64 = 0
    /// Nil when it cannot be understood, or names nobody.
    var command: MembershipCommand?

    static let unreadable = MembershipChange()

    private init() {}

    init(decoding data: [UInt8]) {
        var reader = ByteReader(data)
        var kind: UInt64 = 0
        var node: UInt64 = 0
        var context: [UInt8] = []
        do throws(ByteError) {
            while let (number, wire) = try reader.tag() {
                switch (number, wire) {
                case (1, 0): requestID = try reader.varint()
                case (2, 0): kind = try reader.varint()
                case (3, 0): node = try reader.varint()
                case (4, 2): context = try reader.take(try reader.length())
                default: try reader.skipField(wire: wire)
                }
            }
        } catch {
            return
        }
        guard node != 0, let kind = MembershipCommand.Kind(rawValue: kind) else { return }
        command = MembershipChange.command(kind, MemberID(node), context)
    }

    /// The context must speak of the same member and mean what the kind says.
    private static func command(
        _ kind: MembershipCommand.Kind, _ id: MemberID, _ context: [UInt8]
    ) -> MembershipCommand? {
        if kind == .removeNode { return .remove(id) }
        guard let said = GoJSON.readMember(context), MemberID(said.member.id) == id else {
            return nil
        }
        let member = said.member
        switch kind {
        case .addNode where said.isPromotion: return .promote(id)
        case .addNode, .addLearnerNode:
            guard member.isLearner == (kind == .addLearnerNode), !said.isPromotion else {
                return nil
            }
            return .add(
                id: id, peerURLs: member.peerURLs, isLearner: member.isLearner, name: member.name)
        case .updateNode: return .update(id, peerURLs: member.peerURLs)
        case .removeNode: return nil
        }
    }
}
