// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension Keyspace {
    /// Opens a write. Its changes share the main revision `revision + 1` and number their subs
    /// 0, 1, 2...; reads of the newest state see them at once. Nothing can be taken back: check
    /// everything first.
    package func beginWrite() {
        invariant(changes == nil, "a write is open at revision \(revision)")
        changes = []
    }

    /// Closes the write and answers its changes in order. The revision rises by one, unless there
    /// are none.
    package func endWrite() -> [Change] {
        let done = openChanges
        changes = nil
        if !done.isEmpty { revision &+= 1 }
        return done
    }

    private var openChanges: [Change] {
        guard let changes else {
            fatalError("no write is open at revision \(revision)")
        }
        return changes
    }

    private var nextRevision: Revision {
        Revision(main: revision &+ 1, sub: Int64(openChanges.count))
    }

    @discardableResult
    package func put(key: [UInt8], value: [UInt8], lease: Int64 = 0) -> Change {
        let next = nextRevision
        let (hash, found) = unsafe key.withUnsafeBytes { bytes in
            let hash = unsafe table.hash(bytes)
            return (hash, unsafe table.find(bytes, hash: hash))
        }
        let previous = found.flatMap { live($0, at: nil) }
        let before = previous.map { $0.chunk.fields(at: $0.offset) }
        let draft = KeyValueDraft(
            key: key, value: value, createRevision: before?.createRevision ?? next.main,
            modRevision: next.main, version: (before?.version ?? 0) &+ 1, lease: lease)
        let version = log.append(draft, next, tombstone: false)
        if let entry = found {
            entry.append(version)
            if previous == nil { tree.setLive(entry, true) }
        } else {
            let entry = unsafe key.withUnsafeBytes { unsafe add($0, hash: hash) }
            entry.append(version)
            tree.insert(entry, isLive: true)
        }
        return note(version, previous)
    }

    /// Deletes the living keys of `range`, in byte order, and answers what it did to each.
    @discardableResult
    package func delete(_ range: KeyRange) -> [Change] {
        var entries: [KeyEntry] = []
        if range.isSingleKey {
            if let entry = find(range.key), entry.isLive { entries.append(entry) }
        } else {
            forEachEntry(in: range) { entry, isLive in
                if isLive { entries.append(entry) }
            }
        }
        return entries.map { delete($0) }
    }

    private func delete(_ entry: KeyEntry) -> Change {
        let previous = live(entry, at: nil)
        let draft = KeyValueDraft(key: unsafe Array(entry.key))
        let version = log.append(draft, nextRevision, tombstone: true)
        entry.append(version)
        tree.setLive(entry, false)
        return note(version, previous)
    }

    private func note(_ version: Version, _ previous: Record?) -> Change {
        let change = Change(record: log.record(version), previous: previous)
        changes?.append(change)
        return change
    }
}
