// SPDX-License-Identifier: Apache-2.0

// The /v2/keys API over the v3 store: requests in, transactions and answers out. No clock and no
// network: the shell says what time it is, runs the reads, transactions and watches, and writes
// what this room says.
//
//      KeysForm ─► KeysRequest ─► Lookup (a read-only transaction) ─► Tree
//                                                                      │ KeysDecision
//                   KeysAnswer ◄─ its response ◄─ WritePlan.transaction ◄─┘
//                   KeysEvent  ◄─ WatchReader ◄─ watch responses of the whole prefix
//
// How v2 is mapped (`Layout`, `NodeRecord`):
//
//   a node             a v3 key: the prefix and the path; its value is a short head and the value
//   a directory        a key of its own, too; missing parents are written with their first child
//   an index           a revision
//   a condition        compares on the mod revisions of everything the decision looked at, so a
//                      transaction that does not succeed is decided anew; there is no new kind of
//                      log entry
//   a TTL              a lease; nodes without a TTL of their own hang on the lease of the directory
//                      that has one, so that they go in the same revision
//   a wait             a watch
//   a deletion         deletes, and a put of the mark, which says what the deletion was; deletes
//                      without a mark are an expiry
//
// So v2 keys are replicated, compacted, backed up and restored like all others.

/// What a decision or an answer needs to know of the member.
package struct Moment: Equatable, Sendable {
    /// Nanoseconds since 1970.
    package var now: Int64

    package init(now: Int64) {
        self.now = now
    }
}

/// An answer of /v2/keys, but for the headers of the cluster.
package struct KeysAnswer: Equatable, Sendable {
    package var status: Int
    /// With its newline.
    package var body: String
    /// X-Etcd-Index.
    package var index: Int64
    /// X-Raft-Index and X-Raft-Term go with it.
    package var isSuccess: Bool

    package init(status: Int, body: String, index: Int64, isSuccess: Bool) {
        self.status = status
        self.body = body
        self.index = index
        self.isSuccess = isSuccess
    }
}
