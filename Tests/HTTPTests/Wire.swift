// SPDX-License-Identifier: Apache-2.0
import Bytes

@testable import HTTP

let start = Instant(nanoseconds: 1_000_000_000)

/// Hexadecimal digits, spaces between them as one likes.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] * 16 + digits[$0 + 1])
    }
}

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

func frame(_ type: FrameType, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendFrame(type, flags: flags, stream: stream, count: payload.count)
    return bytes + payload
}

func number(_ value: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: value)
    return bytes
}

/// One frame in words, such as `HEADERS 1 end` or `DATA 3 (5)`.
func describe(_ bytes: [UInt8]) -> [String] {
    var lines: [String] = []
    var at = 0
    if bytes.starts(with: HTTP2Engine.preface) {
        lines.append("preface")
        at = HTTP2Engine.preface.count
    }
    while bytes.count - at >= 9 {
        let count = Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])
        let stream = bytes[at + 5..<at + 9].reduce(0) { $0 << 8 | Int($1) }
        let payload = bytes[at + 9..<at + 9 + count]
        var line = "\(FrameType(rawValue: bytes[at + 3]).map { "\($0)" } ?? "unknown") \(stream)"
        if bytes[at + 3] == 0 { line += " (\(count))" }
        if bytes[at + 3] == 3 || bytes[at + 3] == 7 {
            let code = payload.suffix(from: payload.startIndex + (bytes[at + 3] == 7 ? 4 : 0))
            line += " \(HTTP2ErrorCode(code.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }))"
        }
        if bytes[at + 4] & 1 != 0 {
            line += [4, 6].contains(bytes[at + 3]) ? " ack" : " end"
        }
        lines.append(line)
        at += 9 + count
    }
    if at != bytes.count { lines.append("rest (\(bytes.count - at))") }
    return lines
}

/// A client's greeting and header blocks as any client would send them.
struct Speaker {
    var encoder = HPACKEncoder()

    static let greeting = HTTP2Engine.preface + frame(.settings, 0, 0, [])

    static let call = [
        HeaderField(":method", "POST"), HeaderField(":scheme", "http"),
        HeaderField(":path", "/etcdserverpb.KV/Put"), HeaderField(":authority", "a:2379"),
        HeaderField("content-type", "application/grpc"), HeaderField("te", "trailers"),
    ]

    mutating func block(_ fields: [HeaderField]) -> [UInt8] {
        var bytes: [UInt8] = []
        encoder.encode(fields, into: &bytes)
        return bytes
    }

    mutating func headers(
        _ stream: UInt32, _ fields: [HeaderField] = call, end: Bool = false
    ) -> [UInt8] {
        frame(.headers, end ? 5 : 4, stream, block(fields))
    }

    static func message(_ bytes: [UInt8]) -> [UInt8] {
        [0] + number(UInt32(bytes.count)) + bytes
    }
}

extension [UInt8] {
    /// The same bytes in pieces of random sizes.
    func pieces(_ random: inout Random, max: Int) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var at = 0
        while at < count {
            let size = Swift.min(count - at, 1 + random.below(max))
            pieces.append(Array(self[at..<at + size]))
            at += size
        }
        return pieces
    }
}

/// A gRPC client and server with a wire between them.
final class Pair {
    let client: GRPCClient
    let server: GRPCServer
    var clientEvents: [GRPCClient.Event] = []
    var serverEvents: [GRPCServer.Event] = []
    var now = start
    var bytesToClient = 0

    init(
        server settings: GRPCServerSettings = GRPCServerSettings(),
        client clientSettings: HTTP2Settings = HTTP2Settings()
    ) {
        client = GRPCClient(authority: "test", settings: clientSettings)
        server = GRPCServer(settings: settings)
    }

    /// Carries bytes both ways until nothing moves; `serve` may answer events as they come.
    func run(limit: Int = 1 << 20, _ serve: (GRPCServer.Event) -> Void = { _ in }) {
        while true {
            let up = client.takeOutput(limit: limit)
            server.receive(up, now: now)
            let events = server.takeEvents()
            events.forEach(serve)
            serverEvents += events
            let down = server.takeOutput(limit: limit)
            bytesToClient += down.count
            client.receive(down, now: now)
            clientEvents += client.takeEvents()
            serverEvents += server.takeEvents()
            if up.isEmpty, down.isEmpty, events.isEmpty { return }
        }
    }
}
