// SPDX-License-Identifier: Apache-2.0

extension Keyspace {
    /// Changes from revision `from` on, in order and only of whole revisions, for a watcher that
    /// is behind. `next` is where to go on; it is beyond `revision` when all was told.
    ///
    /// Stops after `maxRevisions` revisions, or after the one that brought the changes to
    /// `maxBytes` of event bytes. `previous` is not filled in.
    package func history(
        from: Int64, maxRevisions: Int, maxBytes: Int
    ) throws(KeyspaceError) -> (changes: [Change], next: Int64) {
        if from < compactRevision { throw .compacted(revision: compactRevision) }
        var changes: [Change] = []
        var revisions = 0
        var bytes = 0
        var last = from - 1
        var next = max(from, revision + 1)
        log.forEach(from: Revision(main: from)) { segment, offset in
            let main = segment.chunk.main(at: offset)
            if main > revision { return false }
            if main != last {
                if revisions >= max(1, maxRevisions) || bytes >= maxBytes && revisions > 0 {
                    next = main
                    return false
                }
                revisions += 1
                last = main
            }
            let record = Record(chunk: segment.chunk, offset: offset)
            changes.append(Change(record: record))
            bytes &+= record.eventByteCount
            return true
        }
        return (changes, next)
    }
}
