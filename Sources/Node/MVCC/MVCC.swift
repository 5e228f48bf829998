// SPDX-License-Identifier: Apache-2.0

// Every version of every key, in memory: what etcd calls its multi-version store.
//
//   put, delete ──► Keyspace ──► RevisionLog: chunks of immutable records in revision order
//                      │              ▲ Version (main, chunk slot, offset)
//                      ├─ KeyTable ───┤ hash of the key  ──► KeyEntry (all versions of one key)
//                      └─ KeyTree ────┘ keys in byte order, with counts of living keys
//   get, range, history ◄── Record: a light reference (chunk, offset); fields decode lazily
//   view() ──► KeyspaceView: chunks and how much of each was used; may leave the thread
//
// A record's bytes are etcd's row value (mvccpb.KeyValue), so a range reply, a watch event, a
// checkpoint row and a hash all take slices of the same memory; nothing is encoded twice.
//
// Invariants
//   - Bytes of a chunk are written once, before any reference to them is handed out.
//   - Chunks are in revision order and their revision ranges do not overlap.
//   - A key has at least one version; versions ascend. A key whose newest version is a tombstone
//     is dead: it is in both indexes, but it is not counted.
//   - What a caller sees depends on `compactRevision` alone, never on how much of a compaction
//     has been carried out. The kept rows are those after it, and for each key its newest row at
//     or before it, unless that is a tombstone before it.
//
// The room knows no clock, disk, lease or permission. Raw memory is touched in Chunk, KeyValueWire,
// KeyEntry, KeyTable, KeyTree and StoreHash; the rest speaks in records and entries.

/// Why the keyspace refuses.
package enum KeyspaceError: Error, Equatable, Sendable {
    /// The revision is older than `revision`, the last one compacted to.
    case compacted(revision: Int64)
    /// The revision has not happened yet.
    case futureRevision
    /// A row given to `restoreRow` is not what etcd or we would have written.
    case corrupt(String)
}
