// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import Replicated
import Testing

@Suite struct RangeTests {
    /// a..e; values fall, "c" was put last, "b" twice.
    private func filled() -> Scribe {
        var scribe = Scribe()
        for (key, value) in [("a", "5"), ("b", "9"), ("d", "3"), ("e", "1"), ("b", "4")] {
            scribe.put(key, value)
        }
        scribe.put("c", "2")
        return scribe
    }

    private func all(_ change: (inout RangeRequest) -> Void = { _ in }) -> RangeRequest {
        var request = RangeRequest(key: [0], rangeEnd: [0])
        change(&request)
        return request
    }

    private func texts(_ response: RangeResponse) -> String {
        response.kvs.map { text($0.key) }.joined()
    }

    @Test func `ranges are half open, prefix-like, or without end`() throws {
        let scribe = filled()
        #expect(try scribe.keys("b", "d") == ["b", "c"])
        #expect(try scribe.keys("d", "\0") == ["d", "e"])
        #expect(try scribe.keys("b", "") == ["b"])
        #expect(try scribe.keys("d", "b") == [])
    }

    @Test func `a limit cuts, tells that there is more, and leaves the count`() throws {
        let scribe = filled()
        let cut = try scribe.range(all { $0.limit = 2 })
        #expect(texts(cut) == "ab")
        #expect(cut.more)
        #expect(cut.count == 5)
        let whole = try scribe.range(all { $0.limit = 5 })
        #expect(!whole.more)
        let huge = try scribe.range(all { $0.limit = .max })
        #expect(texts(huge) == "abcde")
        let negative = try scribe.range(all { $0.limit = -1 })
        #expect(texts(negative) == "abcde")
    }

    @Test func `count only answers no pairs`() throws {
        let counted = try filled().range(all { $0.countOnly = true })
        #expect(counted.kvs.isEmpty)
        #expect(counted.count == 5)
        #expect(!counted.more)
    }

    @Test func `keys only empties the value and nothing else`() throws {
        var scribe = Scribe()
        scribe.grant(4)
        scribe.put("a", String(repeating: "x", count: 500), lease: 4)
        let kv = try #require(try scribe.range(all { $0.keysOnly = true }).kvs.first)
        #expect(
            kv == KeyValue(key: bytes("a"), createRevision: 2, modRevision: 2, version: 1, lease: 4)
        )
    }

    @Test(arguments: [
        (RangeRequest.SortOrder.none, RangeRequest.SortTarget.key, "abcde"),
        (.ascend, .key, "abcde"), (.descend, .key, "edcba"),
        (.ascend, .mod, "adebc"), (.descend, .mod, "cbeda"),
        (.ascend, .create, "abdec"), (.none, .value, "ecdba"), (.descend, .value, "abdce"),
        (.ascend, .version, "acdeb"), (.descend, .version, "bacde"),
    ])
    func `sorts`(
        _ order: RangeRequest.SortOrder, _ target: RangeRequest.SortTarget, _ expected: String
    ) throws {
        let sorted = try filled().range(
            all {
                $0.sortOrder = order
                $0.sortTarget = target
            })
        #expect(texts(sorted) == expected)
    }

    @Test func `an order sorts before the limit cuts, a target alone after it`() throws {
        let scribe = filled()
        let ordered = try scribe.range(
            all {
                $0.sortOrder = .ascend
                $0.sortTarget = .value
                $0.limit = 2
            })
        #expect(texts(ordered) == "ec")
        #expect(ordered.more)
        let target = try scribe.range(
            all {
                $0.sortTarget = .value
                $0.limit = 2
            })
        #expect(texts(target) == "cb")
    }

    @Test func `filters drop by revision and leave the count`() throws {
        let scribe = filled()
        #expect(texts(try scribe.range(all { $0.minModRevision = 6 })) == "bc")
        #expect(texts(try scribe.range(all { $0.maxModRevision = 4 })) == "ad")
        #expect(texts(try scribe.range(all { $0.minCreateRevision = 5 })) == "ce")
        let cut = try scribe.range(
            all {
                $0.maxCreateRevision = 3
                $0.limit = 1
            })
        #expect(texts(cut) == "a")
        #expect(cut.more)
        #expect(cut.count == 5)
    }

    @Test func `the past is read at its revision`() throws {
        let past = try filled().range(all { $0.revision = 3 })
        #expect(texts(past) == "ab")
        #expect(past.kvs.last?.value == bytes("9"))
    }

    @Test func `arguments are checked before anything is read`() {
        let scribe = Scribe()
        #expect(scribe.ledger.range(RangeRequest()).failure == .emptyKey)
        #expect(
            scribe.ledger.range(all { $0.sortOrder = .unknown(9) }).failure == .invalidSortOption)
        #expect(
            scribe.ledger.range(all { $0.sortTarget = .unknown(9) }).failure == .invalidSortOption)
    }
}
