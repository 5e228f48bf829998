// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Simulation
internal import Testing

/// The checkers must see what is wrong with histories made by hand.
struct CheckerTests {
    private let key = Array("k".utf8)
    private var model = Model(minimumTTL: 2)
    private var history = HistoryChecker()

    init() {
        _ = model.apply(.put(PutRequest(key: key, value: Array("one".utf8))))
        _ = model.apply(.put(PutRequest(key: key, value: Array("two".utf8))))
    }

    private func floor(_ revision: Int64) -> HistoryChecker.Floor { .init(revision: revision) }

    private func read(_ value: String, mod: Int64, header: Int64) -> [UInt8] {
        var response = RangeResponse()
        response.header = ResponseHeader(revision: header)
        var kv = KeyValue()
        kv.key = key
        kv.value = Array(value.utf8)
        kv.createRevision = 2
        kv.modRevision = mod
        kv.version = mod - 1
        response.kvs = [kv]
        response.count = 1
        return response.encoded()
    }

    // MARK: Reads

    @Test mutating func `a right read is right`() {
        let request = Request.range(RangeRequest(key: key))
        let answer = read("two", mod: 3, header: 3)
        #expect(history.answered(request, answer, floor: floor(3), model: model) == nil)
    }

    @Test mutating func `a stale read is seen`() {
        let request = Request.range(RangeRequest(key: key))
        let answer = read("one", mod: 2, header: 2)
        #expect(history.answered(request, answer, floor: floor(3), model: model) != nil)
        let serializable = Request.range(RangeRequest(key: key, serializable: true))
        #expect(history.answered(serializable, answer, floor: floor(3), model: model) == nil)
    }

    @Test mutating func `a value of another revision is seen`() {
        let request = Request.range(RangeRequest(key: key))
        let answer = read("one", mod: 2, header: 3)
        #expect(history.answered(request, answer, floor: floor(2), model: model) != nil)
    }

    @Test mutating func `a read of the future is seen`() {
        let request = Request.range(RangeRequest(key: key))
        let answer = read("two", mod: 3, header: 4)
        #expect(history.answered(request, answer, floor: floor(2), model: model) != nil)
    }

    // MARK: Writes

    private func written(_ revision: Int64) -> [UInt8] {
        var response = PutResponse()
        response.header = ResponseHeader(revision: revision)
        return response.encoded()
    }

    @Test mutating func `a lost write is seen`() {
        let request = Request.put(PutRequest(key: key, value: Array("three".utf8)))
        #expect(history.answered(request, written(4), floor: floor(3), model: model) != nil)
    }

    @Test mutating func `a write with the revision of another is seen`() {
        let request = Request.put(PutRequest(key: key, value: Array("one".utf8)))
        #expect(history.answered(request, written(3), floor: floor(1), model: model) != nil)
        #expect(history.answered(request, written(2), floor: floor(1), model: model) == nil)
        #expect(history.answered(request, written(2), floor: floor(1), model: model) != nil)
    }

    @Test mutating func `a write before its question is seen`() {
        let request = Request.put(PutRequest(key: key, value: Array("one".utf8)))
        #expect(history.answered(request, written(2), floor: floor(2), model: model) != nil)
    }

    @Test mutating func `a value that is written twice is seen`() {
        #expect(history.wrote(Array("one".utf8)) == nil)
        #expect(history.wrote(Array("one".utf8)) != nil)
    }

    @Test mutating func `a refused write that happens is seen`() {
        let request = Request.put(PutRequest(key: key, value: Array("x".utf8)))
        #expect(history.refusedForCertain(request) == nil)
        #expect(history.wrote(Array("x".utf8)) != nil)
    }

