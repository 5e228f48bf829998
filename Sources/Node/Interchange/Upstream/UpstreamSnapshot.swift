// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import EtcdAPI
internal import Formats
internal import Raft
internal import Replicated
internal import Storage

/// A `.snap` file of etcd's: who was in the cluster at one index of the log.
///
///     file      protobuf: 1 CRC-32C of the data, 2 data
///     data      raftpb.Snapshot: 1 tree of the second API as JSON, 2 metadata
///     tree      /0/members/<id>/{raftAttributes,attributes}, /0/removed_members/<id>, /0/version
package struct UpstreamSnapshot: Equatable, Sendable {
    package struct Row: Equatable, Sendable {
        package var bucket: String
        package var key: String
        package var value: [UInt8]
    }

    package let index: LogIndex
    package let term: Term
    package let configuration: Configuration
    /// Membership as rows of a database file.
    package let rows: [Row]

    static let byteCountMax: Int64 = 1 << 29

    /// Nil for bytes that are no such file, or damaged.
    package init?(decoding bytes: [UInt8]) {
        guard let made = UpstreamSnapshot.decode(bytes) else { return nil }
        self = made
    }

    private init(_ metadata: SnapshotMetadata, _ rows: [Row]) {
        index = metadata.index
        term = metadata.term
        configuration = metadata.configuration
        self.rows = rows
    }

    private static func decode(_ bytes: [UInt8]) -> UpstreamSnapshot? {
        var sum: UInt64 = 0
        var data: [UInt8] = []
        var reader = ByteReader(bytes)
        do throws(ByteError) {
            while let (number, wire) = try reader.tag() {
                switch (number, wire) {
                case (1, 0): sum = try reader.varint()
                case (2, 2): data = try reader.take(try reader.length())
                default: try reader.skipField(wire: wire)
                }
            }
        } catch {
            return nil
        }
        guard sum != 0, !data.isEmpty, UInt64(CRC32C.of(data)) == sum else { return nil }
        do throws(RaftError) {
            let (metadata, tree) = try MessageCodec.decodeSnapshot(data)
            guard metadata.index.number < 1 << 62, let rows = rows(of: tree) else { return nil }
            return UpstreamSnapshot(metadata, rows)
        } catch {
            return nil
        }
    }

    // MARK: The tree

    private static func rows(of tree: [UInt8]) -> [Row]? {
        let root: JSONValue
        do throws(FormatError) {
            root = try JSON.parse(tree)
        } catch {
            return nil
        }
        guard let store = child("0", of: root["Root"]) else { return nil }
        var rows: [Row] = []
        for (id, node) in children(of: child("members", of: store)) {
            guard let row = member(id, node) else { return nil }
            rows.append(row)
        }
        for (id, _) in children(of: child("removed_members", of: store)) {
            rows.append(Row(bucket: "members_removed", key: id, value: Array("removed".utf8)))
        }
        if let version = child("version", of: store)?["Value"]?.string, !version.isEmpty {
            rows.append(Row(bucket: "cluster", key: "clusterVersion", value: Array(version.utf8)))
        }
        return rows
    }

    /// A member without its peer URLs is none; without attributes it has not started yet.
    private static func member(_ id: String, _ node: JSONValue) -> Row? {
        guard let number = UInt64(id, radix: 16),
            let raft = parsed(child("raftAttributes", of: node))
        else { return nil }
        var fields: [(String, JSONValue)] = [
            ("id", .unsigned64(number)), ("peerURLs", raft["peerURLs"] ?? .null),
        ]
        if let isLearner = raft["isLearner"] { fields.append(("isLearner", isLearner)) }
        if let attributes = parsed(child("attributes", of: node)) {
            if let name = attributes["name"] { fields.append(("name", name)) }
            if let urls = attributes["clientURLs"] { fields.append(("clientURLs", urls)) }
        }
        return Row(
            bucket: "members", key: String(number, radix: 16), value: JSON.bytes(.object(fields)))
    }

    private static func parsed(_ leaf: JSONValue?) -> JSONValue? {
        guard let text = leaf?["Value"]?.string else { return nil }
        do throws(FormatError) {
            return try JSON.parse(Array(text.utf8))
        } catch {
            return nil
        }
    }

    private static func child(_ name: String, of node: JSONValue?) -> JSONValue? {
        node?["Children"]?[name]
    }

    private static func children(of node: JSONValue?) -> [(String, JSONValue)] {
        guard let object = node?["Children"]?.object else { return [] }
        return object.members.map { ($0.key, $0.value) }
            .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    }

    /// Row `confState` of bucket `meta`.
    static func configurationRow(_ configuration: Configuration) -> Row {
        Row(bucket: "meta", key: "confState", value: GoJSON.configuration(configuration))
    }
}
