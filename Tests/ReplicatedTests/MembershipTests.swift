// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct MembershipTests {
    private func url(_ number: UInt64) -> String { "http://127.0.0.\(number):2380" }

    private func add(_ number: UInt64, learner: Bool = false, name: String = "")
        -> MembershipCommand
    {
        .add(id: MemberID(number), peerURLs: [url(number)], isLearner: learner, name: name)
    }

    /// Members 1, 2, 3, of which the first `started` have published themselves.
    private func cluster(started: Int = 3, of count: UInt64 = 3) -> Scribe {
        var scribe = Scribe()
        for number in 1...count {
            scribe.change(add(number, name: number <= started ? "m\(number)" : ""))
        }
        return scribe
    }

    private func context(_ data: [UInt8]) throws -> String {
        var reader = ByteReader(data)
        while let (number, wire) = try reader.tag() {
            if number == 4 { return text(try reader.take(try reader.length())) }
            try reader.skipField(wire: wire)
        }
        return ""
    }

    @Test func `change entries are byte for byte those of etcd`() throws {
        let data = MembershipCommand.add(id: MemberID(300), peerURLs: ["u"]).entryData(requestID: 5)
        #expect(
            data == [8, 5, 16, 0, 24, 0xac, 2, 34, 27] + bytes(#"{"id":300,"peerURLs":["u"]}"#))
        #expect(
            try context(add(9, learner: true).entryData(requestID: 0))
                == #"{"id":9,"peerURLs":["http://127.0.0.9:2380"],"isLearner":true}"#)
        #expect(
            try context(MembershipCommand.promote(MemberID(9)).entryData(requestID: 0))
                == #"{"id":9,"peerURLs":null,"isPromote":true}"#)
        #expect(
            try context(
                MembershipCommand.update(MemberID(9), peerURLs: ["a", "b"]).entryData(requestID: 0))
                == #"{"id":9,"peerURLs":["a","b"]}"#)
        #expect(
            MembershipCommand.remove(MemberID(9)).entryData(requestID: 1) == [8, 1, 16, 1, 24, 9])
    }

    @Test func `founding members write the same entries whatever the order they are told in`()
        throws
    {
        let members = [3, 1, 2].map { (number: UInt64) in
            Member(id: number, name: "m\(number)", peerURLs: ["b\(number)", "a\(number)"])
        }
        let entries = MembershipCommand.bootstrap(members)
        #expect(entries == MembershipCommand.bootstrap(members.reversed()))
        #expect(try context(entries[0]) == #"{"id":1,"peerURLs":["a1","b1"],"name":"m1"}"#)
        var scribe = Scribe()
        for entry in entries { scribe.apply(.change, data: entry) }
        #expect(scribe.ledger.members.memberIDs == [1, 2, 3].map { MemberID($0) })
        #expect(scribe.ledger.configuration.voters == [1, 2, 3].map { MemberID($0) })
        #expect(scribe.ledger.keyspace.revision == 1)
    }

    @Test func `additions are refused for a known id, a used address and a second learner`() throws
    {
        var scribe = cluster()
        #expect(scribe.change(add(2)).failure == .memberExist)
        let sameURL = MembershipCommand.add(id: MemberID(8), peerURLs: ["x", url(2)])
        #expect(scribe.change(sameURL).failure == .peerURLExist)
        let applied = scribe.change(add(4, learner: true))
        let response = try MemberAddResponse(decoding: applied.answer)
        #expect(response.member == Member(id: 4, peerURLs: [url(4)], isLearner: true))
        #expect(response.members.map(\.id) == [1, 2, 3, 4])
        #expect(response.header?.revision == 0)
        #expect(applied.requestID == 7)
        #expect(scribe.ledger.configuration.learners == [MemberID(4)])
        let second = scribe.change(add(5, learner: true))
        #expect(second.failure == .tooManyLearners)
        #expect(second.membership == .refused(.tooManyLearners))
    }

    /// Known bug: 20793.
    @Test func `only a learner is promoted`() {
        var scribe = cluster()
        scribe.change(add(4, learner: true))
        #expect(scribe.change(.promote(MemberID(2))).failure == .memberNotLearner)
        #expect(scribe.change(.promote(MemberID(9))).failure == .memberNotFound)
        let applied = scribe.change(.promote(MemberID(4)))
        #expect(applied.membership == .accepted(.promoted(MemberID(4))))
        #expect(scribe.ledger.configuration.learners.isEmpty)
        #expect(scribe.ledger.configuration.voters.count == 4)
        #expect(!scribe.ledger.members.isLearner(MemberID(4)))
    }

    /// Known bug: 21736.
    @Test func `an update changes addresses only`() {
        var scribe = cluster()
        scribe.change(add(4, learner: true))
        #expect(
            scribe.change(.update(MemberID(4), peerURLs: [url(1)])).failure == .peerURLExist)
        #expect(scribe.change(.update(MemberID(9), peerURLs: ["n"])).failure == .memberNotFound)
        let applied = scribe.change(.update(MemberID(4), peerURLs: [url(4), "n"]))
        #expect(
            applied.membership
                == .accepted(
                    .updated(Member(id: 4, peerURLs: [url(4), "n"], isLearner: true))))
        #expect(scribe.ledger.configuration.learners == [MemberID(4)])
    }

    /// Known bug: 20967.
    @Test func `a removed id never comes back`() {
        var scribe = cluster()
        let applied = scribe.change(.remove(MemberID(2)))
        #expect(applied.membership == .accepted(.removed(MemberID(2))))
        #expect(!applied.removedSelf)
        #expect(scribe.ledger.configuration.voters == [MemberID(1), MemberID(3)])
        for command in [
            add(2), .promote(MemberID(2)), .update(MemberID(2), peerURLs: []),
            .remove(MemberID(2)),
        ] {
            #expect(scribe.change(command).failure == .memberNotFound)
        }
        #expect(scribe.ledger.members.isRemoved(MemberID(2)))
        scribe.change(
            .add(id: Scribe.member, peerURLs: ["own"]))
        #expect(scribe.change(.remove(Scribe.member)).removedSelf)
    }

    @Test func `changes that cannot be read are refused and move the index`() {
        var scribe = cluster()
        let index = scribe.ledger.appliedIndex
        let badContexts = ["", "{", #"{"id":9}"#, #"{"id":8,"peerURLs":7}"#, "null"]
        for bad in badContexts {
            var writer = ByteWriter()
            writer.appendField(3, always: 8)
            writer.appendField(4, bytes: bytes(bad))
            let applied = scribe.apply(.change, data: writer.bytes)
            #expect(applied.membership == .refused(.memberNotFound))
        }
        #expect(
            scribe.apply(.jointChange, data: [1, 2]).membership == .refused(.memberNotFound))
        #expect(scribe.change(.remove(.none)).membership == .refused(.memberNotFound))
        #expect(scribe.ledger.appliedIndex.number == index.number + 7)
        #expect(scribe.ledger.members.list.count == 3)
    }

    // MARK: Strict reconfiguration

    /// Known bug: 6420.
    @Test(arguments: [
        (1, 1, true), (0, 1, false), (2, 2, true), (1, 2, false), (3, 3, true), (2, 3, false),
        (3, 4, true), (2, 4, false),
    ])
    func `a voter may come if the started are a quorum of the larger cluster`(
        _ started: Int, _ count: UInt64, _ expected: Bool
    ) {
        #expect(
            cluster(started: started, of: count).ledger.members.isReadyToAddVoter == expected)
    }

    @Test func `a voter may go if the started that stay are a quorum of those that stay`() {
        #expect(cluster(started: 3).ledger.members.isReadyToRemoveVoter(MemberID(1)))
        #expect(cluster(started: 2).ledger.members.isReadyToRemoveVoter(MemberID(3)))
        #expect(!cluster(started: 2).ledger.members.isReadyToRemoveVoter(MemberID(1)))
        #expect(!cluster(started: 1, of: 1).ledger.members.isReadyToRemoveVoter(MemberID(1)))
        #expect(cluster(started: 2).ledger.members.isReadyToPromote)
        #expect(!cluster(started: 1).ledger.members.isReadyToPromote)
    }

    // MARK: What members say of themselves

    @Test func `both forms publish a member and set the version`() throws {
        var ours = cluster(started: 0)
        var old = cluster(started: 0)
        let published = ours.apply(
            data: ClusterRequest.publish(
                MemberID(2), name: "zwei", clientURLs: ["http://c"], requestID: 9))
        #expect(published.attributesSet == MemberID(2))
        #expect(published.requestID == 9)
        let publishedOld = old.apply(
            data: ClusterRequest.publishForOldMembers(
                MemberID(2), name: "zwei", clientURLs: ["http://c"], requestID: 9))
        #expect(publishedOld.attributesSet == MemberID(2))
        #expect(publishedOld.requestID == 9)
        ours.apply(data: ClusterRequest.setVersion("3.5.0", requestID: 10))
        let version = old.apply(
            data: ClusterRequest.setVersionForOldMembers("3.5.0", requestID: 10))
        #expect(version.clusterVersionSet == "3.5.0")
        #expect(ours.ledger.clusterVersion == "3.5.0")
        #expect(ours.ledger.stateHash() == old.ledger.stateHash())
        let member = try #require(ours.ledger.members.member(MemberID(2)))
        #expect(member.isStarted)
        #expect(member.clientURLs == ["http://c"])
    }

    @Test func `unknown members and other writes of the old API change nothing`() {
        var scribe = cluster()
        let hash = contentHash(scribe.ledger)
        #expect(
            scribe.apply(
                data: ClusterRequest.publish(
                    MemberID(77), name: "x", clientURLs: [], requestID: 1)
            ).failure == .memberNotFound)
        var request = V2Request()
        for (method, path, value) in [
            ("SYNC", "", ""), ("PUT", "/1/key", "v"), ("DELETE", "/0/version", ""),
            ("PUT", "/0/members/xyz/attributes", "{}"), ("PUT", "/0/version", "3.x"),
            ("PUT", "/0/members/1/attributes", "nonsense"), ("POST", "/0/version", "3.5.0"),
            ("QGET", "/0/version", ""),
        ] {
            (request.method, request.path, request.val) = (method, path, value)
            #expect(scribe.apply(data: request.encoded()).reply == nil)
        }
        #expect(contentHash(scribe.ledger) == hash)
    }

    @Test func `a downgrade is kept until it ends`() throws {
        var scribe = Scribe()
        scribe.apply(
            .downgradeInfoSet(DowngradeInfoSetRequest(enabled: true, ver: "3.5.0")))
        #expect(
            scribe.ledger.downgrade == Downgrade(isEnabled: true, targetVersion: "3.5.0"))
        #expect(try reloaded(scribe.ledger).downgrade == scribe.ledger.downgrade)
        scribe.apply(.downgradeInfoSet(DowngradeInfoSetRequest()))
        #expect(scribe.ledger.downgrade == Downgrade(isEnabled: false, targetVersion: ""))
    }
}
