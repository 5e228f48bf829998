// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import Testing

@testable import V2Facade

@Suite struct WatchTests {
    private func actions(_ store: NaiveStore, _ path: String) throws -> [String] {
        try store.events(path).map { text in
            String(text.dropFirst(#"{"action":""#.count).prefix { $0 != "\"" })
        }
    }

    @Test func `each kind of write has its name`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/a", "value=1")
        _ = store.call("PUT", "/a?prevExist=true", "value=2")
        _ = store.call("PUT", "/a?prevValue=2", "value=3")
        _ = store.call("DELETE", "/a?prevValue=3")
        _ = store.call("PUT", "/a?prevExist=false", "value=4")
        _ = store.call("DELETE", "/a")
        #expect(
            try actions(store, "/a?x=") == [
                "set", "update", "compareAndSwap", "compareAndDelete", "create", "delete",
            ])
    }

    @Test func `a refresh is no event`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/a", "value=1&ttl=10")
        _ = store.call("PUT", "/a?prevExist=true", "refresh=true&ttl=100")
        #expect(try actions(store, "/a?x=") == ["set"])
        let refreshed = store.call("GET", "/a")
        #expect(refreshed.body.contains(#""ttl":100"#))
    }

    @Test func `only a recursive wait sees what is below, and nothing hidden`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/d/a", "value=1")
        _ = store.call("PUT", "/d/_h/b", "value=1")
        _ = store.call("PUT", "/other", "value=1")
        #expect(try actions(store, "/d?x=") == [])
        #expect(try actions(store, "/d?recursive=true") == ["set"])
        #expect(try actions(store, "/d/_h?recursive=true") == ["set"])
        #expect(try store.events("/d?recursive=true", from: 100).count == 2)
    }

    @Test func `the end of a directory is told once, and to those who wait inside`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/d/a/b", "value=1")
        _ = store.call("DELETE", "/d?recursive=true")
        for path in ["/d/a/b?x=", "/d/a?recursive=true", "/d?x=", "/?recursive=true"] {
            #expect(try store.events(path).last?.contains(#""action":"delete""#) == true, "\(path)")
        }
        #expect(try store.events("/?recursive=true").count == 2)
        #expect(try store.events("/dx?x=").isEmpty)
    }

    @Test func `keys that somebody else put there are no nodes`() throws {
        var store = NaiveStore()
        let foreign = PutRequest(key: Layout.key("/a"), value: [1, 2, 3])
        let isDone = store.write(TxnRequest(success: [.put(foreign)]))
        #expect(isDone)
        #expect(try actions(store, "/?recursive=true") == [])
        let answer = store.call("GET", "/a")
        #expect(answer.status == 404)
    }
}
