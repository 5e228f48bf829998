// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Testing

@testable import NodeServer

@Suite struct PeerFactsTests {
    private static let own = PeerIdentity(
        memberID: MemberID(0xa), clusterID: ClusterID(0xcafe), version: "3.6.5",
        peerURLs: ["http://127.0.0.1:2380"])

    private static func headers(
        _ version: String?, _ minimum: String?, cluster: String? = "cafe"
    ) -> PeerHeaders {
        var fields: [HeaderField] = []
        if let version { fields.append(HeaderField("x-server-version", version)) }
        if let minimum { fields.append(HeaderField("x-min-cluster-version", minimum)) }
        if let cluster { fields.append(HeaderField("x-etcd-cluster-id", cluster)) }
        return PeerHeaders(fields)
    }

    @Test(arguments: [
        ("3.4.23", "3.0.0", true), ("3.5.1", "3.0.0", true), ("3.9.0", "3.0.0", true),
        ("4.0.0", "3.6.0", true), ("3.9.0", "3.7.0", false), ("2.3.8", "2.3.0", false),
        ("3.6.0-rc.1", "3.0.0", true), ("3.6", "3.0.0", false), ("", "", false),
    ])
    func `versions of peers are taken or refused as etcd does`(
        _ version: String, _ minimum: String, _ isTaken: Bool
    ) {
        let refusal = Self.headers(version, minimum).refusal(by: Self.own)
        #expect(refusal == (isTaken ? nil : "incompatible version"))
    }

    @Test func `a peer of another cluster, or of none, is refused`() {
        #expect(Self.headers(nil, nil).refusal(by: Self.own) == "incompatible version")
        for cluster in ["beef", nil, "CAFE"] {
            let headers = Self.headers("3.5.1", "3.0.0", cluster: cluster)
            #expect(headers.refusal(by: Self.own) == "cluster ID mismatch")
        }
    }

    @Test func `ids beyond what a double holds survive the list of members`() throws {
        let members = [
            EtcdAPI.Member(
                id: 0xba7e_c3fb_dd21_5b5f, name: "c", peerURLs: ["http://c:2380"],
                clientURLs: ["http://c:2379"]),
            EtcdAPI.Member(id: 9_007_199_254_740_993, peerURLs: ["http://l:1"], isLearner: true),
        ]
        let text = String(
            decoding: HTTPEndpoints.json(MemberJSON.list(members)).body, as: UTF8.self)
        #expect(
            text == """
                [{"id":9007199254740993,"peerURLs":["http://l:1"],"isLearner":true},\
                {"id":13438393824634297183,"peerURLs":["http://c:2380"],"name":"c",\
                "clientURLs":["http://c:2379"]}]
                """)
        let read = try #require(MemberJSON.members(Array(text.utf8)))
        #expect(read.map(\.id) == members.map(\.id).sorted())
        #expect(MemberJSON.members(Array("{}".utf8)) == nil)
        #expect(MemberJSON.members(Array("[{\"id\":1.5}]".utf8)) == nil)
    }

    @Test func `the tree of a snapshot holds what etcd 3.5 starts from`() {
        let members = [
            EtcdAPI.Member(
                id: 0xa, name: "a", peerURLs: ["http://a:1"], clientURLs: ["http://a:2"]),
            EtcdAPI.Member(id: 0xb, peerURLs: ["http://b:1"], isLearner: true),
        ]
        let text = String(
            decoding: StoreTree.json(members: members, removed: ["c"], version: "3.5.0"),
            as: UTF8.self)
        #expect(
            text == #"""
                {"Root":{"Path":"/","Children":{"0":{"Path":"/0","Children":{"members":{"Path":\#
                "/0/members","Children":{"a":{"Path":"/0/members/a","Children":{\#
                "raftAttributes":{"Path":"/0/members/a/raftAttributes","Value":\#
                "{\"peerURLs\":[\"http://a:1\"]}"},"attributes":{"Path":\#
                "/0/members/a/attributes","Value":\#
                "{\"name\":\"a\",\"clientURLs\":[\"http://a:2\"]}"}}},\#
                "b":{"Path":"/0/members/b","Children":{"raftAttributes":{"Path":\#
                "/0/members/b/raftAttributes","Value":\#
                "{\"peerURLs\":[\"http://b:1\"],\"isLearner\":true}"}}}}},\#
                "removed_members":{"Path":"/0/removed_members","Children":{"c":{"Path":\#
                "/0/removed_members/c","Value":""}}},\#
                "version":{"Path":"/0/version","Value":"3.5.0"}}},\#
                "1":{"Path":"/1","Children":{}}}},"CurrentVersion":2}
                """#)
    }

    @Test func `a failure is told once, and again after a while or when it had worked`() {
        var log = FailureLog()
        var told: [Bool] = []
        func fail(_ error: PeerError, at seconds: Int64) {
            told.append(
                log.shouldTell(error, now: Instant(nanoseconds: seconds * 1_000_000_000)))
        }
        fail(.closed, at: 0)
        fail(.closed, at: 1)
        fail(.timedOut, at: 2)
        fail(.closed, at: 3)
        fail(.closed, at: 30)
        #expect(told == [true, false, true, false, true])
        told = [log.recovered(), log.recovered()]
        fail(.closed, at: 30)
        fail(.closed, at: 31)
        #expect(told == [true, false, false, true])
    }

    @Test func `peer URLs of every kind can be dialled`() {
        #expect(DialTarget("ftp://127.0.0.1:2380") == nil)
        #expect(DialTarget("https://127.0.0.1:2380")?.authority == "127.0.0.1:2380")
        #expect(DialTarget("unixs://a:1")?.authority == "localhost")
        #expect(DialTarget("http://127.0.0.1:2380")?.authority == "127.0.0.1:2380")
        #expect(DialTarget("http://[::1]:2380")?.authority == "[::1]:2380")
    }
}
