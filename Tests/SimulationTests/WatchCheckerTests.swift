// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Simulation
internal import Testing

struct WatchCheckerTests {
    private let key = Array("k".utf8)
    private var model = Model(minimumTTL: 2)
    private var watch: WatchChecker

    init() {
        var create = WatchCreateRequest()
        create.key = key
        create.watchID = 1
        watch = WatchChecker(create)
        for value in ["one", "two", "three"] {
            _ = model.apply(.put(PutRequest(key: key, value: Array(value.utf8))))
        }
        _ = watch.open(first: 2)
        var created = WatchResponse()
        created.header = ResponseHeader(revision: 4)
        created.watchID = 1
        created.created = true
        _ = watch.take(created, model)
    }

    private func event(_ value: String, mod: Int64) -> WatchEvent {
        var kv = KeyValue()
        kv.key = key
        kv.value = Array(value.utf8)
        kv.createRevision = 2
        kv.modRevision = mod
        kv.version = mod - 1
        return WatchEvent(type: .put, kv: kv)
    }

    private func response(_ events: [WatchEvent], header: Int64 = 4) -> WatchResponse {
        var response = WatchResponse()
        response.header = ResponseHeader(revision: header)
        response.watchID = 1
        response.events = events
        return response
    }

    private var all: [WatchEvent] {
        [event("one", mod: 2), event("two", mod: 3), event("three", mod: 4)]
    }

    @Test mutating func `all events in order are right`() {
        #expect(watch.missing(model) != nil)
        #expect(watch.take(response(all), model) == nil)
        #expect(watch.missing(model) == nil)
    }

    @Test mutating func `a gap is seen`() {
        #expect(watch.take(response([all[0], all[2]]), model) != nil)
    }

    @Test mutating func `a missing beginning is seen`() {
        #expect(watch.take(response([all[1], all[2]]), model) != nil)
    }

    @Test mutating func `a repeated event is seen`() {
        #expect(watch.take(response([all[0]]), model) == nil)
        #expect(watch.take(response([all[0]]), model) != nil)
    }

    @Test mutating func `a fragment that was not asked for is seen`() {
        var part = response([all[0]])
        part.fragment = true
        #expect(watch.take(part, model) != nil)
    }

    @Test mutating func `events out of order are seen`() {
        #expect(watch.take(response([all[1], all[0], all[2]]), model) != nil)
    }

    @Test mutating func `progress ahead of an event is seen`() {
        #expect(watch.take(response([all[0]]), model) == nil)
        #expect(watch.take(response([], header: 2), model) == nil)
        #expect(watch.take(response([], header: 3), model) != nil)
    }

    @Test mutating func `a wrong value is seen`() {
        #expect(watch.take(response([event("other", mod: 2)]), model) != nil)
    }

    @Test mutating func `a split revision is seen`() {
        let other = Array("l".utf8)
        var create = WatchCreateRequest()
        create.key = key
        create.rangeEnd = Array("z".utf8)
        create.watchID = 1
        var wide = WatchChecker(create)
        _ = wide.open(first: 5)
        var created = WatchResponse()
        created.header = ResponseHeader(revision: 4)
        created.created = true
        #expect(wide.take(created, model) == nil)
        let puts = [key, other].map { RequestOp.put(PutRequest(key: $0, value: Array("v".utf8))) }
        _ = model.apply(.txn(TxnRequest(success: puts)))
        var half = event("v", mod: 5)
        half.kv?.version = 4
        #expect(wide.take(response([half], header: 5), model) != nil)
    }

    @Test mutating func `a cancel for a compaction that is not is seen`() {
        var end = response([])
        end.canceled = true
        end.compactRevision = 3
        #expect(watch.take(end, model) != nil)
    }
}
