// SPDX-License-Identifier: Apache-2.0
package import Formats

/// What an API server answered.
package struct KubeResponse: Sendable {
    package var code: Int
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(code: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.code = code
        self.headers = headers
        self.body = body
    }

    /// The first one with this name, letters in whatever case.
    package func header(_ name: String) -> String? {
        headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }

    package var isSuccess: Bool { (200..<300).contains(code) }

    package static func json(_ value: JSONValue, code: Int = 200) -> KubeResponse {
        KubeResponse(
            code: code, headers: [("Content-Type", "application/json")],
            body: JSON.bytes(value, style: JSON.Style(escapesHTML: false)))
    }

    package static func failure(_ error: StatusError) -> KubeResponse {
        var response = json(error.json, code: error.code)
        if let seconds = error.retryAfter { response.headers.append(("Retry-After", "\(seconds)")) }
        return response
    }

    package func object() throws(StatusError) -> KubeObject {
        guard case .object(let members) = try json() else {
            throw .internalError("the answer is no object")
        }
        return KubeObject(members)
    }

    package func list() throws(StatusError) -> KubeList {
        guard let list = KubeList(try json()) else {
            throw .internalError("the answer is no list")
        }
        return list
    }

    /// The body of a success; throws what the server refused with.
    package func json() throws(StatusError) -> JSONValue {
        let value: JSONValue?
        do throws(FormatError) { value = try JSON.parse(body) } catch { value = nil }
        guard isSuccess else { throw failure(value) }
        guard let value else { throw .internalError("the answer is no JSON") }
        return value
    }

    /// Proxies in between answer without a `Status`.
    private func failure(_ value: JSONValue?) -> StatusError {
        let seconds = header("Retry-After").flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        if var error = value.flatMap({ StatusError($0) }) {
            error.retryAfter = error.retryAfter ?? seconds
            error.code = code
            return error
        }
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        return StatusError(
            code: code, reason: Self.reason(of: code),
            message: text.isEmpty ? "the server answered \(code)" : text, retryAfter: seconds)
    }

    private static func reason(of code: Int) -> String {
        switch code {
        case 400: "BadRequest"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "NotFound"
        case 409: "Conflict"
        case 410: "Gone"
        case 422: "Invalid"
        case 429: "TooManyRequests"
        case 503: "ServiceUnavailable"
        case 504: "Timeout"
        default: code >= 500 ? "InternalError" : "Unknown"
        }
    }
}

extension KubeResponse: Equatable {
    package static func == (left: KubeResponse, right: KubeResponse) -> Bool {
        left.code == right.code && left.body == right.body
            && left.headers.elementsEqual(right.headers, by: ==)
    }
}

/// A page of a list.
package struct KubeList: Equatable, Sendable {
    /// With `apiVersion` and `kind`, which servers leave out in the items of a list.
    package var items: [KubeObject]
    package var resourceVersion: String
    /// Empty after the last page.
    package var continueToken: String

    package init(items: [KubeObject], resourceVersion: String, continueToken: String = "") {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }

    /// Nil if it is no list.
    package init?(_ json: JSONValue) {
        guard let kind = json["kind"]?.string, kind.hasSuffix("List") else { return nil }
        let version = json["apiVersion"]?.string ?? ""
        items = (json["items"]?.array ?? []).compactMap(\.object).map { members in
            var item = KubeObject(members)
            if item.kind.isEmpty { item.kind = String(kind.dropLast("List".count)) }
            if item.apiVersion.isEmpty { item.apiVersion = version }
            return item
        }
        let metadata = json["metadata"]
        resourceVersion = metadata?["resourceVersion"]?.string ?? ""
        continueToken = metadata?["continue"]?.string ?? ""
    }

    package func json(as kind: ResourceKind) -> JSONValue {
        var metadata: [(String, JSONValue)] = [("resourceVersion", .string(resourceVersion))]
        if !continueToken.isEmpty { metadata.append(("continue", .string(continueToken))) }
        return .object([
            ("kind", .string(kind.kind + "List")), ("apiVersion", .string(kind.apiVersion)),
            ("metadata", .object(metadata)), ("items", .array(items.map { .object($0.json) })),
        ])
    }
}
