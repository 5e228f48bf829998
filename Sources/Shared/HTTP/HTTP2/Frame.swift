// SPDX-License-Identifier: Apache-2.0

/// The code of RST_STREAM and GOAWAY (RFC 9113, section 7). Unknown numbers are kept.
package struct HTTP2ErrorCode: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt32

    package init(_ number: UInt32) {
        self.number = number
    }

    package static let noError = HTTP2ErrorCode(0)
    package static let protocolError = HTTP2ErrorCode(1)
    package static let internalError = HTTP2ErrorCode(2)
    package static let flowControlError = HTTP2ErrorCode(3)
    package static let settingsTimeout = HTTP2ErrorCode(4)
    package static let streamClosed = HTTP2ErrorCode(5)
    package static let frameSizeError = HTTP2ErrorCode(6)
    package static let refusedStream = HTTP2ErrorCode(7)
    package static let cancel = HTTP2ErrorCode(8)
    package static let compressionError = HTTP2ErrorCode(9)
    package static let connectError = HTTP2ErrorCode(10)
    package static let enhanceYourCalm = HTTP2ErrorCode(11)
    package static let inadequateSecurity = HTTP2ErrorCode(12)
    package static let http11Required = HTTP2ErrorCode(13)

    private static let names = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
        "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
        "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    package var description: String {
        number < Self.names.count ? Self.names[Int(number)] : "\(number)"
    }
}

enum FrameType: UInt8 {
    case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate
    case continuation
}

enum FrameFlag {
    static let endStream: UInt8 = 0x1
    static let acknowledged: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4
    static let padded: UInt8 = 0x8
    static let priority: UInt8 = 0x20
}

extension [UInt8] {
    /// Nine bytes: length, type, flags, stream.
    @inline(__always)
    mutating func appendFrame(_ type: FrameType, flags: UInt8, stream: UInt32, count: Int) {
        let word =
            UInt64(truncatingIfNeeded: count) << 40 | UInt64(type.rawValue) << 32
            | UInt64(flags) << 24 | UInt64(stream >> 8)
        append(bigEndian: word)
        append(UInt8(truncatingIfNeeded: stream))
    }
}

/// What one end of a connection announces and keeps to.
package struct HTTP2Settings: Equatable, Sendable {
    /// Streams that the peer may have open at once.
    package var maxConcurrentStreams = 1 << 20
    /// Bytes that a peer may send on a stream before we take any of them.
    package var streamWindow = 1 << 20
    /// The same for all streams together.
    package var connectionWindow = 16 << 20
    /// A header list as RFC 7541, section 4.1 counts it.
    package var maxHeaderListSize = 65_536
    /// `.writable` is told when a queue that was above the first falls to the second.
    package var highWater = 256 << 10
    package var lowWater = 64 << 10
    package var pingPolicy: PingPolicy?

    package init() {}
}

/// How often a client may ping (gRPC's keepalive enforcement): more than two pings that come too
/// early end the connection with ENHANCE_YOUR_CALM and `too_many_pings`.
package struct PingPolicy: Equatable, Sendable {
    package var minInterval: Duration
    /// Whether that interval also holds while no call is open; otherwise it is two hours then.
    package var permitsWithoutStreams: Bool

    package init(minInterval: Duration, permitsWithoutStreams: Bool) {
        self.minInterval = minInterval
        self.permitsWithoutStreams = permitsWithoutStreams
    }
}
