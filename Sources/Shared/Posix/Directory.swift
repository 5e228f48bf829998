// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Names in folders. Paths are used as they are given.
package enum Directory {
    package enum Kind: Equatable, Sendable {
        case file, folder, link, other
    }

    /// Makes the folder and the missing ones above it.
    package static func make(_ path: String, permissions: UInt32 = 0o700) throws(PosixError) {
        if kind(of: path) == .folder { return }
        let parent = parent(of: path)
        if parent != path { try make(parent, permissions: permissions) }
        if unsafe mkdir(path, permissions) != 0, errno != EEXIST || kind(of: path) != .folder {
            throw PosixError("mkdir", path)
        }
    }

    /// What is there, following links; nil for nothing.
    package static func kind(of path: String) -> Kind? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? kind(status) : nil
    }

    package static func exists(_ path: String) -> Bool {
        kind(of: path) != nil
    }

    package static func size(of path: String) throws(PosixError) -> Int64 {
        var status = stat()
        if unsafe stat(path, &status) != 0 { throw PosixError("stat", path) }
        return Int64(status.st_size)
    }

    /// The names inside, in byte order.
    package static func list(_ path: String) throws(PosixError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw PosixError("opendir", path) }
        defer { unsafe _ = closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        if errno != 0 { throw PosixError("readdir", path) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Replaces what `new` names, in one step. It survives a power cut once the folder was synced.
    package static func rename(_ old: String, to new: String) throws(PosixError) {
        if unsafe Glibc.rename(old, new) != 0 { throw PosixError("rename", "\(old) \(new)") }
    }

    /// Makes a symbolic link; nothing may be there yet.
    package static func link(_ target: String, at path: String) throws(PosixError) {
        if unsafe symlink(target, path) != 0 { throw PosixError("symlink", path) }
    }

    /// Removes one file or one empty folder.
    package static func remove(_ path: String) throws(PosixError) {
        if unsafe Glibc.remove(path) != 0 { throw PosixError("remove", path) }
    }

    /// Removes a file, or a folder with everything below it. Links are removed, not followed; that
    /// nothing is there is fine.
    package static func removeTree(_ path: String) throws(PosixError) {
        var status = stat()
        if unsafe lstat(path, &status) != 0 {
            if errno == ENOENT { return }
            throw PosixError("stat", path)
        }
        if kind(status) == .folder {
            for name in try list(path) { try removeTree("\(path)/\(name)") }
        }
        do throws(PosixError) {
            try remove(path)
        } catch  where error.isNotFound {
            return
        }
    }

    /// Makes names added, changed or removed in this folder survive a power cut.
    package static func sync(_ path: String) throws(PosixError) {
        let descriptor = uninterrupted {
            unsafe keelson_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        if descriptor < 0 { throw PosixError("open", path) }
        defer { _ = close(descriptor) }
        if uninterrupted({ fsync(descriptor) }) != 0 { throw PosixError("fsync", path) }
    }

    package static func setPermissions(_ path: String, _ permissions: UInt32) throws(PosixError) {
        if unsafe chmod(path, permissions) != 0 { throw PosixError("chmod", path) }
    }

    /// The permission bits.
    package static func permissions(of path: String) throws(PosixError) -> UInt32 {
        var status = stat()
        if unsafe stat(path, &status) != 0 { throw PosixError("stat", path) }
        return status.st_mode & 0o7777
    }

    /// May this process make files in the folder?
    package static func isWritable(_ path: String) -> Bool {
        unsafe access(path, W_OK | X_OK) == 0
    }

    /// Bytes of the file system that `path` is on: those free for this user, and all.
    package static func space(
        at path: String
    ) throws(PosixError) -> (free: Int64, total: Int64) {
        var status = statvfs()
        if uninterrupted({ unsafe statvfs(path, &status) }) != 0 {
            throw PosixError("statvfs", path)
        }
        let block = Int64(clamping: status.f_frsize)
        return (
            Int64(clamping: status.f_bavail) &* block, Int64(clamping: status.f_blocks) &* block
        )
    }

    package static func parent(of path: String) -> String {
        var end = path.utf8.endIndex
        let bytes = path.utf8
        while end > bytes.startIndex, bytes[bytes.index(before: end)] == UInt8(ascii: "/") {
            end = bytes.index(before: end)
        }
        guard let slash = bytes[..<end].lastIndex(of: UInt8(ascii: "/")) else {
            return end == bytes.startIndex && !path.isEmpty ? "/" : "."
        }
        return slash == bytes.startIndex ? "/" : String(path[..<slash])
    }

    private static func kind(_ status: stat) -> Kind {
        switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .link
        default: .other
        }
    }
}
