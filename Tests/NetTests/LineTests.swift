// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Net

/// First in, first out, whoever leaves in between.
@Suite struct LineTests {
    @Test func `all come out in their order, and those that have left are let go at once`() {
        final class Guest {}
        var line = Line<Guest>()
        weak var first: Guest?
        do {
            let guest = Guest()
            first = guest
            line.append(guest)
        }
        for _ in 0..<10 { line.append(Guest()) }
        #expect(first != nil && line.count == 11)
        let popped = line.popFirst().map { $0 === first }
        #expect(popped == true && first == nil)
        #expect(line.count == 10)
    }

    @Test func `a line that is never empty keeps its order for a long time`() {
        var line = Line<Int>()
        var next = 0
        var seen = 0
        for round in 0..<20_000 {
            line.append(next)
            next += 1
            if round % 3 != 0 {
                let popped = line.popFirst()
                #expect(popped == seen)
                seen += 1
            }
        }
        #expect(line.count == next - seen)
        line.removeAll { $0 % 2 == 0 }
        var rest: [Int] = []
        while let popped = line.popFirst() { rest.append(popped) }
        #expect(rest == (seen..<next).filter { $0 % 2 == 1 })
        let last = line.popFirst()
        #expect(last == nil && line.isEmpty)
    }
}
