// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import Testing

@testable import V2Facade

@Suite struct DecisionTests {
    @Test func `a new key brings its directories with it, in one transaction`() {
        var store = NaiveStore()
        let answer = store.call("PUT", "/a/b/c", "value=1")
        #expect(answer.status == 201)
        #expect(
            answer.body
                == #"{"action":"set","node":{"key":"/a/b/c","value":"1","modifiedIndex":2,"#
                + #""createdIndex":2}}"# + "\n")
        #expect(store.revision == 2)
        let directory = store.call("GET", "/a/b")
        #expect(directory.body.contains(#""dir":true"#))
        let listing = store.call("GET", "/a?recursive=true")
        #expect(listing.body.contains("/a/b/c"))
    }

    @Test func `an update keeps the index of creation, a set does not`() {
        var store = NaiveStore()
        _ = store.call("PUT", "/a", "value=1")
        let updated = store.call("PUT", "/a?prevExist=true", "value=2").body
        #expect(updated.contains(#""modifiedIndex":3,"createdIndex":2"#))
        let set = store.call("PUT", "/a", "value=3").body
        #expect(set.contains(#""modifiedIndex":4,"createdIndex":4"#))
    }

    @Test func `a decision about something that has changed is not carried out`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/d?dir=true")
        let late = try #require(
            try store.plan(try NaiveStore.request("PUT", "/d/a?prevExist=false", "value=1")))
        _ = store.call("DELETE", "/d?dir=true")
        let isLateDone = store.write(late.transaction(newLease: 0))
        #expect(!isLateDone)
        let empty = try NaiveStore.request("DELETE", "/e?dir=true")
        _ = store.call("PUT", "/e?dir=true")
        let removal = try #require(try store.plan(empty))
        _ = store.call("PUT", "/e/x", "value=1")
        let isRemoved = store.write(removal.transaction(newLease: 0))
        #expect(!isRemoved)
    }

    @Test func `names in order grow, and two of one revision conflict`() throws {
        var store = NaiveStore()
        let first = store.call("POST", "/q", "value=1").body
        let second = store.call("POST", "/q", "value=2").body
        #expect(first.contains("/q/00000000000000000002"))
        #expect(second.contains("/q/00000000000000000003"))
        let request = try NaiveStore.request("POST", "/q", "value=3")
        let plans = [try #require(try store.plan(request)), try #require(try store.plan(request))]
        let done = plans.map { plan in store.write(plan.transaction(newLease: 0)) }
        #expect(done == [true, false])
    }

    @Test func `what is in a directory with a TTL goes with it`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/d?dir=true", "ttl=100")
        let lease = try #require(store.find(Layout.key("/d"), []).first).lease
        _ = store.call("PUT", "/d/a/b", "value=1")
        _ = store.call("PUT", "/d/c", "value=1&ttl=1000")
        _ = store.call("PUT", "/d/e", "value=1&ttl=5")
        let leases = store.find(Layout.below("/d").key, Layout.below("/d").end).map(\.lease)
        #expect(leases.filter { $0 == lease }.count == 3)
        #expect(Set(leases).count == 2)
        store.expire(lease: lease)
        let gone = store.call("GET", "/d")
        #expect(gone.status == 404)
        #expect(
            try store.events("/?recursive=true").last
                == #"{"action":"expire","node":{"key":"/d","dir":true,"modifiedIndex":6,"#
                + #""createdIndex":2},"prevNode":{"key":"/d","dir":true,"#
                + #""expiration":"2001-09-09T01:48:20Z","ttl":100,"modifiedIndex":2,"#
                + #""createdIndex":2}}"# + "\n")
    }

    @Test func `a new TTL of a directory moves what hangs on it, silently`() throws {
        var store = NaiveStore()
        _ = store.call("PUT", "/d/a", "value=1")
        let before = store.call("GET", "/d/a").body
        _ = store.call("PUT", "/d?dir=true&prevExist=true", "ttl=50")
        let after = store.call("GET", "/d/a")
        #expect(after.body == before)
        #expect(store.pairs.filter { $0.lease != 0 }.count == 2)
        #expect(try store.events("/d/a?x=").count == 1)
        _ = store.call("PUT", "/d?dir=true&prevExist=true")
        #expect(store.pairs.allSatisfy { $0.lease == 0 })
    }

    @Test func `too many nodes for one transaction are refused`() throws {
        var store = NaiveStore()
        for number in 0..<101 { _ = store.call("PUT", "/d/\(number)", "value=1") }
        let answer = store.call("PUT", "/d?dir=true&prevExist=true", "ttl=50")
        #expect(answer.status == 500)
        #expect(answer.body.contains("too many nodes"))
    }

    @Test func `a lease of a file that is replaced is given back, one that is shared is not`()
        throws
    {
        var store = NaiveStore()
        _ = store.call("PUT", "/a", "value=1&ttl=100")
        let set = try #require(
            try store.plan(try NaiveStore.request("PUT", "/a", "value=2")))
        #expect(set.obsoleteLease == 2)
        _ = store.call("PUT", "/d?dir=true", "ttl=100")
        _ = store.call("PUT", "/d/a", "value=1")
        let delete = try #require(try store.plan(try NaiveStore.request("DELETE", "/d/a")))
        #expect(delete.obsoleteLease == nil)
    }
}
