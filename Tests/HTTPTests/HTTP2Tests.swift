// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct HTTP2Tests {
    func server(_ settings: HTTP2Settings = HTTP2Settings()) -> HTTP2Connection {
        let server = HTTP2Connection(role: .server, settings: settings)
        server.receive(Speaker.greeting, now: start)
        _ = server.takeOutput()
        return server
    }

    @Test func `both ends greet`() {
        let client = HTTP2Connection(role: .client)
        let server = HTTP2Connection(role: .server)
        let hello = client.takeOutput()
        #expect(describe(hello) == ["preface", "settings 0", "windowUpdate 0"])
        server.receive(hello, now: start)
        let answer = server.takeOutput()
        #expect(describe(answer) == ["settings 0", "windowUpdate 0", "settings 0 ack"])
        client.receive(answer, now: start)
        #expect(describe(client.takeOutput()) == ["settings 0 ack"])
    }

    @Test func `a request and its answer`() {
        let server = server()
        var speaker = Speaker()
        let bytes =
            speaker.headers(1) + frame(.data, 0, 1, utf8("ab")) + frame(.data, 1, 1, utf8("c"))
        server.receive(bytes, now: start)
        let id = StreamID(1)
        #expect(
            server.takeEvents() == [
                .headers(id, Speaker.call, endStream: false),
                .data(id, utf8("ab"), endStream: false), .data(id, utf8("c"), endStream: true),
            ])
        server.sendHeaders(id, [HeaderField(":status", "200")], endStream: false)
        server.sendData(id, utf8("hello"), endStream: true)
        #expect(describe(server.takeOutput()) == ["headers 1", "data 1 (5) end"])
        #expect(server.openStreamCount == 0)
    }

    @Test func `padding and priority are taken off`() {
        let server = server()
        var speaker = Speaker()
        let block = speaker.block(Speaker.call)
        let padded = [3] + [0, 0, 0, 0, 9] + block + [0, 0, 0]
        server.receive(frame(.headers, 0x2c, 1, padded), now: start)
        server.receive(frame(.data, 0x9, 1, [2] + utf8("x") + [0, 0]), now: start)
        #expect(
            server.takeEvents() == [
                .headers(StreamID(1), Speaker.call, endStream: false),
                .data(StreamID(1), utf8("x"), endStream: true),
            ])
    }

    @Test func `a header block goes on in CONTINUATION frames`() {
        let server = server()
        var speaker = Speaker()
        let block = speaker.block(Speaker.call)
        server.receive(frame(.headers, 1, 1, Array(block[..<7])), now: start)
        server.receive(frame(.continuation, 0, 1, Array(block[7..<9])), now: start)
        server.receive(frame(.continuation, 4, 1, Array(block[9...])), now: start)
        #expect(
            server.takeEvents() == [.headers(StreamID(1), Speaker.call, endStream: true)])
    }

    @Test func `long header blocks are cut into frames and put together`() {
        var settings = HTTP2Settings()
        settings.maxHeaderListSize = 200_000
        let server = HTTP2Connection(role: .server, settings: settings)
        let client = HTTP2Connection(role: .client)
        let fields = Speaker.call + [HeaderField("x", String(repeating: "~", count: 60_000))]
        _ = client.sendRequest(fields, endStream: true)
        server.receive(client.takeOutput(), now: start)
        #expect(server.takeEvents() == [.headers(StreamID(1), fields, endStream: true)])
    }

    @Test func `pieces give the same events as the whole`() {
        var speaker = Speaker()
        var bytes = Speaker.greeting
        for stream in stride(from: UInt32(1), to: 41, by: 2) {
            bytes += speaker.headers(stream)
            bytes += frame(.data, 1, stream, [UInt8](repeating: 1, count: Int(stream) * 30))
            bytes += frame(.ping, 0, 0, [UInt8](repeating: 0, count: 8))
        }
        let whole = HTTP2Connection(role: .server)
        whole.receive(bytes, now: start)
        let events = whole.takeEvents()
        let output = whole.takeOutput()
        #expect(events.count == 40)
        var random = Random(seed: 5)
        for size in [1, 2, 3, 10, 100, 3000] {
            let server = HTTP2Connection(role: .server)
            for piece in bytes.pieces(&random, max: size) { server.receive(piece, now: start) }
            #expect(server.takeEvents() == events)
            #expect(server.takeOutput() == output)
        }
    }

    @Test func `draining lets open streams finish`() {
        let server = server()
        var speaker = Speaker()
        server.receive(speaker.headers(1, end: true), now: start)
        server.drain()
        #expect(describe(server.takeOutput()) == ["goAway 0 NO_ERROR"])
        server.receive(speaker.headers(3, end: true), now: start)
        #expect(server.takeEvents().count == 1)
        server.sendHeaders(StreamID(1), [HeaderField(":status", "200")], endStream: true)
        #expect(describe(server.takeOutput()) == ["headers 1 end"])
        #expect(server.takeEvents() == [.closed(.drained)])
    }

    @Test func `an answer before the end of its request stops the request`() {
        let server = server()
        var speaker = Speaker()
        server.receive(speaker.headers(1), now: start)
        server.sendHeaders(StreamID(1), [HeaderField(":status", "413")], endStream: true)
        #expect(describe(server.takeOutput()) == ["headers 1 end", "reset 1 NO_ERROR"])
        server.receive(frame(.data, 1, 1, utf8("late")), now: start)
        #expect(server.takeEvents().count == 1)
        #expect(server.takeOutput().isEmpty)
    }

    @Test func `pings are answered and told`() {
        let server = server()
        server.receive(frame(.ping, 0, 0, hex("0102030405060708")), now: start)
        #expect(server.takeOutput() == frame(.ping, 1, 0, hex("0102030405060708")))
        server.sendPing(9)
        #expect(server.takeOutput() == frame(.ping, 0, 0, hex("0000000000000009")))
        server.receive(frame(.ping, 1, 0, hex("0000000000000009")), now: start)
        #expect(server.takeEvents() == [.pingAcknowledged(9)])
    }

    @Test(arguments: [
        (frame(.data, 0, 1, []), "PROTOCOL_ERROR"), (frame(.data, 0, 0, []), "PROTOCOL_ERROR"),
        (frame(.headers, 4, 2, []), "PROTOCOL_ERROR"),
        (frame(.headers, 4, 1, [0xff, 0xff]), "COMPRESSION_ERROR"),
        (frame(.headers, 0, 1, []) + frame(.ping, 0, 0, []), "PROTOCOL_ERROR"),
        (frame(.continuation, 4, 1, []), "PROTOCOL_ERROR"),
        (frame(.headers, 0xc, 1, [9]), "PROTOCOL_ERROR"),
        (frame(.ping, 0, 0, [1]), "FRAME_SIZE_ERROR"),
        (frame(.settings, 0, 0, [1]), "FRAME_SIZE_ERROR"),
        (frame(.settings, 0, 1, []), "PROTOCOL_ERROR"),
        (frame(.settings, 0, 0, [0, 4] + number(0x8000_0000)), "FLOW_CONTROL_ERROR"),
        (frame(.settings, 0, 0, [0, 5] + number(1)), "PROTOCOL_ERROR"),
        (frame(.windowUpdate, 0, 0, number(0)), "PROTOCOL_ERROR"),
        (frame(.windowUpdate, 0, 0, number(0x7fff_ffff)), "FLOW_CONTROL_ERROR"),
        (frame(.windowUpdate, 0, 5, number(1)), "PROTOCOL_ERROR"),
        (frame(.reset, 0, 1, number(8)), "PROTOCOL_ERROR"),
        (frame(.reset, 0, 1, []), "FRAME_SIZE_ERROR"),
        (frame(.pushPromise, 4, 1, [0, 0, 0, 2]), "PROTOCOL_ERROR"),
        (frame(.data, 0, 1, [UInt8](repeating: 0, count: 16_385)), "FRAME_SIZE_ERROR"),
    ])
    func `what breaks the protocol ends the connection`(bytes: [UInt8], code: String) {
        let server = server()
        server.receive(bytes, now: start)
        #expect(describe(server.takeOutput()).last == "goAway 0 \(code)")
        let events = server.takeEvents()
        guard case .closed(.failed(.connection(let told, _)))? = events.last else {
            Issue.record("no end: \(events)")
            return
        }
        #expect("\(told)" == code)
        server.receive(bytes, now: start)
        #expect(server.takeEvents().isEmpty)
    }

    @Test func `a malformed request ends only its stream`() {
        let server = server()
        var speaker = Speaker()
        let bad = Speaker.call + [HeaderField("connection", "close")]
        server.receive(speaker.headers(1, bad) + speaker.headers(3, end: true), now: start)
        #expect(describe(server.takeOutput()) == ["reset 1 PROTOCOL_ERROR"])
        #expect(
            server.takeEvents() == [.headers(StreamID(3), Speaker.call, endStream: true)])
    }

    @Test func `a body of another length than declared ends its stream`() {
        let server = server()
        var speaker = Speaker()
        let fields = Speaker.call + [HeaderField("content-length", "4")]
        server.receive(speaker.headers(1, fields) + frame(.data, 1, 1, [1, 2]), now: start)
        #expect(describe(server.takeOutput()) == ["reset 1 PROTOCOL_ERROR"])
    }

    @Test func `a bad preface is refused`() {
        let server = HTTP2Connection(role: .server)
        server.receive(utf8("PRI * HTTP/1.0\r\n\r\n"), now: start)
        #expect(describe(server.takeOutput()).last == "goAway 0 PROTOCOL_ERROR")
    }

    @Test func `streams beyond the limit are refused`() {
        var settings = HTTP2Settings()
        settings.maxConcurrentStreams = 2
        let server = server(settings)
        var speaker = Speaker()
        server.receive(
            speaker.headers(1) + speaker.headers(3) + speaker.headers(5), now: start)
        #expect(describe(server.takeOutput()) == ["reset 5 REFUSED_STREAM"])
        #expect(server.openStreamCount == 2)
    }

    @Test func `the stream table finds what a dictionary finds`() {
        var random = Random(seed: 11)
        var table = StreamTable()
        var twin: [UInt32: HTTP2Stream] = [:]
        var numbers: [UInt32] = []
        for step in 0..<20_000 {
            if numbers.isEmpty || random.chance(percent: 52) {
                let number = UInt32(step * 2 + 1)
                let stream = table.makeStream()
                stream.begin(number, sendWindow: 0, receiveWindow: 0)
                table.insert(stream)
                twin[number] = stream
                numbers.append(number)
            } else {
                let at = random.below(numbers.count)
                numbers.swapAt(at, numbers.count - 1)
                let number = numbers.removeLast()
                if let stream = twin.removeValue(forKey: number) { table.remove(stream) }
                #expect(table[number] == nil)
            }
            let probe = UInt32(random.below(step + 1) * 2 + 1)
            #expect(table[probe] === twin[probe])
            #expect(table.count == twin.count)
        }
    }
}
