// SPDX-License-Identifier: Apache-2.0
package import Posix

/// A folder whose files change all at once: they lie in a folder with a number, `..data` links to
/// the newest one, and each name links through it. So a reader never sees half of a change.
package final class DataFolder {
    package let path: String
    private var files: [DataFile]?
    private var number = 0

    package init(_ path: String) {
        self.path = path
    }

    /// True if something was written.
    @discardableResult
    package func write(_ files: [DataFile]) throws(PosixError) -> Bool {
        if self.files == files { return false }
        let old = number
        number += 1
        let fresh = "\(path)/..\(number)"
        try Directory.make(fresh, permissions: 0o755)
        for file in files where DataFolder.isInside(file.name) {
            let target = "\(fresh)/\(file.name)"
            try Directory.make(Directory.parent(of: target), permissions: 0o755)
            let handle = try File(target, .replace, permissions: file.permissions)
            try handle.write(at: 0, file.bytes)
            handle.close()
            try Directory.setPermissions(target, file.permissions)
        }
        try Directory.link("..\(number)", at: "\(path)/..new")
        try Directory.rename("\(path)/..new", to: "\(path)/..data")
        try linkNames(files)
        if old > 0 { try Directory.removeTree("\(path)/..\(old)") }
        self.files = files
        return true
    }

    private func linkNames(_ files: [DataFile]) throws(PosixError) {
        let wanted = Set(
            files.filter { DataFolder.isInside($0.name) }.compactMap {
                $0.name.split(separator: "/").first.map(String.init)
            })
        let present = try Directory.list(path).filter { !$0.hasPrefix("..") }
        for name in present where !wanted.contains(name) {
            try Directory.remove("\(path)/\(name)")
        }
        for name in wanted.sorted() where !present.contains(name) {
            try Directory.link("..data/\(name)", at: "\(path)/\(name)")
        }
    }

    /// Keys are the user's: none may lead out of the folder.
    private static func isInside(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return !name.isEmpty && !parts.contains { $0.isEmpty || $0 == "." || $0.hasPrefix("..") }
    }
}
