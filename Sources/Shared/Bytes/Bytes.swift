// SPDX-License-Identifier: Apache-2.0

// The room everything stands on: bytes, cursors over them, checksums, and the few words that all
// rooms of the node share (term, index, member, entry).
//
//   ByteWriter  [UInt8] that grows: integers in both orders, varints, protobuf fields
//   ByteReader  a cursor over [UInt8] that throws instead of reading past its end
//   CRC32C      Castagnoli, the checksum of the log, of etcd's hashes and of block sums
//   Random      seeded; the only randomness that pure rooms may use
//   Instant     monotonic time as a number; nobody here reads a clock
//
// This room alone carries `@inlinable` code: an unannotated call through a room's wall costs about
// six times the work of a varint. It knows no file, socket, thread or clock.

/// Why bytes are not what they claim to be: they ended, or broke their own format, at `offset`.
@frozen @usableFromInline
package struct ByteError: Error, Equatable, Sendable {
    @usableFromInline package var offset: Int

    @inlinable
    package init(at offset: Int) {
        self.offset = offset
    }
}
