// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A running sum over everything that happens. Two runs of one seed have the same sum, or something
/// in them depends on what it must not (the order of a Dictionary, a clock, an address).
struct Trace {
    enum Kind: UInt64 {
        case input, output, message, disk, start, crash, fault, call, answer, deliver, commit
    }

    private var crc = CRC32C()
    private var buffer = ByteWriter(capacity: 8_192)
    private(set) var eventCount = 0
    /// Lines for a person, when asked for.
    var sink: ((String) -> Void)?

    mutating func add(_ kind: Kind, at time: Int64, _ place: Int, _ first: UInt64, _ second: UInt64)
    {
        eventCount += 1
        buffer.appendLittleEndian(UInt64(bitPattern: time))
        buffer.appendLittleEndian(kind.rawValue << 32 | UInt64(truncatingIfNeeded: place))
        buffer.appendLittleEndian(first)
        buffer.appendLittleEndian(second)
        if buffer.count >= 8_000 { flush() }
    }

    private mutating func flush() {
        crc.update(buffer.bytes)
        buffer = ByteWriter(capacity: 8_192)
    }

    var hash: UInt32 {
        mutating get {
            flush()
            return crc.value
        }
    }
}
