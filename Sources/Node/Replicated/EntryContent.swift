// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

/// What an entry of the log says.
///
/// A normal entry holds an InternalRaftRequest or, written by members up to 3.5, a bare request of
/// etcd's second API. etcd tells them apart by trying the first and then the second, which works
/// because the method's text in field 2 is no message. The text itself is the surer sign: no
/// message that could stand in field 2 has the same bytes.
enum EntryContent {
    /// A new leader's first entry.
    case leaderMark
    case membership(MembershipChange)
    case storeRequest(V2Request)
    case request(InternalRaftRequest)
    case unreadable

    private static let methods = ["POST", "PUT", "DELETE", "QGET", "SYNC"].map { Array($0.utf8) }

    init(_ entry: Entry) {
        switch entry.kind {
        case .normal where entry.data.isEmpty: self = .leaderMark
        case .normal: self = EntryContent.read(entry.data)
        case .change: self = .membership(MembershipChange(decoding: entry.data))
        // Joint changes are never proposed; upstream cannot apply them either.
        case .jointChange: self = .membership(.unreadable)
        }
    }

    private static func read(_ data: [UInt8]) -> EntryContent {
        do throws(WireError) {
            if isStoreRequest(data) { return .storeRequest(try V2Request(decoding: data)) }
            return .request(try InternalRaftRequest(decoding: data))
        } catch {
            return .unreadable
        }
    }

    private static func isStoreRequest(_ data: [UInt8]) -> Bool {
        var reader = ByteReader(data)
        do throws(ByteError) {
            while let (number, wire) = try reader.tag() {
                // Fields are written in order; an InternalRaftRequest goes on beyond 2 at once.
                if number > 2 { return false }
                if number == 2, wire == 2 {
                    return methods.contains(try reader.take(try reader.length()))
                }
                try reader.skipField(wire: wire)
            }
        } catch {
            return false
        }
        return false
    }
}
