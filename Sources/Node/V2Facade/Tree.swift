// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI
internal import Formats

/// A node as it stands in the store.
struct Node: Equatable {
    var path: String
    var record: NodeRecord
    /// Of the key; 0 for the root, which has none.
    var revision: Int64
    var lease: Int64

    /// The root is there without being written.
    static let root = {
        var record = NodeRecord()
        record.isDirectory = true
        return Node(path: NodePath.root, record: record, revision: 0, lease: 0)
    }()

    init(path: String, record: NodeRecord, revision: Int64, lease: Int64) {
        self.path = path
        self.record = record
        self.revision = revision
        self.lease = lease
    }

    /// Nil for keys that are no nodes.
    init?(_ pair: KeyValue) {
        guard let path = Layout.path(pair.key), let record = NodeRecord(pair.value) else {
            return nil
        }
        self.init(path: path, record: record, revision: pair.modRevision, lease: pair.lease)
    }

    var isDirectory: Bool { record.isDirectory }
    var isRoot: Bool { path == NodePath.root }
    var created: Int64 { record.created == 0 ? revision : record.created }
    var modified: Int64 { record.modified == 0 ? revision : record.modified }

    /// As JSON has it: key, value, dir, expiration, ttl, nodes, modifiedIndex, createdIndex.
    func json(_ moment: Moment, nodes: [JSONValue]? = nil) -> JSONValue {
        var members: [(String, JSONValue)] = isRoot ? [] : [("key", .string(path))]
        members.append(isDirectory ? ("dir", true) : ("value", .string(record.value)))
        members += Self.times(record.expiration, moment)
        if let nodes, !nodes.isEmpty { members.append(("nodes", .array(nodes))) }
        if modified != 0 { members.append(("modifiedIndex", .integer(modified))) }
        if created != 0 { members.append(("createdIndex", .integer(created))) }
        return .object(members)
    }

    /// The remaining seconds are rounded up; none are left of a time that is over.
    static func times(_ expiration: Int64, _ moment: Moment) -> [(String, JSONValue)] {
        if expiration == 0 { return [] }
        var members: [(String, JSONValue)] = [
            ("expiration", .string(Timestamp.nanoseconds(expiration)))
        ]
        let (left, overflow) = expiration.subtractingReportingOverflow(moment.now)
        let (seconds, rest) = (overflow ? 0 : left).quotientAndRemainder(dividingBy: 1_000_000_000)
        let ttl = seconds + (rest > 0 ? 1 : 0)
        if ttl > 0 { members.append(("ttl", .integer(ttl))) }
        return members
    }
}

/// What has to be read for a request: the node and all above it, and for some what is below.
package struct Lookup: Equatable, Sendable {
    enum Below: Equatable, Sendable {
        case nothing, first, all
    }

    let path: String
    let below: Below

    package init(_ request: KeysRequest) {
        path = request.path
        below =
            switch request.write {
            case nil: .all
            case .delete: .first
            // A directory's TTL is that of what hangs on its lease.
            case .update: .all
            case .set, .create, .createInOrder, .compareAndSwap, .compareAndDelete: .nothing
            }
    }

    /// How many operations that takes.
    package var operationCount: Int { NodePath.chain(path).count + 1 }

    /// At one revision. Without `isLinearizable` it is what this member has now.
    package func transaction(isLinearizable: Bool) -> TxnRequest {
        var operations = NodePath.chain(path).dropFirst().map { path in
            RequestOp.range(
                RangeRequest(key: Layout.key(path), serializable: !isLinearizable))
        }
        let range = Layout.below(path)
        switch below {
        case .nothing: break
        case .first, .all:
            operations.append(
                .range(
                    RangeRequest(
                        key: range.key, rangeEnd: range.end, limit: below == .first ? 1 : 0,
                        serializable: !isLinearizable)))
        }
        if operations.isEmpty {
            // Even the root wants to know the revision.
            operations.append(
                .range(RangeRequest(key: Layout.mark, serializable: !isLinearizable)))
        }
        return TxnRequest(success: operations)
    }

    package func tree(_ response: TxnResponse) -> Tree {
        var tree = Tree(path: path, revision: response.header?.revision ?? 0)
        for part in response.responses {
            guard case .range(let range) = part else { continue }
            for pair in range.kvs {
                guard let node = Node(pair) else { continue }
                if node.path == path || NodePath.isBelow(path, node.path) {
                    tree.chain.append(node)
                } else {
                    tree.below.append(node)
                }
            }
        }
        return tree
    }
}

/// What was read: a part of the tree at one revision.
package struct Tree: Equatable {
    let path: String
    package let revision: Int64
    /// The root first; what is missing is left out.
    var chain: [Node] = [.root]
    /// In the order of their keys.
    var below: [Node] = []

    init(path: String, revision: Int64) {
        self.path = path
        self.revision = revision
    }

    func node(_ path: String) -> Node? { chain.first { $0.path == path } }

    /// The node, or why there is none: the first part that is missing or no directory.
    func find(_ path: String) throws(KeysError) -> Node {
        var parent = Node.root
        for step in NodePath.chain(path).dropFirst() {
            if !parent.isDirectory {
                throw KeysError(.notDirectory, parent.path, index: revision)
            }
            guard let next = node(step) else {
                throw KeysError(.keyNotFound, step, index: revision)
            }
            parent = next
        }
        return parent
    }

    // MARK: Get

    package func get(_ request: KeysRequest, _ moment: Moment) throws(KeysError) -> KeysAnswer {
        let node = try find(path)
        let lists = Lists(below)
        let nodes =
            node.isDirectory
            ? lists.json(node.path, deep: request.isRecursive, moment) : nil
        let event = JSONValue.object([
            ("action", .string(KeysAction.get.text)), ("node", node.json(moment, nodes: nodes)),
        ])
        return KeysAnswer(
            status: 200, body: JSON.text(event) + "\n", index: revision, isSuccess: true)
    }

    /// The nodes of each directory, in order.
    private struct Lists {
        private var children: [String: [Node]] = [:]

        init(_ nodes: [Node]) {
            for node in nodes { children[NodePath.parent(node.path), default: []].append(node) }
        }

        /// As deep as paths can be, which the number of operations of a transaction bounds.
        func json(_ path: String, deep: Bool, _ moment: Moment) -> [JSONValue] {
            (children[path] ?? []).compactMap { node in
                let name = node.path.dropFirst(path == NodePath.root ? 0 : path.count)
                if name.hasPrefix("/_") { return nil }
                let isList = deep && node.isDirectory
                return node.json(
                    moment, nodes: isList ? json(node.path, deep: true, moment) : nil)
            }
        }
    }
}
