// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// Ids as etcd derives them, so that a cluster keeps its ids when tools of either side restore it.
enum Identity {
    /// A member of the first hour is named by its peer URLs and the cluster's token; one that is
    /// added later by its URLs and the second it was added in.
    static func memberID(peerURLs: [String], token: String, addedAt seconds: Int64?) -> MemberID {
        var text = peerURLs.sorted().joined() + token
        if let seconds { text += String(seconds) }
        return MemberID(number(of: Digest.sha1(Array(text.utf8))))
    }

    static func clusterID(of members: [MemberID]) -> ClusterID {
        var writer = ByteWriter(capacity: members.count * 8)
        for member in members.sorted() { writer.appendBigEndian(member.number) }
        return ClusterID(number(of: Digest.sha1(writer.bytes)))
    }

    private static func number(of digest: [UInt8]) -> UInt64 {
        digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
