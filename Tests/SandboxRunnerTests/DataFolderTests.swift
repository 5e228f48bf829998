// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import SandboxRunner
internal import TestKit
internal import Testing

@Suite struct DataFolderTests {
    private func text(_ path: String) throws -> String {
        String(decoding: try File(path, .read).readAll(), as: UTF8.self)
    }

    @Test func `files change all at once, and what is no longer there goes`() throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path + "/config")
        #expect(
            try folder.write([
                DataFile(name: "a", bytes: Array("1".utf8)),
                DataFile(name: "tls/key", bytes: Array("k".utf8), permissions: 0o600),
            ]))
        #expect(try text(folder.path + "/a") == "1")
        #expect(try text(folder.path + "/tls/key") == "k")
        #expect(try Directory.permissions(of: folder.path + "/tls/key") == 0o600)
        // A reader that holds the folder of the moment is not disturbed by the next.
        #expect(try folder.write([DataFile(name: "a", bytes: Array("2".utf8))]))
        #expect(try text(folder.path + "/a") == "2")
        #expect(!Directory.exists(folder.path + "/tls"))
        #expect(try !folder.write([DataFile(name: "a", bytes: Array("2".utf8))]))
    }

    @Test(arguments: ["../out", "/etc/x", "..", "a/../../out", "", "a//b", "..data"])
    func `no name leads out of the folder`(name: String) throws {
        let temporary = try TemporaryFolder()
        let folder = DataFolder(temporary.path + "/config")
        try folder.write([DataFile(name: name, bytes: [1])])
        #expect(try Directory.list(temporary.path) == ["config"])
        #expect(try Directory.list(folder.path) == ["..1", "..data"])
    }
}
