// SPDX-License-Identifier: Apache-2.0

/// Who answers at an address where no etcd client port is, told by its first bytes.
package enum Stranger: Equatable, Sendable {
    /// A web server, or etcd's peer port.
    case http1
    /// It wants TLS first.
    case tls
    /// It ended the connection without a word.
    case silent
    case other

    /// Nil if the bytes can begin an HTTP/2 connection: its first frame is SETTINGS (RFC 9113,
    /// section 3.4), nine bytes of head with the type in the fourth.
    init?(firstBytes: [UInt8]) {
        if firstBytes.isEmpty {
            self = .silent
        } else if firstBytes.starts(with: Array("HTTP/1".utf8)) {
            self = .http1
        } else if firstBytes.count >= 2, (0x14...0x17).contains(firstBytes[0]),
            firstBytes[1] == 3
        {
            self = .tls
        } else if firstBytes.count >= 4, firstBytes[3] == 4 {
            return nil
        } else {
            self = .other
        }
    }
}

extension Stranger: CustomStringConvertible {
    package var description: String {
        switch self {
        case .http1: "speaks HTTP/1.1 only, as a web server or etcd's peer port does"
        case .tls: "wants TLS"
        case .silent: "took the connection and ended it without a word"
        case .other: "does not speak HTTP/2"
        }
    }
}
