// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct AlarmTests {
    private func alarm(
        _ action: AlarmRequest.AlarmAction, _ member: UInt64 = 0, _ kind: AlarmType = .none
    ) -> InternalRaftRequest.Command {
        var request = AlarmRequest()
        request.action = action
        request.memberID = member
        request.alarm = kind
        return .alarm(request)
    }

    private func alarms(_ applied: Applied) throws -> [AlarmMember] {
        try AlarmResponse(decoding: applied.answer).alarms
    }

    private let put = InternalRaftRequest.Command.put(PutRequest(key: [97], value: [1]))
    private let delete = InternalRaftRequest.Command.deleteRange(DeleteRangeRequest(key: [98]))
    private let grant = InternalRaftRequest.Command.leaseGrant(LeaseGrantRequest(ttl: 5, id: 77))
    private let range = InternalRaftRequest.Command.range(RangeRequest(key: [97]))

    @Test func `alarms are raised once, listed in order and cleared once`() throws {
        var scribe = Scribe()
        let raised = scribe.apply(alarm(.activate, 5, .noSpace))
        let first = AlarmMember(memberID: 5, alarm: .noSpace)
        #expect(raised.alarmChanged == AlarmChange(alarm: first, isActive: true))
        #expect(try alarms(raised) == [first])
        let again = scribe.apply(alarm(.activate, 5, .noSpace))
        #expect(again.alarmChanged == nil)
        #expect(try alarms(again) == [first])
        scribe.apply(alarm(.activate, 9, .corrupt))
        scribe.apply(alarm(.activate, 3, .noSpace))
        let all = try alarms(scribe.apply(alarm(.get)))
        #expect(all.map(\.memberID) == [3, 5, 9])
        #expect(try alarms(scribe.apply(alarm(.get, 0, .corrupt))).map(\.memberID) == [9])
        // As in etcd, the member named in a question for alarms does not matter.
        #expect(try alarms(scribe.apply(alarm(.get, 5))).map(\.memberID) == [3, 5, 9])
        #expect(try alarms(scribe.apply(alarm(.deactivate, 5, .noSpace))) == [first])
        #expect(try alarms(scribe.apply(alarm(.deactivate, 5, .noSpace))) == [])
        #expect(try alarms(scribe.apply(alarm(.activate, 5, .none))) == [])
        #expect(try alarms(scribe.apply(alarm(.unknown(8)))) == [])
        #expect(scribe.ledger.keyspace.revision == 1)
    }

    @Test func `without space only what needs none is applied`() {
        var scribe = Scribe()
        scribe.put("b")
        scribe.grant(3)
        scribe.apply(alarm(.activate, 5, .noSpace))
        let reading = TxnRequest(success: [
            .range(RangeRequest(key: [97])), .deleteRange(DeleteRangeRequest(key: [99])),
        ])
        let writing = TxnRequest(failure: [
            .txn(TxnRequest(success: [.put(PutRequest(key: [97]))]))
        ])
        #expect(scribe.apply(put).failure == .noSpace)
        #expect(scribe.apply(grant).failure == .noSpace)
        #expect(scribe.apply(.txn(writing)).failure == .noSpace)
        #expect(scribe.apply(.txn(reading)).failure == nil)
        #expect(scribe.apply(range).failure == nil)
        #expect(scribe.apply(delete).failure == nil)
        #expect(scribe.apply(.compaction(CompactionRequest(revision: 2))).failure == nil)
        #expect(scribe.apply(.leaseRevoke(LeaseRevokeRequest(id: 3))).failure == nil)
        scribe.apply(alarm(.deactivate, 5, .noSpace))
        #expect(scribe.apply(put).failure == nil)
    }

    @Test func `a corrupt cluster applies no change of keys or leases`() throws {
        var scribe = Scribe()
        scribe.put("a")
        scribe.grant(3)
        scribe.apply(alarm(.activate, 5, .noSpace))
        scribe.apply(alarm(.activate, 0, .corrupt))
        for command in [
            put, delete, grant, range, .txn(TxnRequest()),
            .compaction(CompactionRequest(revision: 2)),
            .leaseRevoke(LeaseRevokeRequest(id: 3)),
        ] {
            #expect(scribe.apply(command).failure == .corrupt)
        }
        // Plain reads and the way out go on.
        #expect(try scribe.keys() == ["a"])
        scribe.apply(alarm(.deactivate, 0, .corrupt))
        #expect(scribe.apply(put).failure == .noSpace)
    }

    @Test func `what is over the quota is applied, answered as such and told`() throws {
        var scribe = Scribe(Scribe.settings(quotaBytes: 20_000))
        #expect(!scribe.ledger.exceedsQuota(put))
        var count = 0
        while !scribe.ledger.exceedsQuota(put) {
            count += 1
            #expect(scribe.put("k\(count)", String(repeating: "x", count: 1_000)).failure == nil)
            #expect(count < 100)
        }
        let before = scribe.ledger.keyspace.revision
        let applied = scribe.apply(put)
        #expect(applied.failure == .noSpace)
        #expect(applied.exceedsQuota)
        #expect(applied.changes.count == 1)
        #expect(scribe.ledger.keyspace.revision == before + 1)
        let failing = scribe.put("x", lease: 404)
        #expect(failing.failure == .leaseNotFound)
        #expect(!failing.exceedsQuota)
        #expect(scribe.apply(delete).failure == nil)
        #expect(scribe.apply(.txn(TxnRequest(success: [.put(PutRequest(key: [7]))]))).exceedsQuota)
        #expect(scribe.apply(grant).exceedsQuota)
        #expect(scribe.ledger.lessor.contains(77))
    }

    @Test func `a negative quota is none`() {
        let scribe = Scribe(Scribe.settings(quotaBytes: -1))
        let huge = PutRequest(key: [1], value: [UInt8](repeating: 0, count: 1 << 20))
        #expect(!scribe.ledger.exceedsQuota(.put(huge)))
        #expect(Scribe().ledger.quotaBytes == 2 << 30)
    }
}
