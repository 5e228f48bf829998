// SPDX-License-Identifier: Apache-2.0

/// Where an instance of a service is, as a SRV record of DNS has it.
package struct ServiceRecord: Equatable, Sendable {
    /// Without the dot at its end.
    package var host: String
    package var port: UInt16
    package var priority: UInt16
}

/// A question for SRV records and the answer to it, in the form of RFC 1035. Answers are not to be
/// trusted: everything is looked at before it is used.
struct ServiceMessage {
    private static let serviceKind: UInt16 = 33
    /// Answers up to this size come in one datagram.
    static let byteMax = 4096
    private static let nameByteMax = 255

    let responseCode: UInt8
    let isCut: Bool
    private(set) var records: [ServiceRecord] = []

    /// Nil for what is no name of DNS.
    static func question(_ name: String, id: UInt16) -> [UInt8]? {
        // Recursion wanted; one question, and one addition that tells `byteMax`.
        var bytes: [UInt8] = [
            UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1,
        ]
        let labels = name.utf8.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard name.utf8.count < nameByteMax - 1 else { return nil }
        for label in labels {
            guard (1...63).contains(label.count) else { return nil }
            bytes.append(UInt8(label.count))
            bytes += label
        }
        bytes += [0, 0, UInt8(serviceKind), 0, 1]
        bytes += [0, 0, 41, UInt8(byteMax >> 8), UInt8(byteMax & 0xff), 0, 0, 0, 0, 0, 0]
        return bytes
    }

    /// Nil for what is no answer to the question with this number.
    init?(_ bytes: [UInt8], id: UInt16) {
        var reader = Reader(bytes)
        guard let number = reader.short(), number == id, let flags = reader.short(),
            flags & 0x8000 != 0, let questions = reader.short(), let answers = reader.short(),
            reader.short() != nil, reader.short() != nil
        else { return nil }
        responseCode = UInt8(flags & 15)
        isCut = flags & 0x0200 != 0
        for _ in 0..<questions {
            guard reader.name() != nil, reader.short() != nil, reader.short() != nil else {
                return nil
            }
        }
        for _ in 0..<answers {
            guard reader.name() != nil, let kind = reader.short(), reader.short() != nil,
                reader.short() != nil, reader.short() != nil, let length = reader.short(),
                let end = reader.end(after: Int(length))
            else { return nil }
            if kind == ServiceMessage.serviceKind {
                guard let priority = reader.short(), reader.short() != nil,
                    let port = reader.short(), let host = reader.name(), reader.place == end
                else { return nil }
                records.append(ServiceRecord(host: host, port: port, priority: priority))
            }
            reader.place = end
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var place = 0

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        func end(after count: Int) -> Int? {
            place + count <= bytes.count ? place + count : nil
        }

        mutating func short() -> UInt16? {
            guard let end = end(after: 2) else { return nil }
            defer { place = end }
            return UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
        }

        /// Goes on behind the name; what a pointer leads to must lie before it.
        mutating func name() -> String? {
            var text: [UInt8] = []
            var at = place
            var limit = bytes.count
            var isBehindPointer = false
            while true {
                guard at < limit else { return nil }
                let size = Int(bytes[at])
                if size == 0 {
                    if !isBehindPointer { place = at + 1 }
                    return String(decoding: text, as: UTF8.self)
                }
                if size & 0xc0 == 0xc0 {
                    guard at + 1 < bytes.count else { return nil }
                    let target = (size & 0x3f) << 8 | Int(bytes[at + 1])
                    guard target < at else { return nil }
                    if !isBehindPointer { place = at + 2 }
                    isBehindPointer = true
                    limit = at
                    at = target
                    continue
                }
                guard size < 64, at + 1 + size <= limit else { return nil }
                if !text.isEmpty { text.append(0x2e) }
                text += bytes[(at + 1)..<(at + 1 + size)]
                guard text.count <= ServiceMessage.nameByteMax else { return nil }
                at += 1 + size
            }
        }
    }
}
