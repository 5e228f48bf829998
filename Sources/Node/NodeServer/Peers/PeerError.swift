// SPDX-License-Identifier: Apache-2.0
internal import HTTP
internal import Net

/// Why another member could not be spoken to, or said what cannot be right.
enum PeerError: Error, Equatable, CustomStringConvertible {
    case net(NetError)
    case http(HTTPError)
    /// An answer with a status that means no.
    case status(Int, text: String)
    case closed
    case timedOut
    case unusableURL(String)
    case frameTooLong(UInt64)
    case unknownFrame(UInt8)
    case undecodable(String)
    /// The store could not be written out or read back.
    case store(String)

    /// One word or two; failures of the same kind are told rarely.
    var kind: String {
        switch self {
        case .net(.lookup(_)): "lookup"
        case .net: "network"
        case .http: "http"
        case .status(let status, _): "status \(status)"
        case .closed: "closed"
        case .timedOut: "timeout"
        case .unusableURL: "url"
        case .frameTooLong, .unknownFrame, .undecodable: "bytes"
        case .store: "store"
        }
    }

    var description: String {
        switch self {
        case .net(let error): "\(error)"
        case .http(let error): "\(error)"
        case .status(let status, let text): "status \(status): \(text)"
        case .closed: "the connection was closed"
        case .timedOut: "no answer in time"
        case .unusableURL(let url):
            "peer URL \(url) cannot be dialled"
        case .frameTooLong(let count): "a frame of \(count) bytes"
        case .unknownFrame(let type): "a frame of unknown type \(type)"
        case .undecodable(let reason): "a message that does not decode: \(reason)"
        case .store(let reason): reason
        }
    }
}
