// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Key entries in byte order: a B+tree with linked leaves whose inner nodes count the living keys
/// below each child, so a range is counted without walking it. It does not own the entries, but no
/// entry may be freed while it is in the tree.
final class KeyTree {
    private var root = TreeNode(isLeaf: true)
    private(set) var count = 0

    deinit {
        root.freeAll()
    }

    // MARK: Questions

    /// How many living keys sort before `key`.
    func liveCount(before key: UnsafeRawBufferPointer) -> Int {
        var node = root
        var sum = 0
        while !node.isLeaf {
            let index = unsafe node.childIndex(for: key)
            sum &+= node.liveCount(before: index)
            node = node.child(index)
        }
        return sum &+ node.liveCount(before: unsafe node.position(of: key))
    }

    var liveCount: Int { root.liveCount(before: root.count) }

    /// Entries from `key` on in byte order, and whether each lives, until `body` returns false.
    func forEach(from key: UnsafeRawBufferPointer, _ body: (KeyEntry, Bool) -> Bool) {
        var node = root
        while !node.isLeaf { node = unsafe node.child(node.childIndex(for: key)) }
        var index = unsafe node.position(of: key)
        while true {
            while index < node.count {
                if !body(node.first(index), node.isLive(index)) { return }
                index &+= 1
            }
            guard let next = node.next else { return }
            node = next
            index = 0
        }
    }

    // MARK: Inserting

    /// The entry's key must not be in the tree yet.
    func insert(_ entry: KeyEntry, isLive: Bool) {
        count += 1
        guard let right = insert(entry, isLive, into: root) else { return }
        let top = TreeNode(isLeaf: false)
        top.insert(root, at: 0)
        top.insert(right, at: 1)
        root = top
    }

    /// Answers the new right neighbour if the node had to be split.
    private func insert(_ entry: KeyEntry, _ isLive: Bool, into node: TreeNode) -> TreeNode? {
        if node.isLeaf {
            let at = unsafe node.position(of: entry.key)
            if !node.isFull {
                node.insert(entry, isLive: isLive, at: at)
                return nil
            }
            // Keys that only ever grow leave full leaves behind.
            let right = split(node, keeping: at == node.count && node.next == nil ? at : 32)
            let target = at <= node.count && node.count < TreeNode.width ? node : right
            target.insert(entry, isLive: isLive, at: target == node ? at : at - node.count)
            return right
        }
        let index = unsafe node.childIndex(for: entry.key)
        let added = insert(entry, isLive, into: node.child(index))
        node.refresh(index)
        guard let added else { return nil }
        if !node.isFull {
            node.insert(added, at: index + 1)
            return nil
        }
        let right = split(node, keeping: 32)
        if index < node.count {
            node.insert(added, at: index + 1)
        } else {
            right.insert(added, at: index + 1 - node.count)
        }
        return right
    }

    private func split(_ node: TreeNode, keeping kept: Int) -> TreeNode {
        let right = TreeNode(isLeaf: node.isLeaf)
        node.give(node.count - kept, toFrontOf: right)
        if node.isLeaf {
            right.setNext(node.next)
            node.setNext(right)
        }
        return right
    }

    // MARK: Changing

    /// Says whether the entry's key lives; the entry must be in the tree.
    func setLive(_ entry: KeyEntry, _ isLive: Bool) {
        setLive(entry, isLive, below: root)
    }

    private func setLive(_ entry: KeyEntry, _ isLive: Bool, below node: TreeNode) {
        if node.isLeaf {
            node.setLive(index(of: entry, in: node), isLive)
            return
        }
        let index = unsafe node.childIndex(for: entry.key)
        setLive(entry, isLive, below: node.child(index))
        node.refresh(index)
    }

    private func index(of entry: KeyEntry, in leaf: TreeNode) -> Int {
        let at = unsafe leaf.position(of: entry.key)
        invariant(at < leaf.count, "a key is not in its leaf of \(leaf.count)")
        invariant(leaf.first(at) == entry, "another entry holds the key's place in the tree")
        return at
    }

    // MARK: Removing

    /// The entry must be in the tree.
    func remove(_ entry: KeyEntry) {
        remove(entry, from: root)
        count -= 1
        if !root.isLeaf, root.count == 1 {
            let old = root
            root = old.child(0)
            old.free()
        }
    }

    private func remove(_ entry: KeyEntry, from node: TreeNode) {
        if node.isLeaf {
            node.close(index(of: entry, in: node), 1)
            return
        }
        let index = unsafe node.childIndex(for: entry.key)
        let child = node.child(index)
        remove(entry, from: child)
        if child.count < TreeNode.least, node.count > 1 {
            balance(node, around: max(0, index - 1))
        } else {
            node.refresh(index)
        }
    }

    /// Joins the children at `index` and after it, or shares their items evenly.
    private func balance(_ node: TreeNode, around index: Int) {
        let left = node.child(index)
        let right = node.child(index + 1)
        let total = left.count + right.count
        if total <= TreeNode.width {
            left.take(right.count, fromFrontOf: right)
            left.setNext(right.next)
            right.free()
            node.close(index + 1, 1)
            node.refresh(index)
            return
        }
        if left.count < right.count {
            left.take(total / 2 - left.count, fromFrontOf: right)
        } else {
            left.give(left.count - total / 2, toFrontOf: right)
        }
        node.refresh(index)
        node.refresh(index + 1)
    }
}
