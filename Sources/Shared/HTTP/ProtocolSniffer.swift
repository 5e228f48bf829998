// SPDX-License-Identifier: Apache-2.0

/// Tells from its first bytes what a new connection speaks.
package enum ProtocolSniffer {
    package enum Verdict: Equatable, Sendable {
        /// Too few bytes to tell; ask again with more.
        case undecided
        case http1
        case http2
        /// A TLS handshake record.
        case tls
    }

    /// `bytes` is all that has come so far.
    package static func look(_ bytes: [UInt8]) -> Verdict {
        guard let first = bytes.first else { return .undecided }
        if first == 0x16 { return .tls }
        let preface = HTTP2Engine.preface
        for index in 0..<min(bytes.count, preface.count) where bytes[index] != preface[index] {
            return .http1
        }
        // No HTTP/1 method begins like this, so a few bytes would do; all are asked for anyway.
        return bytes.count >= preface.count ? .http2 : .undecided
    }
}
