// SPDX-License-Identifier: Apache-2.0

/// Bytes of a stream as they come, taken off in front.
struct StreamBuffer {
    private var bytes: [UInt8] = []
    private var at = 0

    var count: Int { bytes.count - at }

    mutating func append(_ more: [UInt8]) {
        if at == bytes.count {
            bytes = more
            at = 0
            return
        }
        if at > 1 << 16, at > bytes.count / 2 {
            bytes.removeFirst(at)
            at = 0
        }
        bytes += more
    }

    mutating func takeByte() -> UInt8? {
        guard count >= 1 else { return nil }
        defer { at += 1 }
        return bytes[at]
    }

    /// Big-endian.
    mutating func takeNumber() -> UInt64? {
        guard count >= 8 else { return nil }
        defer { at += 8 }
        return bytes[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func take(_ wanted: Int) -> [UInt8]? {
        guard count >= wanted else { return nil }
        defer { at += wanted }
        return Array(bytes[at..<at + wanted])
    }

    mutating func takeAll() -> [UInt8] {
        defer {
            bytes = []
            at = 0
        }
        return at == 0 ? bytes : Array(bytes[at...])
    }
}
