// SPDX-License-Identifier: Apache-2.0
import Kube
import Testing

@testable import Controllers

@Suite struct ObjectCacheTests {
    @Test func `a new list tells what differs, in order`() {
        var cache = ObjectCache(.pod)
        let first = cache.replace(with: [pod("b", 2), pod("a", 1)], version: "5")
        #expect(first.map(\.key.name) == ["a", "b"])
        let second = cache.replace(with: [pod("c", 6), pod("b", 2), pod("d", 7)], version: "9")
        #expect(second.map(\.key.name) == ["a", "c", "d"])
        #expect(second[0].new == nil && second[0].old == pod("a", 1))
        #expect(second[1].old == nil)
        #expect(cache.version == "9" && cache.count == 3)
    }

    @Test func `an object made anew under the same name is a change`() {
        var cache = ObjectCache(.pod)
        _ = cache.replace(with: [pod("a", 1)], version: "1")
        let changes = cache.replace(with: [pod("a", 4, uid: "v")], version: "4")
        #expect(changes.count == 1 && changes[0].old?.uid == "u-a" && changes[0].new?.uid == "v-a")
    }

    @Test func `old events change nothing`() {
        var cache = ObjectCache(.pod)
        _ = cache.replace(with: [pod("a", 8)], version: "9")
        #expect(cache.put(pod("a", 7)) == nil)
        #expect(cache.put(pod("a", 8)) == nil)
        #expect(cache.remove(pod("a", 7)) == nil)
        #expect(cache["ns", "a"]?.resourceVersion == "8")
        #expect(cache.put(pod("a", 10)) != nil)
        #expect(cache.version == "10")
        #expect(cache.remove(pod("a", 11))?.old?.resourceVersion == "10")
        #expect(cache.count == 0 && cache.version == "11")
        #expect(cache.remove(pod("a", 12)) == nil)
        #expect(cache.version == "12")
    }

    @Test func `objects are found by namespace, label and owner`() {
        var cache = ObjectCache(.pod)
        var labelled = pod("b", 2, owner: "set")
        labelled.labels = ["app": "etcd"]
        var elsewhere = pod("a", 1)
        elsewhere.namespace = "other"
        _ = cache.replace(with: [pod("a", 1, owner: "set"), labelled, elsewhere], version: "3")
        #expect(cache.list().map(\.namespace) == ["ns", "ns", "other"])
        #expect(cache.list(namespace: "ns").map(\.name) == ["a", "b"])
        #expect(cache.list(namespace: "n").isEmpty)
        #expect(
            cache.list(matching: LabelSelector(matching: ["app": "etcd"])).map(\.name) == ["b"])
        #expect(cache.owned(by: "set").map(\.name) == ["a", "b"])
        _ = cache.put(pod("a", 5))
        #expect(cache.owned(by: "set").map(\.name) == ["b"])
        _ = cache.remove(pod("b", 6))
        #expect(cache.owned(by: "set").isEmpty)
    }

    @Test func `own writes are missed until the cache has their version`() {
        var cache = ObjectCache(.pod)
        var writes = OwnWrites()
        let key = ObjectKey(.pod, namespace: "ns", name: "a")
        #expect(!writes.isAhead(of: cache, key))
        writes.wrote(key, version: "7")
        #expect(writes.isAhead(of: cache, key))
        _ = cache.replace(with: [pod("a", 3)], version: "6")
        #expect(writes.isAhead(of: cache, key))
        #expect(writes.isAhead(of: cache, namespace: "ns"))
        #expect(!writes.isAhead(of: cache, namespace: "other"))
        writes.wrote(key, version: "5")
        #expect(writes.isAhead(of: cache, key))
        cache.advance(to: "7")
        #expect(!writes.isAhead(of: cache, key))
        writes.prune(cache, namespace: "other")
        #expect(writes.count == 1)
        writes.prune(cache)
        #expect(writes.count == 0)
    }
}
