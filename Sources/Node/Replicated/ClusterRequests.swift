// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import EtcdAPI

/// An enabled or ended downgrade; the row `downgrade` of bucket `cluster`.
package struct Downgrade: Equatable, Sendable {
    package var isEnabled: Bool
    /// `X.Y.0`; empty when not enabled.
    package var targetVersion: String

    package init(isEnabled: Bool, targetVersion: String) {
        self.isEnabled = isEnabled
        self.targetVersion = targetVersion
    }
}

/// What members tell the cluster through the log, in both forms: requests of their own (from 3.6
/// on) and the writes to etcd's second API that versions up to 3.5 propose.
package enum ClusterRequest {
    /// A member's name and client URLs.
    package static func publish(
        _ id: MemberID, name: String, clientURLs: [String], requestID: UInt64
    ) -> [UInt8] {
        let set = ClusterMemberAttrSetRequest(
            memberID: id.number,
            memberAttributes: MemberAttributes(name: name, clientURLs: clientURLs))
        return InternalRaftRequest(
            command: .clusterMemberAttrSet(set), header: RequestHeader(id: requestID)
        ).encoded()
    }

    package static func setVersion(_ version: String, requestID: UInt64) -> [UInt8] {
        InternalRaftRequest(
            command: .clusterVersionSet(ClusterVersionSetRequest(ver: version)),
            header: RequestHeader(id: requestID)
        ).encoded()
    }

    package static func publishForOldMembers(
        _ id: MemberID, name: String, clientURLs: [String], requestID: UInt64
    ) -> [UInt8] {
        storePut(
            path: attributesPath(id),
            String(decoding: GoJSON.attributes(name: name, clientURLs: clientURLs), as: UTF8.self),
            requestID)
    }

    package static func setVersionForOldMembers(
        _ version: String, requestID: UInt64
    ) -> [UInt8] {
        storePut(path: versionPath, version, requestID)
    }

    private static func storePut(
        path: String, _ value: String, _ requestID: UInt64
    ) -> [UInt8] {
        var request = V2Request()
        request.id = requestID
        request.method = "PUT"
        request.path = path
        request.val = value
        return request.encoded()
    }

    // MARK: Paths of the second API

    static let versionPath = "/0/version"
    private static let memberPrefix = "/0/members/"
    private static let attributesSuffix = "/attributes"

    static func attributesPath(_ id: MemberID) -> String {
        memberPrefix + id.description + attributesSuffix
    }

    /// Nil when the path is not that of a member's attributes.
    static func memberID(inAttributesPath path: String) -> MemberID? {
        guard path.hasPrefix(memberPrefix), path.hasSuffix(attributesSuffix) else { return nil }
        let name = path.dropFirst(memberPrefix.count).dropLast(attributesSuffix.count)
        return readHexadecimal(name.utf8).map { MemberID($0) }
    }
}

/// One to sixteen hexadecimal digits and nothing else.
func readHexadecimal(_ text: some Collection<UInt8>) -> UInt64? {
    guard (1...16).contains(text.count) else { return nil }
    var number: UInt64 = 0
    for byte in text {
        let digit: UInt8
        switch byte {
        case 0x30...0x39: digit = byte - 0x30
        case 0x41...0x46: digit = byte - 0x37
        case 0x61...0x66: digit = byte - 0x57
        default: return nil
        }
        number = number << 4 | UInt64(digit)
    }
    return number
}
