// SPDX-License-Identifier: Apache-2.0

/// A Raft term (Ongaro and Ousterhout, section 5.1). Zero before the first election.
@frozen @usableFromInline
package struct Term: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let number: UInt64

    @inlinable
    package init(_ number: UInt64) {
        self.number = number
    }

    @inlinable package static var zero: Self { Term(0) }
    @inlinable package var next: Term { Term(number + 1) }
    @usableFromInline package var description: String { "\(number)" }

    @inlinable
    package static func < (left: Term, right: Term) -> Bool { left.number < right.number }
}

/// A position in the replicated log. The first entry has index 1; zero is before it.
@frozen @usableFromInline
package struct LogIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let number: UInt64

    @inlinable
    package init(_ number: UInt64) {
        self.number = number
    }

    @inlinable package static var zero: Self { LogIndex(0) }
    @inlinable package var next: LogIndex { LogIndex(number + 1) }
    @inlinable package var previous: LogIndex { LogIndex(number - 1) }
    @usableFromInline package var description: String { "\(number)" }

    @inlinable
    package static func < (left: LogIndex, right: LogIndex) -> Bool { left.number < right.number }
}

/// A member of the cluster. Zero names nobody.
@frozen @usableFromInline
package struct MemberID: Hashable, Comparable, Sendable, CustomStringConvertible {
    @usableFromInline package let number: UInt64

    @inlinable
    package init(_ number: UInt64) {
        self.number = number
    }

    @inlinable package static var none: Self { MemberID(0) }
    /// Lower-case hexadecimal without leading zeros, as etcd prints it.
    @usableFromInline package var description: String { String(number, radix: 16) }

    @inlinable
    package static func < (left: MemberID, right: MemberID) -> Bool { left.number < right.number }
}

/// A cluster; members of different clusters never talk.
@frozen @usableFromInline
package struct ClusterID: Hashable, Sendable, CustomStringConvertible {
    @usableFromInline package let number: UInt64

    @inlinable
    package init(_ number: UInt64) {
        self.number = number
    }

    @usableFromInline package var description: String { String(number, radix: 16) }
}
