// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit
import Testing

/// Plain HTTP and single calls, on one member.
@Suite(.enabled(if: TestNode.program != nil)) struct EndpointTests {
    @Test func `the plain endpoints answer as etcd's do`() throws {
        let node = try TestNode()
        let port = node.clientPort
        try eventually("a cluster version") {
            try http(port, "/version").body.contains("\"etcdcluster\":\"3.6.0\"")
        }
        let version = try http(port, "/version")
        #expect(version.status == 200)
        #expect(version.body.hasPrefix("{\"etcdserver\":\"3.6.5\""))
        #expect(version.headers.value(of: "content-type") == "application/json")
        let health = try http(port, "/health")
        #expect(health.status == 200)
        #expect(health.body == "{\"health\":\"true\",\"reason\":\"\"}")
        #expect(try http(port, "/health?serializable=true").status == 200)
        #expect(try http(port, "/livez").body == "ok\n")
        #expect(try http(port, "/readyz").body == "ok\n")
        let verbose = try http(port, "/readyz?verbose").body
        for check in ["data_corruption", "serializable_read", "linearizable_read", "non_learner"] {
            #expect(verbose.contains("[+]\(check) ok\n"))
            #expect(try http(port, "/readyz/\(check)").status == 200)
        }
        let excluded = try http(port, "/readyz?verbose&exclude=non_learner").body
        #expect(!excluded.contains("non_learner"))
        let missing = try http(port, "/nothing")
        #expect(missing.status == 404)
        #expect(missing.body == "404 page not found\n")
        let posted = try http(port, "/version", method: "POST")
        #expect(posted.status == 405)
        #expect(posted.headers.value(of: "allow") == "GET")
        #expect(posted.body == "Method Not Allowed\n")
        #expect(try http(port, "/version", method: "HEAD").status == 405)
    }

    @Test func `requests that come all at once are answered one after the other, on both ports`()
        throws
    {
        let node = try TestNode()
        let count = 300
        for port in [node.clientPort, node.peerPort] {
            let wire = try Wire(port: port)
            let request = "GET /version HTTP/1.1\r\nhost: a\r\n\r\n"
            wire.send(Array(String(repeating: request, count: count).utf8))
            var answers = ""
            try eventually("\(count) answers of port \(port)") {
                answers += String(decoding: wire.receive(within: .milliseconds(50)), as: UTF8.self)
                return answers.components(of: "HTTP/1.1 200 OK\r\n") == count
            }
            #expect(!wire.isOver)
        }
    }

    @Test func `an alarm shows in health and readiness`() throws {
        let node = try TestNode()
        var request = AlarmRequest()
        request.action = .activate
        request.memberID = 7
        request.alarm = .corrupt
        let alarm = try node.client().call("/etcdserverpb.Maintenance/Alarm", request.encoded())
        #expect(alarm.status.code == .ok)
        let health = try http(node.clientPort, "/health")
        #expect(health.status == 503)
        #expect(health.body == "{\"health\":\"false\",\"reason\":\"ALARM CORRUPT\"}\n")
        #expect(try http(node.clientPort, "/health?exclude=CORRUPT").status == 200)
        let ready = try http(node.clientPort, "/readyz")
        #expect(ready.status == 503)
        #expect(ready.body.contains("[-]data_corruption failed: alarm activated: CORRUPT"))
        #expect(try http(node.clientPort, "/livez").status == 200)
    }

    /// What the alerts and panels that people use ask for, as far as one member has it.
    static let series = [
        "etcd_server_has_leader", "etcd_server_leader_changes_seen_total",
        "etcd_server_proposals_failed_total", "etcd_server_proposals_pending",
        "etcd_server_proposals_committed_total", "etcd_server_proposals_applied_total",
        "etcd_disk_wal_fsync_duration_seconds_bucket",
        "etcd_disk_backend_commit_duration_seconds_bucket", "etcd_mvcc_db_total_size_in_bytes",
        "etcd_mvcc_db_total_size_in_use_in_bytes", "etcd_server_quota_backend_bytes",
        "grpc_server_started_total", "grpc_server_handled_total",
        "process_resident_memory_bytes",
        "etcd_network_client_grpc_received_bytes_total",
        "etcd_network_client_grpc_sent_bytes_total",
    ]

    @Test func `the metrics parse and hold what alerts ask for`() throws {
        let node = try TestNode()
        let client = try node.client()
        for number in 0..<5 { try client.put("k\(number)") }
        let metrics = try http(node.clientPort, "/metrics")
        #expect(metrics.status == 200)
        #expect(metrics.headers.value(of: "content-type")?.hasPrefix("text/plain") == true)
        var names: Set<String> = []
        var lines: Set<String> = []
        for line in metrics.body.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            let label = parts.dropLast().joined(separator: " ")
            #expect(parts.count >= 2 && Double(parts[parts.count - 1]) != nil, "\(line)")
            let isNew = lines.insert(label).inserted
            #expect(isNew, "twice: \(label)")
            names.insert(String(label.prefix { $0 != "{" }))
        }
        for name in EndpointTests.series { #expect(names.contains(name), "\(name)") }
    }

    @Test func `requests that are too much are refused with etcd's words`() throws {
        let node = try TestNode()
        let client = try node.client()
        let large = try client.put("k", String(repeating: "x", count: 1_600_000))
        #expect(large == GRPCStatus(.invalidArgument, "etcdserver: request is too large"))
        let huge = try client.put("k", String(repeating: "x", count: 2_200_000))
        #expect(huge.code == .resourceExhausted)
        #expect(huge.message.hasPrefix("grpc: received message larger than max ("))
        #expect(huge.message.hasSuffix(" vs. 2097152)"))
        let puts = (0..<129).map { RequestOp.put(PutRequest(key: [UInt8($0)], value: [])) }
        let txn = TxnRequest(compare: [], success: puts, failure: []).encoded()
        let many = try client.call("/etcdserverpb.KV/Txn", txn).status
        #expect(
            many
                == GRPCStatus(
                    .invalidArgument, "etcdserver: too many operations in txn request"))
        #expect(try client.put("").message == "etcdserver: key is not provided")
        #expect(try client.put("k").code == .ok)
    }

    @Test func `unknown methods and messages that do not decode`() throws {
        let node = try TestNode()
        let client = try node.client()
        let method = try client.call("/etcdserverpb.KV/Nope", []).status
        #expect(
            method
                == GRPCStatus(
                    .unimplemented, "unknown method Nope for service etcdserverpb.KV"))
        let service = try client.call("/no.Service/X", []).status
        #expect(service == GRPCStatus(.unimplemented, "unknown service no.Service"))
        #expect(try client.call("nonsense", []).status.code != .ok)
        let broken = try client.call("/etcdserverpb.KV/Range", [0xff, 0xff, 0xff]).status
        #expect(broken.code == .internalError)
        #expect(try client.put("k").code == .ok)
    }

    @Test func `deadlines end calls, streams as well`() throws {
        let node = try TestNode()
        let client = try node.client()
        let watch = try #require(
            client.start("/etcdserverpb.Watch/Watch", timeout: .milliseconds(150)))
        client.send(
            watch, WatchRequest.create(WatchCreateRequest(key: [0], rangeEnd: [0])).encoded())
        let outcome = try client.finish(watch, "the watch")
        #expect(outcome.status == GRPCStatus(.deadlineExceeded, "context deadline exceeded"))
        #expect(try client.put("k").code == .ok)
    }

    @Test func `watch, lease and snapshot streams over one connection`() throws {
        let node = try TestNode()
        let client = try node.client()
        let hasLeader = [HeaderField("hasleader", "true")]
        let watch = try #require(
            client.start("/etcdserverpb.Watch/Watch", metadata: hasLeader))
        client.send(
            watch, WatchRequest.create(WatchCreateRequest(key: [0], rangeEnd: [0])).encoded())
        #expect(try WatchResponse(decoding: try client.message(watch)).created)
        try client.put("a", "1")
        let event = try WatchResponse(decoding: try client.message(watch)).events.first
        #expect(event?.kv?.value == Array("1".utf8))
        let grant = LeaseGrantRequest(ttl: 60, id: 9).encoded()
        #expect(try client.call("/etcdserverpb.Lease/LeaseGrant", grant).status.code == .ok)
        let renewals = try #require(client.start("/etcdserverpb.Lease/LeaseKeepAlive"))
        for _ in 0..<3 {
            client.send(renewals, LeaseKeepAliveRequest(id: 9).encoded())
            #expect(try LeaseKeepAliveResponse(decoding: try client.message(renewals)).ttl == 60)
        }
        let snapshot = try client.call("/etcdserverpb.Maintenance/Snapshot", [])
        #expect(snapshot.status.code == .ok)
        let pieces = try snapshot.messages.map { try SnapshotResponse(decoding: $0) }
        let blob = pieces.flatMap(\.blob)
        #expect(Digest.sha256(Array(blob.dropLast(32))) == Array(blob.suffix(32)))
        #expect(pieces.last?.remainingBytes == 0)
    }

    @Test func `a peer asks for the hash of the keys`() throws {
        let node = try TestNode()
        let client = try node.client()
        for number in 0..<9 { _ = try client.put("k", "\(number)") }
        let compaction = CompactionRequest(revision: 5)
        #expect(
            try client.call("/etcdserverpb.KV/Compact", compaction.encoded()).status.code == .ok)
        func ask(_ body: String, method: String = "GET") throws -> (Int, String) {
            let answer = try http(
                node.peerPort, "/members/hashkv", method: method, body: body)
            return (answer.status, answer.body)
        }
        let whole = try ask("{}")
        #expect(whole.0 == 200)
        #expect(whole.1.hasPrefix("{\"header\":{\"revision\":10},\"hash\":"))
        #expect(whole.1.contains("\"compact_revision\":5"))
        #expect(try ask("{\"revision\":10}") == whole)
        #expect(try ask("{\"revision\":null}") == whole)
        #expect(try ask("{\"revision\":8}").1 != whole.1)
        #expect(
            try ask("{\"revision\":11}")
                == (400, "mvcc: required revision is a future revision\n"))
        #expect(
            try ask("{\"revision\":4}") == (400, "mvcc: required revision has been compacted\n"))
        for body in ["", "x", "[]", "{\"revision\":\"8\"}", "{\"revision\":1e99}"] {
            #expect(try ask(body) == (400, "error unmarshalling request\n"))
        }
        #expect(try ask("{}", method: "POST").0 == 405)
        let other = HeaderField("x-etcd-cluster-id", "1")
        let foreign = try http(node.peerPort, "/members/hashkv", headers: [other], body: "{}")
        #expect(foreign.status == 412)
    }
}

extension String {
    /// How often the part occurs.
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
