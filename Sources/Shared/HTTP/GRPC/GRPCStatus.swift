// SPDX-License-Identifier: Apache-2.0

/// How a call ended: a code of gRPC's table and a text.
package struct GRPCStatus: Error, Equatable, Sendable, CustomStringConvertible {
    package struct Code: Hashable, Sendable {
        package let number: Int

        package init(_ number: Int) {
            self.number = number
        }

        package static let ok = Code(0)
        package static let cancelled = Code(1)
        package static let unknown = Code(2)
        package static let invalidArgument = Code(3)
        package static let deadlineExceeded = Code(4)
        package static let notFound = Code(5)
        package static let alreadyExists = Code(6)
        package static let permissionDenied = Code(7)
        package static let resourceExhausted = Code(8)
        package static let failedPrecondition = Code(9)
        package static let aborted = Code(10)
        package static let outOfRange = Code(11)
        package static let unimplemented = Code(12)
        package static let internalError = Code(13)
        package static let unavailable = Code(14)
        package static let dataLoss = Code(15)
        package static let unauthenticated = Code(16)
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String = "") {
        self.code = code
        self.message = message
    }

    package static let ok = GRPCStatus(.ok)

    package var description: String { "code \(code.number): \(message)" }

    static func tooLarge(_ count: Int, _ limit: Int) -> GRPCStatus {
        GRPCStatus(
            .resourceExhausted, "grpc: received message larger than max (\(count) vs. \(limit))")
    }

    static let tooMuchHeld = GRPCStatus(
        .resourceExhausted, "too many bytes of unfinished messages on one connection")

    /// What a stream's reset means to a caller (the table of gRPC over HTTP/2, "Errors").
    init(reset code: HTTP2ErrorCode) {
        let meaning: Code
        switch code {
        case .refusedStream: meaning = .unavailable
        case .cancel: meaning = .cancelled
        case .enhanceYourCalm: meaning = .resourceExhausted
        case .inadequateSecurity: meaning = .permissionDenied
        default: meaning = .internalError
        }
        self.init(meaning, "stream terminated by RST_STREAM with error code: \(code)")
    }

    /// What an answer that is no gRPC means to a caller.
    init(httpStatus: Int, contentType: String) {
        let meaning: Code
        switch httpStatus {
        case 400: meaning = .internalError
        case 401: meaning = .unauthenticated
        case 403: meaning = .permissionDenied
        case 404: meaning = .unimplemented
        case 429, 502, 503, 504: meaning = .unavailable
        default: meaning = .unknown
        }
        self.init(
            meaning,
            "unexpected HTTP status code received from server: \(httpStatus) "
                + "(\(HTTPStatus.phrase(httpStatus))); content-type \"\(contentType)\"")
    }

    // MARK: grpc-message

    /// Bytes outside of printable ASCII, and `%`, go out as `%XX`.
    static func percentEncoded(_ text: String) -> String {
        if text.utf8.allSatisfy({ 0x20...0x7e ~= $0 && $0 != 0x25 }) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if 0x20...0x7e ~= byte, byte != 0x25 {
                bytes.append(byte)
            } else {
                bytes.append(0x25)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What is no escape stays as it is.
    static func percentDecoded(_ text: String) -> String {
        let source = Array(text.utf8)
        if !source.contains(0x25) { return text }
        var bytes: [UInt8] = []
        var at = 0
        while at < source.count {
            if source[at] == 0x25, at + 2 < source.count, let high = nibble(source[at + 1]),
                let low = nibble(source[at + 2])
            {
                bytes.append(high << 4 | low)
                at += 3
            } else {
                bytes.append(source[at])
                at += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
