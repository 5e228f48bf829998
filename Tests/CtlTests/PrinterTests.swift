// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import Testing

@testable import Ctl

/// What etcdctl 3.5.1 printed for these answers.
struct PrinterTests {
    private let header = ResponseHeader(
        clusterID: 3_586_811_377_195_397_337, memberID: 7_616_583_982_444_832_909, revision: 5,
        raftTerm: 2)
    private let headerFields = """
        "ClusterID" : 3586811377195397337
        "MemberID" : 7616583982444832909
        "Revision" : 5
        "RaftTerm" : 2

        """
    private let headerJSON =
        "{\"cluster_id\":3586811377195397337,\"member_id\":7616583982444832909,\"revision\":5,"
        + "\"raft_term\":2}"

    private func print(
        _ answer: Answer, _ format: OutputFormat = .simple, hex: Bool = false,
        as personality: Personality = .etcdctl
    ) throws -> String {
        let bytes = try Printer.bytes(answer, format, hex: hex, for: personality)
        return String(decoding: bytes, as: UTF8.self)
    }

    private var record: KeyValue {
        KeyValue(
            key: [0x61], createRevision: 2, modRevision: 5, version: 4,
            value: Array("<&>".utf8))
    }

    private var get: Answer {
        .get(
            .with { response in
                response.header = header
                response.kvs = [record]
                response.count = 1
            }, valuesOnly: false)
    }

