// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Net

/// Looking before sleeping: only when asked, and less and less often when it is in vain.
@Suite struct LingeringTests {
    @Test func `a wait begins with looking once for each asking`() {
        var lingering = Lingering()
        var looks = [lingering.begins(nil)]
        lingering.ask()
        looks.append(lingering.begins(nil))
        lingering.ended(hit: true)
        looks.append(lingering.begins(nil))
        lingering.ask()
        looks.append(lingering.begins(.milliseconds(5)))
        #expect(looks == [false, true, false, true])
    }

    @Test func `short waits are slept through`() {
        var lingering = Lingering()
        for wait in [Duration.zero, Lingering.limit] {
            lingering.ask()
            let looks = lingering.begins(wait)
            #expect(!looks, "\(wait)")
        }
    }

    @Test func `in vain, it is done half as often each time, and always after a hit`() {
        var lingering = Lingering()
        var looks: [Int] = []
        for asking in 0..<2_000 {
            lingering.ask()
            if lingering.begins(nil) {
                looks.append(asking)
                lingering.ended(hit: false)
            }
        }
        #expect(looks.prefix(6) == [0, 2, 5, 10, 19, 36])
        #expect(looks.count < 20)
        #expect(zip(looks.dropFirst(), looks).allSatisfy { $0 - $1 <= 257 })
        while true {
            lingering.ask()
            if lingering.begins(nil) { break }
        }
        lingering.ended(hit: true)
        lingering.ask()
        let looksAgain = lingering.begins(nil)
        #expect(looksAgain)
    }
}
