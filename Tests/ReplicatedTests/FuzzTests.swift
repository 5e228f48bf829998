// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct FuzzTests {
    /// Ledgers get damaged entries and do not stop; with a `twin`, two stay the same.
    static func fuzz(seed: UInt64, count: Int, twin: Bool) -> Bool {
        var random = Random(seed: seed)
        var workload = Workload(seed: seed)
        var left = Scribe()
        var right = Scribe()
        right.isProposer = false
        for step in 0..<count {
            // A damaged entry may raise an alarm, under which little else is applied.
            if step % 50 == 0 {
                clearAlarms(&left)
                if twin { clearAlarms(&right) }
            }
            let index = left.ledger.appliedIndex
            var (kind, data) = workload.entry()
            if random.chance(percent: 90) { damage(&data, &random) }
            if random.chance(percent: 2) { kind = .jointChange }
            left.apply(kind, data: data)
            if twin { right.apply(kind, data: data) }
            guard left.ledger.appliedIndex == index.next else { return false }
        }
        return !twin || left.ledger.stateHash() == right.ledger.stateHash()
    }

    private static func clearAlarms(_ scribe: inout Scribe) {
        for raised in scribe.ledger.alarms.list {
            var request = AlarmRequest()
            request.action = .deactivate
            request.memberID = raised.memberID
            request.alarm = raised.alarm
            scribe.apply(.alarm(request))
        }
    }

    static func damage(_ data: inout [UInt8], _ random: inout Random) {
        for _ in 0..<(1 + random.below(3)) {
            switch random.below(4) {
            case 0 where !data.isEmpty: data[random.below(data.count)] = UInt8(random.below(256))
            case 1 where !data.isEmpty: data.remove(at: random.below(data.count))
            case 2 where !data.isEmpty: data.removeLast(random.below(data.count))
            default: data.insert(UInt8(random.below(256)), at: random.below(data.count + 1))
            }
        }
    }

    /// Known bug: fuzz-2022-nil.
    @Test(arguments: 1...24 as ClosedRange<UInt64>)
    func `damaged entries stop no ledger and part no two`(_ seed: UInt64) {
        #expect(FuzzTests.fuzz(seed: seed, count: 5_000, twin: seed <= 4))
    }

    /// Known bug: fuzz-2022-index.
    @Test func `damaged rows stop no loader`() throws {
        var random = Random(seed: 9)
        var scribe = Scribe()
        var workload = Workload(seed: 9)
        for _ in 0..<120 {
            let (kind, data) = workload.entry()
            scribe.apply(kind, data: data)
        }
        let whole = rows(of: scribe.ledger.view())
        for _ in 0..<1_500 {
            var damaged = whole
            let place = random.below(damaged.count)
            if random.chance(percent: 30) {
                FuzzTests.damage(&damaged[place].key, &random)
            } else {
                FuzzTests.damage(&damaged[place].value, &random)
            }
            do {
                let ledger = try load(damaged, Scribe.settings())
                var next = Scribe(ledger)
                if ledger.appliedIndex.number < .max { next.put("a") }
            } catch {
                continue
            }
        }
    }
}
