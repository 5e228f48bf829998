// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One call of a client, with the moments between which it took effect, if it did.
struct Operation: Sendable {
    enum Kind: Equatable, Sendable {
        case get
        case put
        /// Put if the key's last change is this one; else get.
        case compareAndPut(modRevision: Int64)
    }

    enum Outcome: Equatable, Sendable {
        /// The answer never came; it may take effect at any later time.
        case unknown
        case wrote(revision: Int64)
        /// Nil if there was no such key.
        case read(revision: Int64, found: Found?)
    }

    struct Found: Equatable, Sendable {
        var modRevision: Int64
        var value: String
    }

    var kind: Kind
    var key: String
    /// What a write puts; no other operation puts the same.
    var value: String
    var start: Instant
    var end: Instant
    var outcome: Outcome
}

/// One change that a member holds.
struct Change: Equatable, Sendable {
    var revision: Int64
    var key: String
    /// Nil for a deletion.
    var value: String?
}
