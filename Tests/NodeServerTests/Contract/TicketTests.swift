// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Formats
import Net
import Posix
import Program
import TestKit
import Testing

@testable import NodeServer

struct TicketTests {
    @Test(arguments: [
        #"{"clusterUID":"c","generation":1,"action":"resume"}"#,
        #"{"clusterUID":"c","action":"hold"}"#,
        #"{"clusterUID":"c","generation":2,"action":"bootstrap","podUID":"p","clusterToken":"c-0"}"#,
        #"{"clusterUID":"c","generation":3,"action":"join","memberID":"8e9e05c52164694d","initialCluster":"a=http://a:1"}"#,
        #"{"clusterUID":"c","generation":4,"action":"restore","podUID":"p","restore":{"path":"/r/x.db","sha256":""}}"#,
        #"{"clusterUID":"c","generation":5,"action":"force-new-cluster","podUID":"p"}"#,
    ])
    func `tickets are read, and read again as they are written`(text: String) throws {
        let ticket = try Ticket.read(Array(text.utf8))
        #expect(try Ticket.read(JSON.bytes(ticket.json)) == ticket)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"clusterUID":"c","action":"fly"}"#,
        #"{"clusterUID":"c","generation":-1,"action":"hold"}"#,
        #"{"clusterUID":"c","generation":"1","action":"hold"}"#,
        #"{"clusterUID":7,"action":"hold"}"#, #"{"clusterUID":"c","action":"bootstrap"}"#,
        #"{"clusterUID":"c","action":"join","initialCluster":"a=http://a:1"}"#,
        #"{"clusterUID":"c","action":"join","memberID":"8e"}"#,
        #"{"clusterUID":"c","action":"join","memberID":"xyz","initialCluster":"a=http://a:1"}"#,
        #"{"clusterUID":"c","action":"restore","podUID":"p"}"#,
        #"{"clusterUID":"c","action":"restore","podUID":"p","restore":{"path":"x","sha256":"12"}}"#,
    ])
    func `what is no ticket is refused`(text: String) {
        #expect(throws: TicketError.self) { try Ticket.read(Array(text.utf8)) }
    }

    @Test func `the newest ticket of a cluster counts, and the last one of another`() throws {
        let folder = try TemporaryFolder()
        let contract = NodeConfig.Contract(
            ticketDirectory: folder.path, adminTokenFile: folder["token"], podName: "demo-0",
            podUID: "p")
        let logger = Logger(level: .error, format: .json, clock: { 0 }, sink: { _ in })
        let desk = TicketDesk(contract, logger)
        func resume(_ generation: Int64, _ cluster: String = "c") -> Ticket {
            Ticket(clusterUID: cluster, generation: generation, action: .resume)
        }
        #expect(!desk.look())
        #expect(desk.take(resume(5)))
        #expect(!desk.take(resume(4)))
        #expect(!desk.take(resume(5)))
        let file = try File(folder["demo-0"], .replace)
        try file.write(at: 0, JSON.bytes(resume(4).json))
        #expect(!desk.look())
        #expect(desk.ticket?.generation == 5)
        try file.write(at: 0, JSON.bytes(resume(1, "d").json) + [0x20])
        #expect(desk.look())
        #expect(desk.ticket?.clusterUID == "d")
        #expect(!desk.look())
        try file.write(at: 0, Array("nonsense".utf8))
        #expect(!desk.look())
        #expect(desk.complaint.contains("no ticket"))

        #expect(!desk.admits("Bearer x"), "without a token nobody may")
        let token = try File(folder["token"], .replace)
        try token.write(at: 0, Array("secret\n".utf8))
        #expect(desk.admits("Bearer secret"))
        for wrong in ["Bearer secre", "Bearer secret2", "secret", "Basic secret", "", nil] {
            #expect(!desk.admits(wrong))
        }
    }

    @Test func `a ticket file that cannot be read is complained of, and read when it can be`()
        throws
    {
        let folder = try TemporaryFolder()
        let contract = NodeConfig.Contract(
            ticketDirectory: folder.path, adminTokenFile: folder["token"], podName: "demo-0",
            podUID: "p")
        let desk = TicketDesk(contract, .silent)
        try Directory.make(folder["demo-0"])
        #expect(!desk.look())
        #expect(desk.complaint.contains("cannot be read"))
        try Directory.remove(folder["demo-0"])
        let ticket = Ticket(clusterUID: "c", generation: 1, action: .resume)
        try File(folder["demo-0"], .replace).write(at: 0, JSON.bytes(ticket.json))
        #expect(desk.look())
        #expect(desk.complaint.isEmpty)
    }

    @Test func `last words that cannot be written are told of`() throws {
        let folder = try TemporaryFolder()
        #expect(
            TerminationMessage(path: folder["no/such/folder"]).write(1, "x")?.isNotFound == true)
        #expect(TerminationMessage(path: folder["log"]).write(1, "x") == nil)
        #expect(try File(folder["log"], .read).readAll().isEmpty == false)
        #expect(TerminationMessage(path: "").write(1, "x") == nil)
    }

    @Test func `who has lived is not made anew of nothing`() {
        var ticket = Ticket(clusterUID: "c", generation: 1, action: .join)
        ticket.memberID = 7
        ticket.initialCluster = "a=http://a:1,me=http://me:1,b=http://b:1"
        #expect(JoinPlan.peerURLs(of: ticket, without: "me") == ["http://a:1", "http://b:1"])
        let other = EtcdAPI.Member(id: 1, name: "a", peerURLs: ["http://a:1"])
        let own = EtcdAPI.Member(id: 7, peerURLs: ["http://me:1"], isLearner: true)
        var published = own
        published.clientURLs = ["http://me:2"]
        var elsewhere = own
        elsewhere.peerURLs = ["http://me:9"]
        func decide(_ members: [EtcdAPI.Member]?) -> JoinPlan.Decision {
            JoinPlan.decide(ticket, members, ownURLs: ["http://me:1"])
        }
        #expect(decide([other, own]) == .join([other]))
        for (members, isDataLost) in [
            (nil, false), ([other], false), ([other, elsewhere], false),
            ([other, published], true),
        ] as [([EtcdAPI.Member]?, Bool)] {
            guard case .wait(_, isDataLost) = decide(members) else {
                Issue.record("\(String(describing: members)): \(decide(members))")
                continue
            }
        }
    }

    @Test func `last words fit, whatever the error says`() throws {
        for length in [0, 10, 4_000, 100_000] {
            let error = String(repeating: "\u{1}é\"", count: length)
            let bytes = TerminationMessage.bytes(3, error, NodeReport())
            #expect(bytes.count <= 4_096)
            let said = try JSON.parse(bytes)
            #expect(said["reason"]?.string == "ForeignVolume")
            #expect(bytes.count { $0 == 0x0a } == 1)
        }
        let flags = [
            ["--termination-log=/a"], ["--termination-log", "/a"], ["-termination-log=/a"],
            ["--bad", "--termination-log=/a"],
        ]
        for arguments in flags {
            #expect(TerminationMessage(arguments: arguments, environment: []).path == "/a")
        }
        let told = TerminationMessage(
            arguments: [], environment: [("KEELSON_TERMINATION_LOG", "/b")])
        #expect(told.path == "/b")
    }

    @Test func `flags and variables make the contract`() throws {
        let config = try ConfigurationTests.config(
            "--name=n", "--ticket-dir=/t",
            environment: [
                ("KEELSON_ADMIN_TOKEN_FILE", "/token"), ("POD_NAME", "demo-0"),
                ("POD_UID", "u"),
            ])
        #expect(
            config.contract
                == NodeConfig.Contract(
                    ticketDirectory: "/t", adminTokenFile: "/token", podName: "demo-0",
                    podUID: "u"))
        let plain = try ConfigurationTests.config(
            "--name=n", environment: [("POD_NAME", "demo-0"), ("POD_UID", "u")])
        #expect(plain.contract == nil)
        let named = try ConfigurationTests.config("--name=n", "--ticket-dir=/t")
        #expect(named.contract?.podName == "n")
    }

    @Test func `an identity is read as it is written`() {
        let identity = NodeIdentity(
            clusterUID: "c", clusterID: .max, memberID: 1, podUID: "p", ticketGeneration: 9)
        #expect(NodeIdentity.read(JSON.bytes(identity.json)) == identity)
        for text in ["", "{}", #"{"clusterUID":"c","clusterID":"x","memberID":"1"}"#] {
            #expect(NodeIdentity.read(Array(text.utf8)) == nil)
        }
    }

    @Test(
        arguments: [
            (nil, nil, nil), ("30000000", nil, 15_000), ("30000000", "7", 15_000),
            ("30000000", "8", nil), ("0", nil, nil), ("x", nil, nil),
        ] as [(String?, String?, Int64?)])
    func `a watchdog is fed twice in its time`(
        time: String?, process: String?, pause: Int64?
    ) {
        #expect(
            ServiceNotices.pause(time, process, own: 7) == pause.map { .milliseconds($0) })
    }
}
