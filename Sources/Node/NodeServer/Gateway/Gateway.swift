// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Formats
internal import HTTP

// The API as JSON over HTTP, for those who do not speak gRPC.
//
//   HTTPChannel (HTTP/1.1) ──┐                        ┌─► handlers of Clients/, the same as
//   PlainStream (HTTP/2) ────┼─► GatewayCall ─────────┤   gRPC's: KV, Watch, Lease …
//   WebSocketChannel ────────┘   a GatewaySink takes  └── CallCarrier takes their answers
//                                the answers away
//
//   AccessControl   who may ask from a browser (CORS), and under which names of this host
//   Gateway         which path is which method
//   GatewayCall     one call: JSON in, protobuf to the handler, protobuf back, JSON out
//
// A unary call is answered when its request is all there; of several JSON values the first counts.
// A stream of the client's (Watch, LeaseKeepAlive) takes each value as it comes, and its answers
// are lines of `{"result":…}`. A slow reader is told of by `queuedBytes`, as gRPC's is: its
// watchers fall behind and read history later, a snapshot waits.

/// Which requests are the gateway's.
struct Gateway {
    enum Target {
        case rpc(RPC)
        /// No method is there.
        case nothing
    }

    enum Route {
        /// Not under `/v3/`.
        case elsewhere
        case answer(HTTPResponse)
        case call(RPC)
        case webSocket(Target)
    }

    func route(_ head: HTTPRequestHead) -> Route {
        let path = head.path
        guard path.hasPrefix("/v3/") else {
            return path == "/v3" ? .answer(Gateway.moved(head, to: "/v3/")) : .elsewhere
        }
        let rpc = Services.rpc(gatewayPath: path)
        if WebSocketHandshake.isAsked(head) { return .webSocket(rpc.map(Target.rpc) ?? .nothing) }
        guard let rpc else { return .answer(Gateway.notFound) }
        guard head.method == "POST" else {
            return .answer(HTTPEndpoints.error(405, "Method Not Allowed"))
        }
        return .call(rpc)
    }

    static let notFound = HTTPEndpoints.error(404, "Not Found")

    /// With words only for who may show them.
    private static func moved(_ head: HTTPRequestHead, to path: String) -> HTTPResponse {
        let location = HeaderField("location", path)
        guard head.method == "GET" || head.method == "HEAD" else {
            return HTTPResponse(status: 301, headers: [location])
        }
        return HTTPResponse(
            status: 301,
            headers: [HeaderField("content-type", "text/html; charset=utf-8"), location],
            body: Array("<a href=\"\(path)\">Moved Permanently</a>.\n\n".utf8))
    }
}

/// Takes a gateway call's answer to its client: once `respond`, or `begin`, some `write` and
/// `finish`.
protocol GatewaySink: AnyObject {
    func respond(_ response: HTTPResponse)
    func begin(_ head: HTTPResponseHead)
    func write(_ bytes: [UInt8])
    func finish()
    /// Given to the sink and not yet written to the socket.
    var queuedBytes: Int { get }
}
