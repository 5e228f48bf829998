// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import HTTP

/// /v2/auth: there are no users and roles of v2, and this says so in v2's words.
struct V2AuthCall {
    private static let root =
        #"{"role":"root","permissions":{"kv":{"read":["/*"],"write":["/*"]}}}"#
    private static let refusal =
        "auth: users and roles of the v2 API are not supported; use those of the v3 API"

    private let endpoints: V2Endpoints
    private let exchange: HTTPExchange

    init(_ endpoints: V2Endpoints, _ exchange: HTTPExchange) {
        self.endpoints = endpoints
        self.exchange = exchange
    }

    func start(_ request: HTTPRequest, path: String) {
        let parts = path.split(separator: "/").map(String.init)
        let isGet = request.head.method == "GET"
        let methods =
            parts.count == 1 && parts[0] != "enable" ? ["GET"] : ["GET", "PUT", "DELETE"]
        guard let kind = parts.first, ["enable", "users", "roles"].contains(kind),
            parts.count <= (kind == "enable" ? 1 : 2)
        else {
            return exchange.respond(HTTPEndpoints.error(404, "404 page not found"))
        }
        if endpoints.refuses(request, methods, exchange) { return }
        switch (kind, parts.count) {
        case ("enable", _): enable(request.head.method)
        case ("users", 1): good(#"{"users":null}"#)
        case ("roles", 1): good(#"{"roles":["# + Self.root + "]}")
        case ("users", _) where isGet: bad(404, "auth: User \(parts[1]) does not exist.")
        case ("roles", _) where isGet && parts[1] == "root": good(Self.root)
        case ("roles", _) where isGet: bad(404, "auth: Role \(parts[1]) does not exist.")
        default: bad(400, Self.refusal)
        }
    }

    private func enable(_ method: String) {
        switch method {
        case "GET": good(#"{"enabled":false}"#)
        case "DELETE": bad(409, "auth: already disabled")
        default: bad(409, "auth: No root user available, please create one")
        }
    }

    private func good(_ text: String) { exchange.respond(endpoints.json(200, text + "\n")) }
    private func bad(_ status: Int, _ text: String) {
        exchange.respond(endpoints.message(status, text))
    }
}