    @Test
    func `keys and values`() throws {
        #expect(try print(get) == "a\n<&>\n")
        #expect(try print(get, hex: true) == "\\x61\n\\x3c\\x26\\x3e\n")
        #expect(
            try print(get, .json)
                == "{\"header\":\(headerJSON),\"kvs\":[{\"key\":\"YQ==\",\"create_revision\":2,"
                + "\"mod_revision\":5,\"version\":4,\"value\":\"PCY+\"}],\"count\":1}\n")
        #expect(
            try print(get, .fields) == headerFields + """
                "Key" : "a"
                "CreateRevision" : 2
                "ModRevision" : 5
                "Version" : 4
                "Value" : "<&>"
                "Lease" : 0
                "More" : false
                "Count" : 1

                """)
        #expect(throws: CtlError.failed(.badFeature, "table not supported as output format")) {
            try print(get, .table)
        }
    }

    @Test
    func `a transaction`() throws {
        var response = TxnResponse()
        response.header = header
        response.succeeded = true
        response.responses = [
            .put(PutResponse.with { $0.header = ResponseHeader(revision: 5) }),
            .deleteRange(.with { $0.deleted = 1 }),
        ]
        #expect(try print(.txn(response)) == "SUCCESS\n\nOK\n\n1\n")
        #expect(
            try print(.txn(response), .json)
                == "{\"header\":\(headerJSON),\"succeeded\":true,\"responses\":[{\"Response\":"
                + "{\"response_put\":{\"header\":{\"revision\":5}}}},{\"Response\":"
                + "{\"response_delete_range\":{\"deleted\":1}}}]}\n")
    }

    @Test
    func `a watch`() throws {
        var response = WatchResponse()
        response.header = header
        response.events = [
            .with { event in
                event.type = .delete
                event.kv = KeyValue(key: [0x61], modRevision: 5)
                event.prevKV = KeyValue(key: [0x61], modRevision: 4, value: [0x31])
            }
        ]
        #expect(try print(.watch(response)) == "DELETE\na\n1\na\n\n")
        #expect(
            try print(.watch(response), .json)
                == "{\"Header\":\(headerJSON),\"Events\":[{\"type\":1,\"kv\":{\"key\":\"YQ==\","
                + "\"mod_revision\":5},\"prev_kv\":{\"key\":\"YQ==\",\"mod_revision\":4,"
                + "\"value\":\"MQ==\"}}],\"CompactRevision\":0,\"Canceled\":false,"
                + "\"Created\":false}\n")
    }

    @Test
    func `leases`() throws {
        var life = LeaseTimeToLiveResponse()
        life.header = header
        life.id = 0x688d_a1fe_7a73_aca1
        (life.ttl, life.grantedTTL) = (2, 3)
        life.keys = [Array("lk".utf8), Array("lk2".utf8)]
        #expect(
            try print(.leaseLife(life, withKeys: true))
                == "lease 688da1fe7a73aca1 granted with TTL(3s), remaining(2s), "
                + "attached keys([lk lk2])\n")
        life = LeaseTimeToLiveResponse()
        (life.id, life.ttl, life.header) = (0x123, -1, header)
        #expect(
            try print(.leaseLife(life, withKeys: false))
                == "lease 0000000000000123 already expired\n")
        #expect(
            try print(.leaseLife(life, withKeys: false), .json)
                == headerJSON.dropLast()
                + ",\"id\":291,\"ttl\":-1,\"granted-ttl\":0,\"keys\":null}\n"
        )
        var granted = LeaseGrantResponse()
        (granted.id, granted.ttl, granted.header) = (5, 100, header)
        #expect(
            try print(.leaseGranted(granted)) == "lease 0000000000000005 granted with TTL(100s)\n")
        #expect(
            try print(.leaseGranted(granted), .json)
                == headerJSON.dropLast() + ",\"ID\":5,\"TTL\":100,\"Error\":\"\"}\n")
    }

    @Test
    func `members`() throws {
        var list = MemberListResponse()
        list.header = ResponseHeader(
            clusterID: header.clusterID, memberID: header.memberID, raftTerm: 2)
        list.members = [
            Member(
                id: 7_616_583_982_444_832_909, name: "m1", peerURLs: ["http://127.0.0.1:21380"],
                clientURLs: ["http://127.0.0.1:21379"]),
            Member(
                id: 15_103_988_625_079_824_801, peerURLs: ["http://127.0.0.1:21390"],
                isLearner: true),
        ]
        #expect(
            try print(.members(list)) == """
                69b38ac7138de88d, started, m1, http://127.0.0.1:21380, http://127.0.0.1:21379, false
                d19c25a1516c71a1, unstarted, , http://127.0.0.1:21390, , true

                """)
        #expect(
            try print(.members(list), .json, hex: true)
                == "{\"header\":{\"cluster_id\":\"31c6e9f19e0fb0d9\",\"member_id\":"
                + "\"69b38ac7138de88d\",\"raft_term\":2},\"members\":[{\"ID\":\"69b38ac7138de88d\","
                + "\"name\":\"m1\",\"peerURLs\":[\"http://127.0.0.1:21380\"],\"clientURLS\":"
                + "[\"http://127.0.0.1:21379\"]},{\"ID\":\"d19c25a1516c71a1\",\"name\":\"\","
                + "\"peerURLs\":[\"http://127.0.0.1:21390\"],\"clientURLS\":null}]}\n")
        let added = MemberAddResponse.with { response in
            response.header = header
            response.member = list.members[1]
            response.members = list.members
        }
        #expect(
            try print(.memberAdded(added, name: "m2", peerURLs: "http://127.0.0.1:21390"))
                == """
                Member d19c25a1516c71a1 added to cluster 31c6e9f19e0fb0d9

                ETCD_NAME="m2"
                ETCD_INITIAL_CLUSTER="m1=http://127.0.0.1:21380,m2=http://127.0.0.1:21390"
                ETCD_INITIAL_ADVERTISE_PEER_URLS="http://127.0.0.1:21390"
                ETCD_INITIAL_CLUSTER_STATE="existing"

                """)
    }

    @Test
    func `alarms, leaders and snapshots`() throws {
        let alarms = AlarmResponse.with { response in
            response.alarms = [AlarmMember(memberID: 12, alarm: .noSpace)]
        }
        #expect(try print(.alarms(alarms)) == "memberID:12 alarm:NOSPACE \n")
        #expect(
            try print(.leaderMoved(from: 10, to: 11, MoveLeaderResponse()))
                == "Leadership transferred from a to b\n")
        let summary = SnapshotSummary(
            hash: 3_009_617_462, revision: 17, keyCount: 20, size: 20_480)
        #expect(try print(.snapshot(summary)) == "b3631e36, 17, 20, 20 kB\n")
        #expect(
            try print(.snapshot(summary), .table) == """
                +----------+----------+------------+------------+
                |   HASH   | REVISION | TOTAL KEYS | TOTAL SIZE |
                +----------+----------+------------+------------+
                | b3631e36 |       17 |         20 |      20 kB |
                +----------+----------+------------+------------+

                """)
    }
}
