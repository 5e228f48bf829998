// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// An open file. Reads and writes name their position, so threads may share one as long as nobody
/// closes it meanwhile.
package final class File {
    package enum Mode: Equatable, Sendable {
        case read
        /// Must exist.
        case update
        /// Made if missing; kept if there.
        case create
        /// Made, or cut to nothing.
        case replace
        /// Must not exist yet.
        case createNew
        /// Made if missing; every write goes to the end.
        case append
    }

    package let path: String
    /// -1 once closed.
    package private(set) var descriptor: Int32

    /// `permissions` apply to a file that this call makes.
    package init(_ path: String, _ mode: Mode, permissions: UInt32 = 0o600) throws(PosixError) {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .update: O_RDWR
            case .create: O_RDWR | O_CREAT
            case .replace: O_RDWR | O_CREAT | O_TRUNC
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            case .append: O_WRONLY | O_CREAT | O_APPEND
            }
        let opened = uninterrupted { unsafe keelson_open(path, flags | O_CLOEXEC, permissions) }
        if opened < 0 { throw PosixError("open", path) }
        descriptor = opened
        self.path = path
    }

    /// What the process was started with (1 or 2), whatever it is: a socket has no path to open,
    /// and a file opened anew would be written from another place.
    package init(copying standard: Int32, name: String) throws(PosixError) {
        descriptor = fcntl(standard, F_DUPFD_CLOEXEC, 3)
        if descriptor < 0 { throw PosixError("dup", name) }
        path = name
    }

    deinit {
        close()
    }

    /// Closes it. Harmless when repeated.
    package func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Fills the buffer from `offset` on. Returns fewer bytes only where the file ends.
    package func read(
        at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(PosixError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let position = offset + Int64(done)
            let count = uninterrupted {
                unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(position))
            }
            if count < 0 { throw PosixError("read", path) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Up to `count` bytes from `offset` on; fewer only where the file ends.
    package func read(at offset: Int64, count: Int) throws(PosixError) -> [UInt8] {
        if count <= 0 { return [] }
        var failure: PosixError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(PosixError) {
                initialized = unsafe try read(
                    at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole file; one larger than `limit` is refused with EFBIG.
    package func readAll(limit: Int = 1 << 30) throws(PosixError) -> [UInt8] {
        let known = Int(try size)
        if known > limit { throw PosixError("read", path, code: EFBIG) }
        if known > 0 { return try read(at: 0, count: known) }
        // Files of /proc claim to be empty.
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let more = try read(at: Int64(bytes.count), count: 1 << 16)
            if more.isEmpty { return bytes }
            bytes += more
        }
        throw PosixError("read", path, code: EFBIG)
    }

    /// Writes all bytes at `offset`; after an error some of them may have been written.
    package func write(at offset: Int64, _ bytes: UnsafeRawBufferPointer) throws(PosixError) {
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            let position = offset + Int64(done)
            let count = uninterrupted {
                unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(position))
            }
            if count < 0 { throw PosixError("write", path) }
            done += count
        }
    }

    package func write(at offset: Int64, _ bytes: [UInt8]) throws(PosixError) {
        try unsafe bytes.withUnsafeBufferPointer { buffer throws(PosixError) in
            unsafe try write(at: offset, UnsafeRawBufferPointer(buffer))
        }
    }

    /// Writes all bytes where the file stands: at the end in mode `.append`.
    package func append(_ bytes: [UInt8]) throws(PosixError) {
        try unsafe bytes.withUnsafeBufferPointer { bytes throws(PosixError) in
            let buffer = UnsafeRawBufferPointer(bytes)
            var done = 0
            while done < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
                let count = uninterrupted {
                    unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                }
                if count < 0 { throw PosixError("write", path) }
                done += count
            }
        }
    }

    /// Writes the chunks one after the other at `offset`, with as few calls as possible.
    package func write(at offset: Int64, chunks: [[UInt8]]) throws(PosixError) {
        var position = offset
        var first = 0
        while first < chunks.count {
            let last = min(first + 64, chunks.count)
            let total = chunks[first..<last].reduce(0) { $0 + $1.count }
            let written = unsafe withVectors(chunks[first..<last], skipping: 0) { vectors in
                uninterrupted {
                    unsafe pwritev(
                        descriptor, vectors.baseAddress, Int32(vectors.count), off_t(position))
                }
            }
            if written < 0 { throw PosixError("write", path) }
            if written < total {
                let rest = Array(chunks[first..<last].joined().dropFirst(written))
                try write(at: position + Int64(written), rest)
            }
            position += Int64(total)
            first = last
        }
    }

    /// Content and size would survive a power cut once this returns. After an error nobody can tell
    /// what is on the disk, and repeating the call tells nothing either.
    package func syncData() throws(PosixError) {
        if uninterrupted({ fdatasync(descriptor) }) != 0 { throw PosixError("fdatasync", path) }
    }

    package func sync() throws(PosixError) {
        if uninterrupted({ fsync(descriptor) }) != 0 { throw PosixError("fsync", path) }
    }

    package var size: Int64 {
        get throws(PosixError) {
            var status = stat()
            if unsafe fstat(descriptor, &status) != 0 { throw PosixError("stat", path) }
            return Int64(status.st_size)
        }
    }

    package func truncate(to size: Int64) throws(PosixError) {
        if uninterrupted({ ftruncate(descriptor, off_t(size)) }) != 0 {
            throw PosixError("truncate", path)
        }
    }

    /// Reserves blocks up to `size` and grows the file to it. With `zeroFill` the new part is also
    /// written, so that later overwrites change no metadata and `syncData` costs one disk write.
    package func allocate(_ size: Int64, zeroFill: Bool = false) throws(PosixError) {
        let old = try self.size
        if size <= old { return }
        // Not errno but the result tells the failure of this one.
        var code = posix_fallocate(descriptor, off_t(old), off_t(size - old))
        while code == EINTR { code = posix_fallocate(descriptor, off_t(old), off_t(size - old)) }
        if code == EOPNOTSUPP || code == EINVAL {
            try truncate(to: size)
        } else if code != 0 {
            throw PosixError("fallocate", path, code: code)
        }
        if zeroFill { try fillWithZeros(from: old, to: size) }
    }

    private func fillWithZeros(from start: Int64, to end: Int64) throws(PosixError) {
        let zeros = [UInt8](repeating: 0, count: 1 << 18)
        var position = start
        while position < end {
            let count = Int(min(Int64(zeros.count), end - position))
            try unsafe zeros.withUnsafeBufferPointer { zeros throws(PosixError) in
                let piece = unsafe UnsafeBufferPointer(rebasing: zeros[..<count])
                unsafe try write(at: position, UnsafeRawBufferPointer(piece))
            }
            position += Int64(count)
        }
    }
}

/// Lends the chunks as one list of vectors, without the first `skipping` bytes of the first chunk.
internal func withVectors<Result>(
    _ chunks: ArraySlice<[UInt8]>, skipping: Int,
    _ body: (UnsafeBufferPointer<iovec>) -> Result
) -> Result {
    unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: max(chunks.count, 1)) {
        vectors in
        var skipped = skipping
        var count = 0
        for chunk in chunks {
            unsafe chunk.withUnsafeBytes { bytes in
                // The chunks live as long as the slice, and arrays keep their bytes in one place.
                guard let base = bytes.baseAddress else { return }
                let vector = unsafe iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: base + skipped),
                    iov_len: bytes.count - skipped)
                unsafe vectors.initializeElement(at: count, to: vector)
            }
            if !chunk.isEmpty {
                count += 1
                skipped = 0
            }
        }
        return withExtendedLifetime(chunks) {
            unsafe body(UnsafeBufferPointer(rebasing: vectors[..<count]))
        }
    }
}
