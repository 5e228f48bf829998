// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP

/// Who this member is, in the headers of everything it sends to others.
struct PeerIdentity {
    let memberID: MemberID
    let clusterID: ClusterID
    let version: String
    let peerURLs: [String]

    static let minimumClusterVersion = "3.0.0"

    var headers: [HeaderField] {
        [
            HeaderField("x-server-from", "\(memberID)"),
            HeaderField("x-server-version", version),
            HeaderField("x-min-cluster-version", PeerIdentity.minimumClusterVersion),
            HeaderField("x-etcd-cluster-id", "\(clusterID)"),
            HeaderField("x-peerurls", peerURLs.joined(separator: ",")),
        ]
    }

    var clusterHeader: HeaderField { HeaderField("x-etcd-cluster-id", "\(clusterID)") }
    var versionHeader: HeaderField { HeaderField("x-server-version", version) }
}

/// What another member says of itself in the headers of a request.
struct PeerHeaders {
    let from: MemberID?
    let peerURLs: [String]
    private let serverVersion: String
    private let minimumClusterVersion: String
    private let clusterID: String?
    private let raftTo: String?

    init(_ fields: [HeaderField]) {
        from = fields.value(of: "x-server-from").flatMap { PeerHeaders.memberID($0) }
        peerURLs = (fields.value(of: "x-peerurls") ?? "").split(separator: ",").map(String.init)
        serverVersion = fields.value(of: "x-server-version") ?? "2.0.0"
        minimumClusterVersion = fields.value(of: "x-min-cluster-version") ?? "2.0.0"
        clusterID = fields.value(of: "x-etcd-cluster-id")
        raftTo = fields.value(of: "x-raft-to")
    }

    static func memberID(_ text: String) -> MemberID? {
        UInt64(text, radix: 16).map { MemberID($0) }
    }

    /// Why the sender is not to be listened to. Only major and minor numbers count.
    func refusal(by own: PeerIdentity) -> String? {
        guard let remote = PeerVersion(serverVersion),
            let remoteMinimum = PeerVersion(minimumClusterVersion),
            let local = PeerVersion(own.version),
            let localMinimum = PeerVersion(PeerIdentity.minimumClusterVersion),
            remote >= localMinimum, remoteMinimum <= local
        else { return "incompatible version" }
        return clusterID == "\(own.clusterID)" ? nil : "cluster ID mismatch"
    }

    func isMeant(for own: PeerIdentity) -> Bool { raftTo == "\(own.memberID)" }

    /// For paths where the header may be missing.
    func contradicts(_ own: PeerIdentity) -> Bool {
        clusterID != nil && clusterID != "\(own.clusterID)"
    }
}

/// As far as it matters between members: major and minor number of `X.Y.Z` or `X.Y.Z-pre`.
struct PeerVersion: Comparable {
    let major: Int
    let minor: Int

    init?(_ text: String) {
        let release = text.split(separator: "-", omittingEmptySubsequences: false)[0]
        let parts = release.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let major = Int(parts[0]), let minor = Int(parts[1]),
            Int(parts[2]) != nil
        else { return nil }
        self.major = major
        self.minor = minor
    }

    static func < (left: PeerVersion, right: PeerVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
