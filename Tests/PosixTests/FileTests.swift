// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import TestKit
internal import Testing

struct FileTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func `what is written at a place is read from there`() throws {
        let file = try File(folder["a"], .createNew)
        try file.write(at: 3, Array("keelson".utf8))
        #expect(try file.size == 10)
        #expect(try file.read(at: 0, count: 5) == [0, 0, 0] + Array("ke".utf8))
        #expect(try file.read(at: 8, count: 100) == Array("on".utf8))
        #expect(try file.read(at: 100, count: 10) == [])
        try file.truncate(to: 4)
        #expect(try file.readAll() == [0, 0, 0] + Array("k".utf8))
        try file.syncData()
        try file.sync()
    }

    @Test func `chunks are written in order, however many`() throws {
        let file = try File(folder["a"], .create)
        let chunks = (0..<1000).map { [UInt8](repeating: UInt8($0 % 251), count: $0 % 7) }
        try file.write(at: 5, chunks: chunks)
        #expect(try Array(file.readAll().dropFirst(5)) == Array(chunks.joined()))
    }

    @Test func `space can be reserved and filled with zeros`() throws {
        let file = try File(folder["a"], .create)
        try file.write(at: 0, [1, 2, 3])
        try file.allocate(1 << 20, zeroFill: true)
        #expect(try file.size == 1 << 20)
        #expect(try file.read(at: 0, count: 5) == [1, 2, 3, 0, 0])
        try file.allocate(10)
        #expect(try file.size == 1 << 20)
    }

    @Test func `appending goes to the end after reopening`() throws {
        try File(folder["log"], .append).append(Array("one ".utf8))
        try File(folder["log"], .append).append(Array("two".utf8))
        #expect(try File(folder["log"], .read).readAll() == Array("one two".utf8))
    }

    @Test func `a missing file is not found, and an existing one is not made new`() throws {
        let missing = #expect(throws: PosixError.self) { try File(folder["none"], .read) }
        #expect(missing?.isNotFound == true)
        #expect(
            missing?.description == "open \(folder["none"]): no such file or directory")
        _ = try File(folder["a"], .createNew)
        let existing = #expect(throws: PosixError.self) { try File(folder["a"], .createNew) }
        #expect(existing?.isExisting == true)
    }

    @Test func `a full disk is told apart`() throws {
        let full = try File("/dev/full", .update)
        let error = #expect(throws: PosixError.self) { try full.write(at: 0, [1]) }
        #expect(error?.isNoSpace == true)
        #expect(error?.operation == "write")
    }

    @Test func `a file of proc is read whole though it claims to be empty`() throws {
        #expect(try !File("/proc/self/status", .read).readAll().isEmpty)
        #expect(throws: PosixError.self) {
            try File("/proc/self/status", .read).readAll(limit: 10)
        }
    }

    @Test func `a closed file refuses and closes twice`() throws {
        let file = try File(folder["a"], .create)
        file.close()
        file.close()
        #expect(throws: PosixError.self) { try file.write(at: 0, [1]) }
    }

    @Test func `a lock keeps others out until released`() throws {
        let first = try FileLock(folder["lock"])
        let error = #expect(throws: PosixError.self) { try FileLock(folder["lock"]) }
        #expect(error?.isWouldBlock == true)
        first.release()
        _ = try FileLock(folder["lock"])
    }

    @Test func `folders are made with their parents, listed in order and removed whole`() throws {
        try Directory.make(folder["x/y/z"])
        try Directory.make(folder["x/y/z"])
        #expect(try Directory.permissions(of: folder["x/y"]) == 0o700)
        for name in ["b", "a", "c10", "c2"] { _ = try File(folder["x/y/\(name)"], .create) }
        #expect(try Directory.list(folder["x/y"]) == ["a", "b", "c10", "c2", "z"])
        try Directory.rename(folder["x/y/b"], to: folder["x/y/z/b"])
        try Directory.sync(folder["x/y/z"])
        #expect(Directory.kind(of: folder["x/y/z/b"]) == .file)
        let full = #expect(throws: PosixError.self) { try Directory.remove(folder["x"]) }
        #expect(full?.operation == "remove")
        try Directory.removeTree(folder["x"])
        try Directory.removeTree(folder["x"])
        #expect(!Directory.exists(folder["x"]))
    }

    @Test func `a file in the way of a folder is an error`() throws {
        _ = try File(folder["x"], .create)
        #expect(throws: PosixError.self) { try Directory.make(folder["x"]) }
        #expect(throws: PosixError.self) { try Directory.make(folder["x/y"]) }
        #expect(throws: PosixError.self) { try Directory.list(folder["none"]) }
    }

    @Test func `the disk tells its space`() throws {
        let space = try Directory.space(at: folder.path)
        #expect(space.free > 0 && space.free <= space.total)
    }

    @Test(arguments: [("/a/b", "/a"), ("/a", "/"), ("a", "."), ("a/b/", "a"), ("/", "/")])
    func `the parent of a path`(path: String, parent: String) {
        #expect(Directory.parent(of: path) == parent)
    }
}
