// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated
import Testing

@Suite struct RangeSlicesTests {
    private func reply(_ scribe: Scribe, limit: Int64 = 0) throws -> RangeReply {
        let request = RangeRequest(key: [0], rangeEnd: [0], limit: limit)
        guard case .range(let reply) = try scribe.ledger.range(request).get() else {
            throw ScribeFailure.unexpected
        }
        return reply
    }

    private enum ScribeFailure: Error { case unexpected }

    @Test func `the pieces of a list together are the whole answer, whatever their size`() throws {
        var scribe = Scribe()
        for number in 0..<300 {
            scribe.put("key-\(number)", String(repeating: "v", count: number % 7 * 40))
        }
        let header = ResponseHeader(clusterID: 1, memberID: 2, revision: 301, raftTerm: 3)
        for limit in [Int64(0), 100] {
            let reply = try reply(scribe, limit: limit)
            var whole = ByteWriter()
            reply.encode(header: header, into: &whole)
            for pieceSize in [1, 100, 5_000, 1 << 20] {
                var slices = RangeSlices(reply, header: header)
                while !slices.measure(7) {}
                var bytes: [UInt8] = []
                while let piece = slices.next(pieceSize) { bytes += piece }
                #expect(bytes == whole.bytes, "limit \(limit), pieces of \(pieceSize)")
                #expect(slices.byteCount == bytes.count)
            }
        }
    }

    @Test func `a large value comes in pieces too, and as a message of its own whole`() throws {
        var scribe = Scribe()
        scribe.put("large", String(repeating: "v", count: 100_000))
        scribe.put("small", "v")
        let reply = try reply(scribe)
        var slices = RangeSlices(reply, header: ResponseHeader(revision: 3))
        while !slices.measure(7) {}
        var pieces: [[UInt8]] = []
        while let piece = slices.next(9_000) { pieces.append(piece) }
        #expect(pieces.count == 12)
        #expect(pieces.allSatisfy { $0.count < 9_100 })
        let response = try RangeResponse(decoding: Array(pieces.joined()))
        #expect(response.kvs.map(\.value.count) == [100_000, 1])
        var messages = RangeSlices(reply, header: ResponseHeader(revision: 3))
        let first = try RangeResponse(decoding: messages.nextMessage(9_000) ?? [])
        #expect(first.kvs.map(\.value.count) == [100_000])
    }

    /// Known bugs: 18854, KEP-6178.
    @Test func `a list shows one revision though keys change and go between its pieces`() throws {
        var scribe = Scribe()
        for number in 0..<50 { scribe.put("key-\(number)", "before") }
        let reply = try reply(scribe)
        var slices = RangeSlices(reply, header: ResponseHeader(revision: 51))
        while !slices.measure(10) {}
        var bytes = slices.next(200) ?? []
        for number in 0..<50 { scribe.put("key-\(number)", "after") }
        scribe.apply(.compaction(CompactionRequest(revision: 101)))
        while let piece = slices.next(200) { bytes += piece }
        let response = try RangeResponse(decoding: bytes)
        #expect(response.kvs.count == 50)
        #expect(response.kvs.allSatisfy { $0.value == Array("before".utf8) })
    }

    @Test func `an empty list is an answer too`() throws {
        var slices = RangeSlices(try reply(Scribe()), header: ResponseHeader(revision: 1))
        let isMeasured = slices.measure(1)
        let (first, second) = (slices.next(10), slices.next(10))
        #expect(isMeasured)
        #expect(first?.count == slices.byteCount)
        #expect(second == nil)
    }
}
