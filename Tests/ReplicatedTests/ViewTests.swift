// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct ViewTests {
    /// Something in every bucket that is written here.
    private func filled() -> Scribe {
        var scribe = Scribe()
        for (number, name) in [(0x10, "ten"), (0xa, "own"), (0x2, "")] as [(UInt64, String)] {
            scribe.change(.add(id: MemberID(number), peerURLs: ["http://p<\(number)>"], name: name))
        }
        scribe.change(.remove(MemberID(2)))
        scribe.apply(
            data: ClusterRequest.publish(
                MemberID(0xa), name: "own", clientURLs: ["http://c"], requestID: 1))
        scribe.apply(data: ClusterRequest.setVersion("3.6.0", requestID: 2))
        scribe.apply(.downgradeInfoSet(DowngradeInfoSetRequest(enabled: true, ver: "3.5.0")))
        for id in [300, 5, -1] as [Int64] { scribe.grant(id, ttl: 60) }
        scribe.put("a", "1", lease: 5)
        scribe.put("a", "2", lease: 5)
        scribe.put("b", "3", lease: -1)
        scribe.delete("b")
        scribe.apply(.compaction(CompactionRequest(revision: 3)))
        var alarm = AlarmRequest()
        (alarm.action, alarm.memberID, alarm.alarm) = (.activate, 0x10, .noSpace)
        scribe.apply(.alarm(alarm))
        return scribe
    }

    private func texts(_ rows: [Row], _ bucket: String) -> [String] {
        rows.filter { $0.bucket == bucket }.map { "\(text($0.key))=\(text($0.value))" }
    }

    @Test func `rows are those of etcd's file`() {
        let rows = rows(of: filled().ledger.view())
        #expect(
            texts(rows, "members") == [
                #"10={"id":16,"peerURLs":["http://p\u003c16\u003e"],"name":"ten"}"#,
                #"a={"id":10,"peerURLs":["http://p\u003c10\u003e"],"name":"own","#
                    + #""clientURLs":["http://c"]}"#,
            ])
        #expect(texts(rows, "members_removed") == ["2=removed"])
        #expect(
            texts(rows, "cluster") == [
                "clusterVersion=3.6.0",
                #"downgrade={"target-version":"3.5.0","enabled":true}"#,
            ])
        let auth = rows.filter { $0.bucket == "auth" }
        #expect(auth.map { text($0.key) } == ["authRevision"])
        #expect(auth.map(\.value) == [[0, 0, 0, 0, 0, 0, 0, 1]])
        #expect(rows.filter { $0.bucket == "alarm" }.map(\.key) == [[8, 0x10, 16, 1]])
        #expect(
            rows.filter { $0.bucket == "lease" }.map(\.key) == [
                [0, 0, 0, 0, 0, 0, 0, 5], [0, 0, 0, 0, 0, 0, 1, 44],
                [255, 255, 255, 255, 255, 255, 255, 255],
            ])
        #expect(rows.first { $0.bucket == "lease" }?.value == [8, 5, 16, 60])
    }

    @Test func `the meta bucket tells where this member stands`() {
        let rows = rows(of: filled().ledger.view()).filter { $0.bucket == "meta" }
        #expect(
            rows.map { text($0.key) } == [
                "confState", "consistent_index", "finishedCompactRev", "scheduledCompactRev",
                "storageVersion", "term",
            ])
        #expect(text(rows[0].value) == #"{"voters":[10,16],"auto_leave":false}"#)
        #expect(rows[1].value == [0, 0, 0, 0, 0, 0, 0, 16])
        let compacted: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 3, 0x5f, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(rows[2].value == compacted)
        #expect(rows[3].value == compacted)
        #expect(text(rows[4].value) == "3.6.0")
        #expect(rows[5].value == [0, 0, 0, 0, 0, 0, 0, 1])
    }

    @Test func `buckets come in byte order and rows in key order`() {
        #expect(LedgerView.bucketNames == LedgerView.bucketNames.sorted())
        let view = filled().ledger.view()
        for bucket in LedgerView.bucketNames {
            let keys = rows(of: view).filter { $0.bucket == bucket }.map(\.key)
            #expect(keys.count == view.rowCount(in: bucket))
            #expect(keys == keys.sorted { $0.lexicographicallyPrecedes($1) })
        }
    }

    @Test func `a ledger comes back from its rows`() throws {
        let scribe = filled()
        let ledger = try reloaded(scribe.ledger)
        #expect(ledger.stateHash() == scribe.ledger.stateHash())
        #expect(ledger.members == scribe.ledger.members)
        #expect(ledger.configuration == scribe.ledger.configuration)
        #expect(ledger.appliedIndex == scribe.ledger.appliedIndex)
        #expect(ledger.alarms == scribe.ledger.alarms)
        #expect(ledger.keyspace.compactRevision == 3)
    }

    @Test func `rows unknown here are carried along`() throws {
        var rows = rows(of: filled().ledger.view())
        rows.append(("auth", bytes("authSome"), [7]))
        rows.append(("meta", bytes("auth-some"), [4]))
        let again = rowsAgain(try load(rows, Scribe.settings()))
        for row in rows {
            #expect(again.contains { $0 == row }, "\(row.bucket) \(text(row.key))")
        }
        #expect(again.count == rows.count)
    }

    private func rowsAgain(_ ledger: Ledger) -> [Row] {
        ReplicatedTests.rows(of: ledger.view())
    }

    @Test func `damaged rows are refused by name`() {
        let bad: [Row] = [
            ("alarm", [8], []), ("lease", [1], [8, 1]), ("members", bytes("1"), bytes("{}")),
            ("members", bytes("2"), bytes(#"{"id":1,"peerURLs":[]}"#)),
            ("members_removed", bytes("xx"), []), ("cluster", bytes("clusterVersion"), [1]),
            ("cluster", bytes("downgrade"), bytes("[]")), ("meta", bytes("term"), [1]),
            ("meta", bytes("consistent_index"), []), ("meta", bytes("confState"), bytes("7")),
            ("meta", bytes("scheduledCompactRev"), [0]), ("key", [1, 2], []),
            ("auth", bytes("authEnabled"), [2]), ("auth", bytes("authRevision"), [1]),
            ("authUsers", bytes("root"), [3]), ("authUsers", bytes("root"), [10, 1, 0x61]),
            ("authRoles", bytes("root"), [1, 2]), ("authRoles", [], []),
        ]
        for row in bad {
            #expect(throws: LoadFailure.self) { try load([row], Scribe.settings()) }
        }
    }

    @Test func `the hash leaves out where a member stands in the log`() {
        var scribe = filled()
        let hash = scribe.ledger.view().hash()
        let state = scribe.ledger.stateHash()
        scribe.apply(data: [])
        #expect(scribe.ledger.view().hash() == hash)
        #expect(scribe.ledger.stateHash() != state)
        var crc = CRC32C()
        var bucket = ""
        for row in rows(of: scribe.ledger.view()) {
            for name in LedgerView.bucketNames where name > bucket && name <= row.bucket {
                crc.update(bytes(name))
                bucket = name
            }
            let skipped = ["consistent_index", "term", "storageVersion"].contains(text(row.key))
            if row.bucket == "meta", skipped { continue }
            crc.update(row.key)
            crc.update(row.value)
        }
        #expect(crc.value == hash)
    }
}
