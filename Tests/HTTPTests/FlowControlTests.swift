// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct FlowControlTests {
    func greeted(window: UInt32, _ settings: HTTP2Settings = HTTP2Settings()) -> HTTP2Connection {
        let server = HTTP2Connection(role: .server, settings: settings)
        let hello =
            HTTP2Engine.preface + frame(.settings, 0, 0, [0, 4] + number(window))
        server.receive(hello, now: start)
        _ = server.takeOutput()
        return server
    }

    @Test func `nothing leaves beyond the stream's window`() {
        let server = greeted(window: 10)
        var speaker = Speaker()
        let id = StreamID(1)
        server.receive(speaker.headers(1, end: true), now: start)
        server.sendHeaders(id, [HeaderField(":status", "200")], endStream: false)
        server.sendData(id, [UInt8](repeating: 7, count: 25), endStream: true)
        #expect(describe(server.takeOutput()) == ["headers 1", "data 1 (10)"])
        #expect(server.queuedBytes(id) == 15)
        #expect(!server.hasOutput)
        server.receive(frame(.windowUpdate, 0, 1, number(5)), now: start)
        #expect(describe(server.takeOutput()) == ["data 1 (5)"])
        // A larger initial window counts for open streams too.
        server.receive(frame(.settings, 0, 0, [0, 4] + number(14)), now: start)
        #expect(describe(server.takeOutput()) == ["settings 0 ack", "data 1 (4)"])
        // A smaller one may leave a window below zero.
        server.receive(frame(.settings, 0, 0, [0, 4] + number(1)), now: start)
        server.receive(frame(.windowUpdate, 0, 1, number(13)), now: start)
        #expect(describe(server.takeOutput()) == ["settings 0 ack"])
        server.receive(frame(.windowUpdate, 0, 1, number(100)), now: start)
        #expect(describe(server.takeOutput()) == ["data 1 (6) end"])
        #expect(server.openStreamCount == 0)
    }

    @Test func `nothing leaves beyond the connection's window`() {
        let server = greeted(window: 1 << 30)
        var speaker = Speaker()
        for stream: UInt32 in [1, 3] {
            server.receive(speaker.headers(stream, end: true), now: start)
            server.sendData(
                StreamID(stream), [UInt8](repeating: 1, count: 50_000), endStream: true)
        }
        let sent = server.takeOutput()
        #expect(dataBytes(sent) == 65_535)
        server.receive(frame(.windowUpdate, 0, 0, number(100_000)), now: start)
        #expect(dataBytes(server.takeOutput()) == 100_000 - 65_535)
        #expect(server.openStreamCount == 0)
    }

    func dataBytes(_ bytes: [UInt8]) -> Int {
        describe(bytes).filter { $0.hasPrefix("data") }.compactMap { line in
            Int(line.split(separator: "(")[1].split(separator: ")")[0])
        }.reduce(0, +)
    }

    /// Known bug: 15402.
    @Test func `a small answer is not starved by a huge one`() {
        let server = greeted(window: 1 << 30)
        var speaker = Speaker()
        server.receive(frame(.windowUpdate, 0, 0, number(1 << 30)), now: start)
        server.receive(speaker.headers(1, end: true) + speaker.headers(3, end: true), now: start)
        server.sendData(StreamID(1), [UInt8](repeating: 1, count: 10 << 20), endStream: true)
        #expect(dataBytes(server.takeOutput(limit: 40_000)) == 3 * 16_384)
        server.sendData(StreamID(3), utf8("small"), endStream: true)
        let lines = describe(server.takeOutput(limit: 40_000))
        #expect(lines.contains("data 3 (5) end"))
        var total = dataBytes(server.takeOutput(limit: 1))
        while server.hasOutput { total += dataBytes(server.takeOutput(limit: 100_000)) }
        #expect(server.openStreamCount == 0)
    }

    @Test func `a queue that falls to the low water mark is told`() {
        var settings = HTTP2Settings()
        settings.highWater = 50_000
        settings.lowWater = 20_000
        let server = greeted(window: 1 << 20, settings)
        var speaker = Speaker()
        let id = StreamID(1)
        server.receive(speaker.headers(1, end: true), now: start)
        server.sendData(id, [UInt8](repeating: 1, count: 70_000), endStream: false)
        server.sendData(id, [UInt8](repeating: 1, count: 20_000), endStream: false)
        _ = server.takeEvents()
        _ = server.takeOutput()
        #expect(server.queuedBytes(id) == 90_000 - 65_535)
        #expect(server.takeEvents().isEmpty)
        server.receive(frame(.windowUpdate, 0, 0, number(6000)), now: start)
        _ = server.takeOutput()
        #expect(server.takeEvents() == [.writable(id)])
        server.receive(frame(.windowUpdate, 0, 0, number(60_000)), now: start)
        _ = server.takeOutput()
        #expect(server.takeEvents().isEmpty)
    }

    @Test func `windows are given back as data is taken, but not while paused`() {
        var settings = HTTP2Settings()
        settings.streamWindow = 65_535
        settings.connectionWindow = 1 << 20
        let server = greeted(window: 100, settings)
        var speaker = Speaker()
        let id = StreamID(1)
        let data = frame(.data, 0, 1, [UInt8](repeating: 0, count: 16_384))
        server.receive(speaker.headers(1), now: start)
        server.receive(data + data, now: start)
        #expect(describe(server.takeOutput()) == ["windowUpdate 1"])
        server.pause(id)
        server.receive(data + data + data, now: start)
        #expect(server.takeOutput().isEmpty)
        server.resume(id)
        #expect(describe(server.takeOutput()) == ["windowUpdate 1"])
        server.pause(id)
        server.receive(data + data + data + data, now: start)
        #expect(describe(server.takeOutput()).last == "reset 1 FLOW_CONTROL_ERROR")
    }

    @Test func `a chunk queue gives back what it was given`() {
        var random = Random(seed: 9)
        var queue = ChunkQueue()
        var given: [UInt8] = []
        var taken: [UInt8] = []
        for _ in 0..<3000 {
            let bytes = random.bytes(
                random.chance(percent: 5) ? random.below(9000) : random.below(60))
            given += bytes
            queue.append(bytes)
            if random.chance(percent: 60) {
                queue.move(random.below(queue.count + 1), into: &taken)
            }
            #expect(queue.count == given.count - taken.count)
        }
        queue.move(queue.count, into: &taken)
        #expect(taken == given)
    }

    @Test func `large messages arrive whole, both ways and interleaved`() {
        var random = Random(seed: 21)
        let pair = Pair()
        var expected: [StreamID: [UInt8]] = [:]
        for _ in 0..<5 {
            guard let id = pair.client.start(path: "/a/B") else { continue }
            let message = [UInt8](repeating: UInt8(id.number), count: random.below(3 << 20))
            expected[id] = message
            pair.client.sendMessage(id, message, halfClose: true)
        }
        pair.run(limit: 100_000) { event in
            if case .message(let id, let bytes) = event { pair.server.reply(id, bytes) }
        }
        var finished = 0
        for event in pair.clientEvents {
            if case .message(let id, let bytes) = event { #expect(bytes == expected[id]) }
            if case .finished(_, let status, _) = event {
                #expect(status == .ok)
                finished += 1
            }
        }
        #expect(finished == 5)
    }
}