    @Test mutating func `a delete that deletes nothing is seen`() {
        var delete = DeleteRangeRequest()
        delete.key = key
        var response = DeleteRangeResponse()
        response.header = ResponseHeader(revision: 3)
        let answer = response.encoded()
        #expect(
            history.answered(.deleteRange(delete), answer, floor: floor(3), model: model) != nil)
    }

    @Test mutating func `a transaction that takes the wrong branch is seen`() {
        let compare = Compare(
            result: .equal, target: .mod, key: key, targetUnion: .modRevision(2))
        let txn = TxnRequest(
            compare: [compare], success: [.range(RangeRequest(key: key))],
            failure: [.range(RangeRequest(key: key))])
        var response = TxnResponse()
        response.header = ResponseHeader(revision: 3)
        response.succeeded = true
        var range = RangeResponse()
        range.count = 1
        response.responses = [.range(range)]
        let answer = response.encoded()
        #expect(history.answered(.txn(txn), answer, floor: floor(3), model: model) != nil)
    }

    // MARK: Leases

    @Test func `a lease that ends early is seen`() {
        var leases = LeaseChecker()
        let second = Int64(1_000_000_000)
        leases.grantAsked(7, at: Instant(nanoseconds: 0))
        leases.granted(7, ttl: 5, at: Instant(nanoseconds: second))
        leases.renewalAsked(7, at: Instant(nanoseconds: 4 * second))
        leases.renewed(7, asked: Instant(nanoseconds: 4 * second))
        var other = leases
        #expect(leases.ended(7, at: Instant(nanoseconds: 8 * second)) != nil)
        #expect(other.ended(7, at: Instant(nanoseconds: 9 * second)) == nil)
    }

    @Test func `a lease that never ends is seen`() {
        var leases = LeaseChecker()
        leases.granted(7, ttl: 5, at: Instant(nanoseconds: 0))
        func overdue(_ seconds: Int64, since elected: Int64 = 0) -> String? {
            leases.overdue(
                at: Instant(nanoseconds: seconds * 1_000_000_000),
                since: Instant(nanoseconds: elected * 1_000_000_000), patience: .seconds(6))
        }
        #expect(overdue(9) == nil)
        #expect(overdue(15) != nil)
        // A new leader has given it its time again.
        #expect(overdue(15, since: 8) == nil)
        #expect(overdue(20, since: 8) != nil)
    }

    @Test func `a renewal that a jump of time has overtaken counts from after the jump`() {
        var leases = LeaseChecker()
        leases.granted(7, ttl: 5, at: Instant(nanoseconds: 0))
        leases.jumped(at: Instant(nanoseconds: 1_000_000_000), by: .seconds(100))
        let start = Instant(nanoseconds: 0)
        let patience = Duration.seconds(6)
        let soon = Instant(nanoseconds: 110_000_000_000)
        let late = Instant(nanoseconds: 115_000_000_000)
        #expect(leases.overdue(at: soon, since: start, patience: patience) == nil)
        #expect(leases.overdue(at: late, since: start, patience: patience) != nil)
    }

    // MARK: Alarms

    @Test mutating func `under an alarm nothing is written that may grow the store`() {
        var alarm = AlarmRequest()
        alarm.action = .activate
        alarm.memberID = 9
        alarm.alarm = .noSpace
        guard case .alarmRaised = model.apply(.alarm(alarm)) else {
            Issue.record("not raised")
            return
        }
        let revision = model.revision
        let put = PutRequest(key: key, value: Array("x".utf8))
        let put2 = TxnRequest(failure: [.txn(TxnRequest(success: [.put(put)]))])
        for command in [InternalRaftRequest.Command.put(put), .txn(put2)] {
            guard case .refused = model.apply(command) else {
                Issue.record("\(command)")
                return
            }
        }
        #expect(model.revision == revision)
        var delete = DeleteRangeRequest()
        delete.key = key
        _ = model.apply(.deleteRange(delete))
        #expect(model.revision == revision + 1)
        alarm.action = .deactivate
        _ = model.apply(.alarm(alarm))
        _ = model.apply(.put(put))
        #expect(model.revision == revision + 2)
    }

    @Test func `a revoked lease may end at once`() {
        var leases = LeaseChecker()
        leases.granted(7, ttl: 5, at: Instant(nanoseconds: 0))
        leases.revocationAsked(7)
        #expect(leases.ended(7, at: Instant(nanoseconds: 1)) == nil)
    }
}
