// SPDX-License-Identifier: Apache-2.0

/// A node of the key tree: a handle on raw memory, freed by the tree.
///
/// Every node holds up to 64 items in key order. In a leaf an item is an entry, and one bit for
/// each says whether the key is alive. Above, an item is a child, its first entry, and how many
/// living keys are below it.
@safe
struct TreeNode: Equatable {
    static let width = 64
    /// With fewer items a node takes from, or joins, a neighbour.
    static let least = 16

    @unsafe
    private struct Header {
        var count: Int
        var isLeaf: Bool
        var liveBits: UInt64
        var next: UnsafeMutableRawPointer?
        var firsts: UnsafeMutablePointer<UnsafeMutablePointer<KeyHeader>>
        var children: UnsafeMutablePointer<UnsafeMutableRawPointer>
        var lives: UnsafeMutablePointer<Int>
    }

    private let header: UnsafeMutablePointer<Header>

    private init(_ block: UnsafeMutableRawPointer) {
        unsafe header = unsafe block.assumingMemoryBound(to: Header.self)
    }

    init(isLeaf: Bool) {
        let column = TreeNode.width * MemoryLayout<Int>.size
        let start = unsafe MemoryLayout<Header>.stride
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: start + column * (isLeaf ? 1 : 3), alignment: 16)
        let firsts = unsafe block + start
        let children = unsafe isLeaf ? firsts : firsts + column
        let lives = unsafe isLeaf ? firsts : firsts + 2 * column
        unsafe header = unsafe block.bindMemory(to: Header.self, capacity: 1)
        unsafe header.initialize(
            to: Header(
                count: 0, isLeaf: isLeaf, liveBits: 0, next: nil,
                firsts: firsts.assumingMemoryBound(
                    to: UnsafeMutablePointer<KeyHeader>.self),
                children: children.assumingMemoryBound(to: UnsafeMutableRawPointer.self),
                lives: lives.assumingMemoryBound(to: Int.self)))
    }

    static func == (left: TreeNode, right: TreeNode) -> Bool {
        unsafe left.header == right.header
    }

    func free() {
        unsafe UnsafeMutableRawPointer(header).deallocate()
    }

    func freeAll() {
        if !isLeaf { for index in 0..<count { child(index).freeAll() } }
        free()
    }

    // MARK: Reading

    var count: Int { unsafe header.pointee.count }
    var isLeaf: Bool { unsafe header.pointee.isLeaf }
    var isFull: Bool { count == TreeNode.width }
    var liveBits: UInt64 { unsafe header.pointee.liveBits }
    var next: TreeNode? { unsafe header.pointee.next.map { unsafe TreeNode($0) } }

    /// The entry at `index`, or the first one below the child there.
    func first(_ index: Int) -> KeyEntry { unsafe KeyEntry(header.pointee.firsts[index]) }
    func child(_ index: Int) -> TreeNode { unsafe TreeNode(header.pointee.children[index]) }
    func live(_ index: Int) -> Int { unsafe header.pointee.lives[index] }
    func isLive(_ index: Int) -> Bool { liveBits >> UInt64(index) & 1 == 1 }

    /// How many living keys are among the first `count` items.
    func liveCount(before count: Int) -> Int {
        if isLeaf {
            return count >= 64
                ? liveBits.nonzeroBitCount
                : (liveBits & (1 << UInt64(count) &- 1)).nonzeroBitCount
        }
        var sum = 0
        for index in 0..<count { sum &+= live(index) }
        return sum
    }

    /// How many items begin before `key`.
    func position(of key: UnsafeRawBufferPointer) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if unsafe compareBytes(first(middle).key, key) < 0 {
                low = middle &+ 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// The child that `key` is in or belongs to.
    func childIndex(for key: UnsafeRawBufferPointer) -> Int {
        let at = unsafe position(of: key)
        if at < count, unsafe compareBytes(first(at).key, key) == 0 { return at }
        return max(0, at - 1)
    }

    // MARK: Changing

    func setLive(_ index: Int, _ isLive: Bool) {
        let bit: UInt64 = 1 << UInt64(index)
        if isLive {
            unsafe header.pointee.liveBits |= bit
        } else {
            unsafe header.pointee.liveBits &= ~bit
        }
    }

    func setNext(_ node: TreeNode?) {
        unsafe header.pointee.next = unsafe node.map { unsafe UnsafeMutableRawPointer($0.header) }
    }

    func insert(_ entry: KeyEntry, isLive: Bool, at index: Int) {
        open(index, 1)
        unsafe header.pointee.firsts[index] = unsafe entry.header
        setLive(index, isLive)
    }

    func insert(_ child: TreeNode, at index: Int) {
        open(index, 1)
        unsafe header.pointee.children[index] = unsafe UnsafeMutableRawPointer(child.header)
        refresh(index)
    }

    /// Takes first entry and count of a child again, after it changed.
    func refresh(_ index: Int) {
        let child = child(index)
        unsafe header.pointee.firsts[index] = unsafe child.header.pointee.firsts[0]
        unsafe header.pointee.lives[index] = child.liveCount(before: child.count)
    }

    /// Makes a gap of `gap` items at `index`; their live bits are clear.
    private func open(_ index: Int, _ gap: Int) {
        let tail = count - index
        unsafe slide(header.pointee.firsts, from: index, to: index + gap, tail)
        if isLeaf {
            let low = index >= 64 ? liveBits : liveBits & (1 << UInt64(index) &- 1)
            let high = index >= 64 ? 0 : liveBits >> UInt64(index)
            let shift = UInt64(index + gap)
            unsafe header.pointee.liveBits = low | (shift >= 64 ? 0 : high << shift)
        } else {
            unsafe slide(header.pointee.children, from: index, to: index + gap, tail)
            unsafe slide(header.pointee.lives, from: index, to: index + gap, tail)
        }
        unsafe header.pointee.count += gap
    }

    /// Removes `gap` items at `index`.
    func close(_ index: Int, _ gap: Int) {
        let tail = count - index - gap
        unsafe slide(header.pointee.firsts, from: index + gap, to: index, tail)
        if isLeaf {
            let low = index >= 64 ? liveBits : liveBits & (1 << UInt64(index) &- 1)
            let after = UInt64(index + gap)
            let high = after >= 64 ? 0 : liveBits >> after
            unsafe header.pointee.liveBits = low | (index >= 64 ? 0 : high << UInt64(index))
        } else {
            unsafe slide(header.pointee.children, from: index + gap, to: index, tail)
            unsafe slide(header.pointee.lives, from: index + gap, to: index, tail)
        }
        unsafe header.pointee.count -= gap
    }

    private func slide<Item>(
        _ column: UnsafeMutablePointer<Item>, from: Int, to: Int, _ count: Int
    ) {
        if count > 0 { unsafe (column + to).update(from: column + from, count: count) }
    }

    /// Moves `moved` items from the front of `right` to the end of this node.
    func take(_ moved: Int, fromFrontOf right: TreeNode) {
        copy(from: right, at: 0, moved, to: count)
        right.close(0, moved)
    }

    /// Moves `moved` items from the end of this node to the front of `right`.
    func give(_ moved: Int, toFrontOf right: TreeNode) {
        right.open(0, moved)
        unsafe right.header.pointee.count -= moved
        let kept = count - moved
        right.overwrite(from: self, at: kept, moved, to: 0)
        unsafe right.header.pointee.count += moved
        close(kept, moved)
    }

    private func copy(from other: TreeNode, at source: Int, _ moved: Int, to target: Int) {
        overwrite(from: other, at: source, moved, to: target)
        unsafe header.pointee.count += moved
    }

    private func overwrite(from other: TreeNode, at source: Int, _ moved: Int, to target: Int) {
        if moved == 0 { return }
        unsafe (header.pointee.firsts + target).update(
            from: other.header.pointee.firsts + source, count: moved)
        if isLeaf {
            for index in 0..<moved { setLive(target + index, other.isLive(source + index)) }
        } else {
            unsafe (header.pointee.children + target).update(
                from: other.header.pointee.children + source, count: moved)
            unsafe (header.pointee.lives + target).update(
                from: other.header.pointee.lives + source, count: moved)
        }
    }
}
