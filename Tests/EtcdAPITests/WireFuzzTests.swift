// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import EtcdAPI

@Suite struct WireFuzzTests {
    @Test func `every message decodes to itself`() throws {
        for (index, type) in everyMessage.enumerated() {
            for round in 0..<20 { try Self.roundTrip(type, seed: UInt64(index * 1000 + round)) }
        }
    }

    static func roundTrip<M: WireMessage>(_ type: M.Type, seed: UInt64) throws {
        let message: M = RandomFiller.message(seed: seed)
        let bytes = message.encoded()
        #expect(try M(decoding: bytes) == message, "\(type) of seed \(seed)")
        #expect(try M(decoding: bytes).encoded() == bytes, "\(type) of seed \(seed)")
    }

    /// The doors that the hot messages bring along do what the shared ones do.
    @Test func `special doors agree with the shared ones`() throws {
        for seed in 0..<200 as Range<UInt64> {
            let request: InternalRaftRequest = RandomFiller.message(seed: seed)
            let bytes = request.encoded()
            #expect(bytes == Encoder.encode(request))
            #expect(try InternalRaftRequest(decoding: bytes) == request)
        }
    }

    @Test func `a cut message never crashes`() {
        for (index, type) in everyMessage.enumerated() {
            for round in 0..<3 { Self.cut(type, seed: UInt64(index * 7 + round)) }
        }
    }

    static func cut<M: WireMessage>(_ type: M.Type, seed: UInt64) {
        let bytes = RandomFiller.message(type, seed: seed).encoded()
        for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 40)) {
            _ = try? M(decoding: Array(bytes[..<length]))
        }
    }

    /// Known bug: fuzz-2022-assertion.
    @Test func `damaged messages never crash`() {
        Self.fuzz(seed: 1, count: 110_000)
    }

    static func fuzz(seed: UInt64, count: Int) {
        var random = Random(seed: seed)
        for round in 0..<count / 50 {
            let type = everyMessage[round % everyMessage.count]
            damage(type, &random, times: 50)
        }
    }

    private static func damage<M: WireMessage>(
        _ type: M.Type, _ random: inout Random, times: Int
    ) {
        let whole = RandomFiller.message(type, seed: random.next()).encoded().prefix(80)
        for _ in 0..<times {
            var bytes = Array(whole)
            for _ in 0...random.below(3) {
                let byte = UInt8(truncatingIfNeeded: random.next())
                switch random.below(3) {
                case 0 where !bytes.isEmpty: bytes[random.below(bytes.count)] = byte
                case 1 where !bytes.isEmpty: bytes.removeSubrange(random.below(bytes.count)...)
                default: bytes.insert(byte, at: random.below(bytes.count + 1))
                }
            }
            if let message = try? M(decoding: bytes) {
                // What was understood can be said again.
                #expect((try? M(decoding: message.encoded())) == message)
            }
        }
    }
}
