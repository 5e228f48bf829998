// SPDX-License-Identifier: Apache-2.0

// What a member keeps on its disk, over a `Disk` that somebody else provides.
//
//   member/wal/%016x.log        the log: Raft's entries, votes and checkpoint marks   (Log/)
//   member/snap/db              the newest checkpoint, in etcd's own .db format       (Checkpoint/)
//   member/snap/db.sums         sums of its blocks, since that format has none
//   member/snap/%016x.snap.db   a checkpoint received from the leader, by its index
//   member/snap/tmp*            unfinished; removed at start
//
//        append ─► one write ─► sync ─► owner answers            publish ─► tmp ─► sync ─► rename
//        open   ─► frames ─► torn tail cut | damage thrown       newest  ─► sums checked, then read
//
// Invariants:
//   1. What `sync` has answered comes back from `open`, whatever the moment of a crash.
//   2. Damage to anything that was synced is reported with file and offset; it is never skipped and
//      never cut, as far as the disk still holds a later frame that says so (see LogFormat).
//   3. After a failed sync or an input/output error the log refuses everything: such a sync is never
//      tried again, because the kernel forgets dirty pages that it could not write.
//   4. A full disk loses nothing: the failed append leaves no trace in what is read back as synced.
//   5. No reader traps, hangs or takes memory beyond the size of its file, whatever the bytes are.
//
// It never reads a clock, starts a thread, logs, or decides when to sync.

/// Why storage could not do what it was asked.
package enum StorageError: Error, Equatable, Sendable {
    case disk(DiskError)
    /// The bytes at `offset` are not what was written there.
    case damaged(path: String, offset: Int64, reason: String)
    /// A file that must be there is not.
    case missing(path: String)
    /// Something is already where a new log was to be created.
    case exists(path: String)
    /// The log failed before, with this error, and may not be used again.
    case poisoned(DiskError)
    /// A loader did not like what it was given; thrown by the bodies of `forEach`.
    case refused(String)

    /// Nothing is lost and reading goes on; writing may be tried again when there is room.
    package var isNoSpace: Bool {
        if case .disk(let error) = self { return error.isNoSpace }
        return false
    }
}

extension StorageError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .disk(let error): "\(error)"
        case .damaged(let path, let offset, let reason): "\(path): offset \(offset): \(reason)"
        case .missing(let path): "\(path): missing"
        case .exists(let path): "\(path): already exists"
        case .poisoned(let error): "unusable since \(error)"
        case .refused(let reason): reason
        }
    }
}

/// Runs calls of a disk; their errors leave as this room's.
func onDisk<Value>(_ body: () throws(DiskError) -> Value) throws(StorageError) -> Value {
    do {
        return try body()
    } catch {
        throw .disk(error)
    }
}

/// The lower-case hexadecimal of `number` in 16 digits.
func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The number that 16 lower-case hexadecimal digits spell, or nil.
func number(fromHexadecimal digits: Substring) -> UInt64? {
    guard digits.utf8.count == 16 else { return nil }
    for digit in digits.utf8 {
        let isDigit = (0x30...0x39).contains(digit) || (0x61...0x66).contains(digit)
        if !isDigit { return nil }
    }
    return UInt64(digits, radix: 16)
}

/// The folder that holds `path`.
func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
