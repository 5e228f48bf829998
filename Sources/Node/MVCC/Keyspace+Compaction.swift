// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension Keyspace {
    /// Forgets the past before `main`: at once for whoever reads, and for memory as
    /// `removeCompacted` gets to it. `main` itself stays readable.
    ///
    /// Works while an earlier compaction is still being removed: the later one includes it.
    package func compact(through main: Int64) throws(KeyspaceError) {
        invariant(changes == nil, "compaction within a write at revision \(revision)")
        if main <= compactRevision { throw .compacted(revision: compactRevision) }
        if main > revision { throw .futureRevision }
        schedule(main)
    }

    func schedule(_ main: Int64) {
        compactRevision = main
        scheduledCompactRevision = main
        // A row dies only if a row after the last finished compaction superseded it, or if it is
        // a tombstone there or later. So the walk need not go further back.
        removal = .pruning(next: Revision(main: max(0, finishedCompactRevision)))
    }

    /// Removes rows of the compaction asked for; true when all are gone and their memory is given
    /// back as far as it will be. Call it again and again with other work between.
    ///
    /// About `budget` rows are looked at or copied; the rows of one chunk may come on top.
    package func removeCompacted(budget: Int) -> Bool {
        invariant(changes == nil, "compaction within a write at revision \(revision)")
        var left = min(max(1, budget), 1 << 30)
        while left > 0 {
            switch removal {
            case .idle: return true
            case .pruning(let next): prune(from: next, &left)
            case .rewriting(let position): rewrite(from: position, &left)
            }
        }
        if case .idle = removal { return true }
        return false
    }

    /// Walks rows up to the compaction; each leads to its key, whose history is cut.
    private func prune(from start: Revision, _ left: inout Int) {
        let through = scheduledCompactRevision
        var after: Revision?
        // Passing over a dead row costs an eighth of cutting a key's history.
        var budget = left * 8
        log.forEachWithDead(from: start) { segment, offset in
            let chunk = segment.chunk
            let revision = chunk.revision(at: offset)
            if revision.main > through { return false }
            if budget <= 0 {
                after = revision
                return false
            }
            if segment.isDead(offset) {
                budget -= 1
                return true
            }
            budget -= 8
            if let entry = unsafe find(chunk.key(at: offset)) { cut(entry, through: through) }
            return true
        }
        left = max(0, budget / 8)
        removal = after.map { .pruning(next: $0) } ?? .rewriting(position: 0)
    }

    private func cut(_ entry: KeyEntry, through main: Int64) {
        if entry.prune(through: main, died: { log.markDead($0) }) { return }
        tree.remove(entry)
        table.remove(entry)
        entry.free()
    }

    private func rewrite(from start: Int, _ left: inout Int) {
        var position = start
        while left > 0 {
            if position >= log.segments.count {
                removal = .idle
                finishedCompactRevision = scheduledCompactRevision
                return
            }
            let count = log.sparseRun(at: position)
            if count == 0 {
                position += 1
                continue
            }
            let before = log.segments.count
            log.rewrite(at: position, count: count) { chunk, offset, from, to in
                left -= 1
                guard let entry = unsafe find(chunk.key(at: offset)) else {
                    fatalError("a living record of revision \(from.main) has no key")
                }
                entry.relocate(from, to: to)
            }
            left = max(0, left - 1)
            // One segment took the place of `count`, or none if nothing lived.
            position += count + log.segments.count - before
        }
        removal = .rewriting(position: position)
    }
}
