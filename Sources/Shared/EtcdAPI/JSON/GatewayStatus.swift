// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// gRPC's codes as HTTP statuses, and errors as JSON. Bodies are those of etcd 3.5, which say the
/// text twice; readers of 3.6's find all they look for.
package enum GatewayStatus {
    /// The status of a response that failed with this code.
    package static func http(_ code: Int) -> Int {
        switch code {
        case 0: 200
        case 1: 408
        case 3, 9, 11: 400
        case 4: 504
        case 5: 404
        case 6, 10: 409
        case 7: 403
        case 8: 429
        case 12: 501
        case 14: 503
        case 16: 401
        default: 500
        }
    }

    package static func body(code: Int, message: String) -> [UInt8] {
        JSON.bytes(
            .object([
                ("error", .string(message)), ("code", .integer(Int64(code))),
                ("message", .string(message)),
            ]))
    }

    /// The line that ends a stream; `phrase` is the words of the HTTP status.
    package static func streamBody(code: Int, message: String, phrase: String) -> [UInt8] {
        JSON.bytes(
            .object([
                (
                    "error",
                    .object([
                        ("grpc_code", .integer(Int64(code))),
                        ("http_code", .integer(Int64(http(code)))), ("message", .string(message)),
                        ("http_status", .string(phrase)),
                    ])
                )
            ]))
    }
}
