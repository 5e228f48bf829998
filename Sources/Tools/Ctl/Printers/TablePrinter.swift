// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI

/// Lists as tables.
enum TablePrinter {
    /// Nil for answers that are no lists.
    static func text(_ answer: Answer, _ personality: Personality) -> String? {
        Listing(answer, personality).map { TextTable.text($0.titles, $0.rows) }
    }
}

/// The response as it came over the wire.
enum ProtobufPrinter {
    /// Nil for answers that are put together from several responses.
    static func bytes(_ answer: Answer) -> [UInt8]? {
        switch answer {
        case .get(let response, _): response.encoded()
        case .put(let response): response.encoded()
        case .delete(let response): response.encoded()
        case .txn(let response): response.encoded()
        case .watch(let response): watch(response)
        // etcdctl's structs of leases hold a header, whose way of encoding they inherit.
        case .leaseGranted(let response): header(response.header)
        case .leaseKept(let response): header(response.header)
        case .leaseLife(let response, _): header(response.header)
        case .leases(let response): header(response.header)
        case .leaseRevoked(_, let response): response.encoded()
        case .members(let response): response.encoded()
        case .memberAdded(let response, _, _): response.encoded()
        case .memberRemoved(_, let response): response.encoded()
        case .memberUpdated(_, let response): response.encoded()
        case .memberPromoted(_, let response): response.encoded()
        case .alarms(let response): response.encoded()
        case .leaderMoved(_, _, let response): response.encoded()
        case .acknowledged(_, let header), .revoked(_, _, _, let header):
            AuthRoleAddResponse.with { $0.header = header }.encoded()
        case .authStatus(let response): response.encoded()
        case .user(_, let response): response.encoded()
        case .users(let response): response.encoded()
        case .role(_, let response): response.encoded()
        case .roles(let response): response.encoded()
        case .downgrade(_, let response): response.encoded()
        case .health, .status, .hashes, .snapshot: nil
        }
    }

    private static func header(_ header: ResponseHeader?) -> [UInt8] {
        (header ?? ResponseHeader()).encoded()
    }

    private static func watch(_ response: WatchResponse) -> [UInt8] {
        var shown = WatchResponse()
        shown.header = response.header
        shown.created = response.created
        shown.canceled = response.canceled
        shown.compactRevision = response.compactRevision
        shown.events = response.events
        return shown.encoded()
    }
}
