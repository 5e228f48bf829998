// SPDX-License-Identifier: Apache-2.0
import Bytes
import MVCC
import Testing

@Suite struct WatcherIndexTests {
    private func key(_ random: inout Random) -> [UInt8] {
        (0..<1 + random.below(3)).map { _ in UInt8(random.below(4)) }
    }

    @Test(arguments: 0..<20)
    func `the index finds whom a list would find`(seed: Int) {
        var random = Random(seed: UInt64(seed))
        var index = WatcherIndex()
        var list: [Int: KeyRange] = [:]
        var found: [Int] = [99]
        for _ in 0..<600 {
            let id = random.below(seed % 2 == 0 ? 200 : 20)
            if random.chance(percent: 60) {
                let end: [UInt8]
                switch random.below(4) {
                case 0: end = []
                case 1: end = [0]
                default: end = key(&random)
                }
                let range = KeyRange(key: key(&random), end: end)
                index.insert(id: id, range)
                list[id] = range
            } else {
                index.remove(id: id)
                list[id] = nil
            }
            let key = key(&random)
            index.matches(key, into: &found)
            let expected = list.filter { $0.value.contains(key) }.map(\.key).sorted()
            #expect(found == expected, "seed \(seed) key \(key)")
            #expect(index.count == list.count)
        }
    }

    @Test func `ten thousand watchers come and go`() {
        var index = WatcherIndex()
        var found: [Int] = []
        for id in 0..<10_000 {
            let key = Array("/registry/pods/\(id % 5000)/".utf8)
            index.insert(id: id, KeyRange(key: key, end: key.dropLast() + [0x30]))
        }
        index.matches(Array("/registry/pods/77/web".utf8), into: &found)
        #expect(found == [77, 5077])
        for id in 0..<10_000 { index.remove(id: id) }
        index.matches(Array("/registry/pods/77/web".utf8), into: &found)
        #expect(found.isEmpty)
        #expect(index.count == 0)
    }

    @Test func `an empty range matches nothing and an open one everything after it`() {
        var index = WatcherIndex()
        index.insert(id: 3, KeyRange(key: [5], end: [4]))
        index.insert(id: 1, KeyRange(key: [2], end: [0]))
        index.insert(id: 2, KeyRange(key: [0], end: [0]))
        var found: [Int] = []
        index.matches([5], into: &found)
        #expect(found == [1, 2])
        index.matches([1], into: &found)
        #expect(found == [2])
    }
}
