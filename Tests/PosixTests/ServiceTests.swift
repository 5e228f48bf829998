// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Posix

@Suite struct ServiceTests {
    private static let name: [UInt8] = [2, 0x5f, 0x61, 4, 0x74, 0x65, 0x73, 0x74, 0]

    private static func record(_ port: UInt8, _ host: [UInt8]) -> [UInt8] {
        [0xc0, 0x0c, 0, 33, 0, 1, 0, 0, 0, 60, 0, UInt8(6 + host.count), 0, 7, 0, 0, 0, port] + host
    }

    /// Two records; the second's name ends in a pointer to the question's.
    private static let answer: [UInt8] =
        [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0] + name + [0, 33, 0, 1]
        + record(9, [1, 0x62, 0]) + record(8, [1, 0x63, 0xc0, 0x0f])

    @Test func `a question says what is wanted, and the size that fits`() {
        let question = ServiceMessage.question("_a.test", id: 0x1234)
        #expect(
            question == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + Self.name + [
                0, 33, 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0,
            ])
        for name in ["", "a..b", ".a", String(repeating: "x", count: 64)] {
            #expect(ServiceMessage.question(name, id: 1) == nil, "\(name)")
        }
        #expect(ServiceMessage.question(String(repeating: "abc.", count: 80) + "x", id: 1) == nil)
    }

    @Test func `records are read, names joined from their pieces`() {
        let message = ServiceMessage(Self.answer, id: 0x1234)
        #expect(message?.responseCode == 0)
        #expect(message?.isCut == false)
        #expect(
            message?.records == [
                ServiceRecord(host: "b", port: 9, priority: 7),
                ServiceRecord(host: "c.test", port: 8, priority: 7),
            ])
        #expect(ServiceMessage(Self.answer, id: 0x1235) == nil)
        let question = ServiceMessage.question("_a.test", id: 0x1234) ?? []
        #expect(ServiceMessage(question, id: 0x1234) == nil)
    }

    @Test func `an answer that points at itself is none`() {
        let head: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 0, 0, 1, 0, 0, 0, 0]
        for name: [UInt8] in [[0xc0, 0x0c], [1, 0x61, 0xc0, 0x0c], [0xc0, 0xff], [0x80]] {
            let body = name + [0, 33, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 9, 0]
            #expect(ServiceMessage(head + body, id: 0x1234) == nil, "\(name)")
        }
    }

    @Test func `damaged answers are refused or read, never worse`() {
        var random = Bytes.Random(seed: 11)
        for length in Self.answer.indices {
            _ = ServiceMessage(Array(Self.answer.prefix(length)), id: 0x1234)
        }
        for _ in 0..<100_000 {
            var bytes = Self.answer
            for _ in 0..<random.below(6) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if let message = ServiceMessage(bytes, id: 0x1234) {
                #expect(message.records.allSatisfy { $0.host.utf8.count <= 1_000 })
            }
        }
    }

    @Test func `without a name server nothing is found`() {
        do throws(NameLookupError) {
            _ = try ServiceLookup(file: "/none").records("_a._tcp.test")
            Issue.record("found")
        } catch {
            #expect(error.description == "lookup _a._tcp.test: there is no name server")
        }
    }
}
