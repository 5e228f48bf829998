// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated
import Testing

@Suite struct AuthRowTests {
    private func filled() -> Scribe {
        var scribe = Scribe()
        scribe.beginAuth()
        scribe.add("alice", [(.read, "a", "c"), (.write, "b", ""), (.readWrite, "x", "\0")])
        scribe.apply(as: "root", addUser("cert", hash: "", noPassword: true))
        scribe.apply(as: "root", grantRole("alice", "root"))
        scribe.apply(as: "root", revokeRole("alice", "root"))
        return scribe
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `rows are etcd's, byte by byte`() {
        let rows = rows(of: filled().ledger.view()).filter { $0.bucket.hasPrefix("auth") }
        let shown = rows.map { "\($0.bucket) \(text($0.key)) \(hex($0.value))" }
        #expect(
            shown == [
                "auth authEnabled 01", "auth authRevision 000000000000000d",
                "authRoles alice 0a05616c696365120612016" + "11a0163"
                    + "12050801120162" + "12080802120178" + "1a0100",
                "authRoles root 0a04726f6f74",
                "authUsers alice 0a05616c696365" + "120468617368" + "1a05616c696365" + "2200",
                "authUsers cert 0a0463657274" + "22020801",
                "authUsers root 0a04726f6f74" + "120468617368" + "1a04726f6f74" + "2200",
            ])
    }

    @Test func `a restart from rows gives the same state and the same rules at once`() throws {
        var scribe = filled()
        let again = try reloaded(scribe.ledger)
        #expect(again.stateHash() == scribe.ledger.stateHash())
        #expect(again.auth.isEnabled)
        var restarted = Scribe(again)
        let put = Command.put(PutRequest(key: bytes("a"), value: [], lease: 0))
        for user in ["alice", "root", "cert", ""] {
            #expect(
                restarted.apply(as: user, put).failure == scribe.apply(as: user, put).failure,
                "\(user)")
        }
        #expect(restarted.apply(put).failure == .userEmpty)
    }

    @Test func `switching off leaves a row that says so`() throws {
        var scribe = filled()
        scribe.apply(as: "root", disableAuth())
        let again = try reloaded(scribe.ledger)
        #expect(!again.auth.isEnabled)
        #expect(again.stateHash() == scribe.ledger.stateHash())
        let rows = rows(of: again.view()).filter { $0.bucket == "auth" }
        #expect(rows.map(\.value) == [[0], [0, 0, 0, 0, 0, 0, 0, 14]])
    }

    @Test func `a file that never heard of users begins at revision 1`() throws {
        var rows = rows(of: Scribe().ledger.view())
        rows.removeAll { $0.bucket == "auth" }
        #expect(try load(rows, Scribe.settings()).auth.revision == 1)
        rows.append(("auth", bytes("authRevision"), [UInt8](repeating: 0, count: 8)))
        #expect(try load(rows, Scribe.settings()).auth.revision == 1)
    }
}
