// SPDX-License-Identifier: Apache-2.0

/// Decides a write from a part of the tree: the rules are those of etcd's v2 store.
package struct KeysDecision {
    private let request: KeysRequest
    private let tree: Tree
    /// How many keys one transaction may write.
    private let putsMax: Int

    package init(_ request: KeysRequest, _ tree: Tree, putsMax: Int) {
        self.request = request
        self.tree = tree
        self.putsMax = putsMax
    }

    /// Nil for reads.
    package func plan() throws(KeysError) -> WritePlan? {
        switch request.write {
        case nil: nil
        case .set: try set()
        case .create: try create(request.path, action: .create, replaced: nil)
        case .createInOrder: try createInOrder()
        case .update: try update()
        case .compareAndSwap: try compareAndSwap()
        case .delete: try delete()
        case .compareAndDelete: try compareAndDelete()
        }
    }

    private var rootIsReadOnly: KeysError {
        KeysError(.rootReadOnly, NodePath.root, index: tree.revision)
    }

    // MARK: New nodes

    private func set() throws(KeysError) -> WritePlan {
        var existing: Node?
        do throws(KeysError) {
            existing = try tree.find(request.path)
        } catch {
            if error.code != .keyNotFound || request.isRefresh { throw error }
        }
        return try create(request.path, action: .set, replaced: existing)
    }

    /// Revisions do not tell the next one for certain, but a name is used once: the transaction
    /// wants it to be free.
    private func createInOrder() throws(KeysError) -> WritePlan {
        let digits = "\(tree.revision &+ 1)"
        let name = String(repeating: "0", count: max(0, 20 - digits.count)) + digits
        let path = NodePath.clean(request.path + "/" + name)
        return try create(path, action: .create, replaced: nil)
    }

    private func create(
        _ path: String, action: KeysAction, replaced: Node?
    ) throws(KeysError) -> WritePlan {
        if path == NodePath.root { throw rootIsReadOnly }
        let parents = NodePath.chain(NodePath.parent(path))
        for parent in parents {
            guard let node = tree.node(parent) else { break }
            if !node.isDirectory {
                throw KeysError(.notDirectory, parent, index: tree.revision)
            }
        }
        if let node = living(path) {
            if action != .set { throw KeysError(.nodeExists, path, index: tree.revision) }
            if node.isDirectory { throw KeysError(.notFile, path, index: tree.revision) }
        }
        var record = NodeRecord()
        record.action = action
        record.isDirectory = request.isDirectory
        record.isSilent = request.isRefresh
        if !record.isDirectory {
            record.value = request.isRefresh ? replaced?.record.value ?? "" : request.value
        }
        var plan = WritePlan(
            action, node: Node(path: path, record: record, revision: 0, lease: 0))
        plan.previous = replaced
        plan.seen = seen(path)
        addParents(parents, to: &plan)
        add(record, at: path, to: &plan)
        plan.obsoleteLease = ownLease(replaced)
        return plan
    }

    /// A node counts only if everything above it is there.
    private func living(_ path: String) -> Node? {
        try? tree.find(path)
    }

    private func seen(_ path: String) -> [(path: String, revision: Int64)] {
        NodePath.chain(path).dropFirst().map { ($0, tree.node($0)?.revision ?? 0) }
    }

    private func addParents(_ parents: [String], to plan: inout WritePlan) {
        var isMissing = false
        for path in parents.dropFirst() {
            isMissing = isMissing || tree.node(path) == nil
            guard isMissing else { continue }
            var record = NodeRecord()
            record.isDirectory = true
            record.isSilent = true
            record.action = .create
            let lease = inherited(by: path)
            record.inheritsLease = lease != .none
            plan.puts.append(WritePlan.Put(path: path, record: record, lease: lease))
        }
    }

    // MARK: Leases

    /// The directories above a path that are there.
    private func above(_ path: String) -> [Node] {
        var nodes: [Node] = []
        for step in NodePath.chain(NodePath.parent(path)) {
            guard let node = tree.node(step) else { break }
            nodes.append(node)
        }
        return nodes
    }

    private func inherited(by path: String) -> WritePlan.Lease {
        guard let lease = above(path).last?.lease, lease != 0 else { return .none }
        return .existing(lease)
    }

    /// Puts the node on its own lease, on that of a directory above if that ends earlier, or on
    /// none. The event's node has the same expiration.
    private func add(_ given: NodeRecord, at path: String, to plan: inout WritePlan) {
        var record = given
        var lease = inherited(by: path)
        record.expiration = request.ttl?.expiration ?? 0
        let limit = above(path).map(\.record.expiration).filter { $0 != 0 }.min()
        if let ttl = request.ttl, lease == .none || ttl.expiration <= limit ?? Int64.max {
            lease = .new
            plan.leaseSeconds = max(1, ttl.seconds)
        }
        record.inheritsLease = if case .existing = lease { true } else { false }
        plan.puts.append(WritePlan.Put(path: path, record: record, lease: lease))
        plan.node.record.expiration = record.expiration
    }

    /// A lease that nobody else hangs on.
    private func ownLease(_ node: Node?) -> Int64? {
        guard let node, !node.isDirectory, !node.record.inheritsLease, node.lease != 0 else {
            return nil
        }
        return node.lease
    }

    // MARK: Changed nodes

    private func update() throws(KeysError) -> WritePlan {
        if request.path == NodePath.root { throw rootIsReadOnly }
        let node = try tree.find(request.path)
        if node.isDirectory, !request.value.isEmpty {
            throw KeysError(.notFile, request.path, index: tree.revision)
        }
        return try change(node, .update)
    }

    private func compareAndSwap() throws(KeysError) -> WritePlan {
        if request.path == NodePath.root { throw rootIsReadOnly }
        let node = try tree.find(request.path)
        try compare(node)
        return try change(node, .compareAndSwap)
    }

    private func compare(_ node: Node) throws(KeysError) {
        if node.isDirectory { throw KeysError(.notFile, request.path, index: tree.revision) }
        let (value, index) = (request.previousValue, request.previousIndex)
        let isValue = value.isEmpty || value == node.record.value
        let isIndex = index == 0 || Int64(exactly: index) == node.modified
        if isValue, isIndex { return }
        var causes: [String] = []
        if !isValue { causes.append("[\(value) != \(node.record.value)]") }
        if !isIndex { causes.append("[\(index) != \(node.modified)]") }
        throw KeysError(.testFailed, causes.joined(separator: " "), index: tree.revision)
    }

    private func change(_ node: Node, _ action: KeysAction) throws(KeysError) -> WritePlan {
        var record = NodeRecord()
        record.action = action
        record.isDirectory = node.isDirectory
        record.isSilent = request.isRefresh
        record.created = node.created
        // A directory keeps its index, though the event has a new one.
        if node.isDirectory { record.modified = node.modified }
        if !node.isDirectory {
            record.value = request.isRefresh ? node.record.value : request.value
        }
        var shown = record
        shown.modified = 0
        var plan = WritePlan(
            action, node: Node(path: node.path, record: shown, revision: 0, lease: 0))
        plan.previous = node
        plan.seen = seen(node.path)
        add(record, at: node.path, to: &plan)
        plan.obsoleteLease = ownLease(node)
        if node.isDirectory { try moveLeases(below: node, &plan) }
        return plan
    }

    /// What hung on the directory's lease hangs on its new one; nobody is told.
    private func moveLeases(below directory: Node, _ plan: inout WritePlan) throws(KeysError) {
        guard let put = plan.puts.last else { return }
        for node in tree.below {
            let isOwn = node.lease != 0 && !node.record.inheritsLease
            let limit = put.record.expiration
            if isOwn, limit == 0 || node.record.expiration <= limit { continue }
            if !isOwn, node.lease == directory.lease, put.lease == .existing(node.lease) {
                continue
            }
            if node.lease == 0, put.lease == .none { continue }
            var record = node.record
            record.isSilent = true
            record.created = node.created
            record.modified = node.modified
            record.inheritsLease = put.lease != .none
            plan.seen.append((node.path, node.revision))
            plan.puts.append(WritePlan.Put(path: node.path, record: record, lease: put.lease))
        }
        if plan.puts.count > putsMax || plan.seen.count > putsMax {
            throw KeysError(
                .raftInternal,
                "the directory has too many nodes to change its TTL at once (\(putsMax) at most)",
                index: tree.revision)
        }
    }

    // MARK: Deletions

    private func delete() throws(KeysError) -> WritePlan {
        if request.path == NodePath.root { throw rootIsReadOnly }
        let node = try tree.find(request.path)
        var plan = deletion(of: node, .delete)
        if node.isDirectory {
            if !request.isDirectory, !request.isRecursive {
                throw KeysError(.notFile, request.path, index: tree.revision)
            }
            if request.isRecursive {
                plan.deletes.append(Layout.below(node.path))
            } else if tree.below.isEmpty {
                plan.mustBeEmpty = node.path
            } else {
                throw KeysError(.directoryNotEmpty, request.path, index: tree.revision)
            }
        }
        return plan
    }

    private func compareAndDelete() throws(KeysError) -> WritePlan {
        // Here the old store forgot that the root is special, and that it has a name.
        if request.path == NodePath.root {
            throw KeysError(.notFile, "", index: tree.revision)
        }
        let node = try tree.find(request.path)
        try compare(node)
        return deletion(of: node, .compareAndDelete)
    }

    private func deletion(of node: Node, _ action: KeysAction) -> WritePlan {
        var plan = WritePlan(action, node: node)
        plan.node.record.created = node.created
        plan.isDeletion = true
        plan.previous = node
        plan.seen = seen(node.path)
        plan.mark = DeletionMark(action, node.path)
        plan.deletes.append((Layout.key(node.path), []))
        plan.obsoleteLease = ownLease(node)
        return plan
    }
}
