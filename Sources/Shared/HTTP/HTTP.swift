// SPDX-License-Identifier: Apache-2.0

// Bytes to requests and back: HTTP/1.1, HTTP/2 with HPACK, and gRPC over it. No socket, no clock,
// no thread: the shell hands in the bytes it read and writes the bytes it is given.
//
//      bytes in                                               bytes out
//         │ receive(_:now:)                       takeOutput(limit:) ▲
//   ┌─────▼──────────────────────────────────────────────────────────┴─┐
//   │ HTTP2Engine   frames, streams, windows, guards, HPACK both ways  │
//   └─────┬──────────────────────────────────────────────────────────▲─┘
//         │ whole header lists, pieces of data                        │
//   GRPCServer / GRPCClient (whole messages) or HTTP2Connection (plain) → takeEvents(into:)
//
//   HTTP1Server, HTTP1Client     the same shape over HTTP/1.1, one exchange at a time
//   WebSocketServer              messages over a connection that was upgraded from HTTP/1.1
//   ProtocolSniffer              which of them a new connection needs
//
// Every machine is confined to one thread and follows one habit: hand in bytes, take the events,
// act on them, take the output; taking output may itself lead to `.writable` events.
//
// What holds:
// - A peer's bytes never trap and never grow memory without bound: each buffer has its limit.
// - The order of header blocks on the wire is the order in which they were encoded, so HPACK state
//   of both ends agrees; queued trailers are encoded when their turn comes.
// - Data of one stream leaves in the order it was given; between streams it takes turns, a frame
//   each.
// - After `.closed` a machine is silent but for the output that says why.

/// Why bytes are not acceptable HTTP.
package enum HTTPError: Error, Equatable, Sendable {
    /// HTTP/1.1 syntax; a server answers 400.
    case malformed(String)
    /// A head or body beyond its limit; a server answers 431 or 413.
    case tooLarge(String)
    /// Legal, but not done here; a server answers 501.
    case unsupported(String)
    /// The bytes ended in the middle.
    case truncated
    /// A broken header block (RFC 7541); the connection cannot go on.
    case compression(String)
    /// HTTP/2: the connection ends with this code.
    case connection(HTTP2ErrorCode, String)
}

/// A stream of one HTTP/2 connection. Numbers are never used twice on a connection.
package struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: UInt32

    package init(_ number: UInt32) {
        self.number = number
    }

    package var description: String { "\(number)" }

    package static func < (left: StreamID, right: StreamID) -> Bool { left.number < right.number }
}

/// Why a connection is over.
package enum CloseReason: Equatable, Sendable {
    /// Every stream ended after `drain()` or after the peer's GOAWAY.
    case drained
    /// The peer broke the protocol; the output holds our GOAWAY.
    case failed(HTTPError)
    /// The transport ended.
    case transportEnded
}
