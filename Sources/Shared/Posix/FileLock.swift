// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// An exclusive `flock` on a file, which it makes if missing. It holds until `release` or `deinit`,
/// and the kernel releases it when the process ends, however it ends.
package final class FileLock {
    private let file: File

    /// EWOULDBLOCK if another process, or another `FileLock` of this one, holds it.
    package init(_ path: String) throws(PosixError) {
        file = try File(path, .create)
        if uninterrupted({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) != 0 {
            throw PosixError("flock", path)
        }
    }

    /// A shared lock on a file that is there, which is opened for reading only: it keeps out those
    /// who would write, and is refused (EWOULDBLOCK) while one of them holds theirs.
    package init(shared path: String) throws(PosixError) {
        file = try File(path, .read)
        if uninterrupted({ flock(file.descriptor, LOCK_SH | LOCK_NB) }) != 0 {
            throw PosixError("flock", path)
        }
    }

    package func release() {
        file.close()
    }
}

extension PosixError {
    package var isWouldBlock: Bool { code == EWOULDBLOCK }
}
