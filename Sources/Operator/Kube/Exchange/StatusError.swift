// SPDX-License-Identifier: Apache-2.0
package import Formats

/// The API's answer to what it did not do: `metav1.Status`. The texts are a real API server's.
package struct StatusError: Error, Equatable, Sendable {
    package var code: Int
    /// `NotFound`, `Conflict` …; the programs' part.
    package var reason: String
    /// The people's part.
    package var message: String
    package var details: JSONValue?
    /// Seconds.
    package var retryAfter: Int?

    package init(
        code: Int, reason: String, message: String, details: JSONValue? = nil,
        retryAfter: Int? = nil
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retryAfter = retryAfter
    }

    /// Nil if it is no `Status` that tells of a failure.
    package init?(_ json: JSONValue) {
        guard json["kind"]?.string == "Status", json["status"]?.string != "Success"
        else { return nil }
        let details = json["details"]
        self.init(
            code: json["code"]?.int64.flatMap { Int(exactly: $0) } ?? 500,
            reason: json["reason"]?.string ?? "", message: json["message"]?.string ?? "",
            details: details,
            retryAfter: details?["retryAfterSeconds"]?.int64.flatMap { Int(exactly: $0) })
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("kind", "Status"), ("apiVersion", "v1"), ("metadata", .object([])),
            ("status", "Failure"), ("message", .string(message)),
        ]
        if !reason.isEmpty { members.append(("reason", .string(reason))) }
        var details = details?.object ?? JSONObject()
        if let retryAfter { details["retryAfterSeconds"] = .integer(Int64(retryAfter)) }
        if !details.isEmpty { members.append(("details", .object(details))) }
        members.append(("code", .integer(Int64(code))))
        return .object(members)
    }

    package var isNotFound: Bool { reason == "NotFound" || (reason.isEmpty && code == 404) }
    package var isConflict: Bool { reason == "Conflict" }
    package var isAlreadyExists: Bool { reason == "AlreadyExists" }
    /// The version asked for is no longer kept: list again.
    package var isExpired: Bool { reason == "Expired" || reason == "Gone" || code == 410 }
}

/// One cause of an `Invalid`.
package struct StatusCause: Equatable, Sendable {
    /// `spec.replicas`.
    package var field: String
    /// `FieldValueInvalid`, `FieldValueRequired` …
    package var reason: String
    package var message: String

    package init(field: String, reason: String, message: String) {
        self.field = field
        self.reason = reason
        self.message = message
    }
}

extension StatusError {
    package static func notFound(_ kind: ResourceKind, _ name: String) -> StatusError {
        StatusError(
            code: 404, reason: "NotFound", message: "\(kind.qualifiedName) \"\(name)\" not found",
            details: about(kind, name))
    }

    /// No such path.
    package static func noSuchResource() -> StatusError {
        StatusError(
            code: 404, reason: "NotFound",
            message: "the server could not find the requested resource", details: .object([]))
    }

    package static func alreadyExists(_ kind: ResourceKind, _ name: String) -> StatusError {
        StatusError(
            code: 409, reason: "AlreadyExists",
            message: "\(kind.qualifiedName) \"\(name)\" already exists",
            details: about(kind, name))
    }

    package static func conflict(
        _ kind: ResourceKind, _ name: String,
        _ message: String = "the object has been modified; please apply your changes to the latest"
            + " version and try again"
    ) -> StatusError {
        StatusError(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(kind.qualifiedName) \"\(name)\":"
                + " \(message)", details: about(kind, name))
    }

    package static func invalid(
        _ kind: ResourceKind, _ name: String, causes: [StatusCause]
    ) -> StatusError {
        let shown = causes.map { "\($0.field): \($0.message)" }
        let text = shown.count == 1 ? shown[0] : "[\(shown.joined(separator: ", "))]"
        let group = kind.group.isEmpty ? "" : ".\(kind.group)"
        var details = [("name", JSONValue.string(name))]
        if !kind.group.isEmpty { details.append(("group", .string(kind.group))) }
        details.append(("kind", .string(kind.kind)))
        details.append(
            (
                "causes",
                .array(
                    causes.map { cause in
                        .object([
                            ("reason", .string(cause.reason)), ("message", .string(cause.message)),
                            ("field", .string(cause.field)),
                        ])
                    })
            ))
        return StatusError(
            code: 422, reason: "Invalid",
            message: "\(kind.kind)\(group) \"\(name)\" is invalid: \(text)",
            details: .object(details))
    }

    package static func forbidden(
        _ kind: ResourceKind, _ name: String, _ message: String
    ) -> StatusError {
        let shown = name.isEmpty ? kind.qualifiedName : "\(kind.qualifiedName) \"\(name)\""
        return StatusError(
            code: 403, reason: "Forbidden", message: "\(shown) is forbidden: \(message)",
            details: about(kind, name))
    }

    package static let unauthorized = StatusError(
        code: 401, reason: "Unauthorized", message: "Unauthorized")

    package static func expired(
        _ message: String = "The provided continue parameter is too old to display a consistent"
            + " list result."
    ) -> StatusError {
        StatusError(code: 410, reason: "Expired", message: message)
    }

    /// A watch from a version that is no longer kept.
    package static func tooOld(_ version: Int64, current: Int64) -> StatusError {
        expired("too old resource version: \(version) (\(current))")
    }

    package static func badRequest(_ message: String) -> StatusError {
        StatusError(code: 400, reason: "BadRequest", message: message)
    }

    package static func methodNotAllowed(
        _ message: String = "the server does not allow this method on the requested resource"
    ) -> StatusError {
        StatusError(code: 405, reason: "MethodNotAllowed", message: message, details: .object([]))
    }

    package static func notAcceptable(_ message: String) -> StatusError {
        StatusError(code: 406, reason: "NotAcceptable", message: message)
    }

    package static func unsupportedMediaType(_ message: String) -> StatusError {
        StatusError(code: 415, reason: "UnsupportedMediaType", message: message)
    }

    package static func tooManyRequests(_ message: String, retryAfter: Int) -> StatusError {
        StatusError(
            code: 429, reason: "TooManyRequests", message: message, retryAfter: retryAfter)
    }

    package static func timeout(_ message: String, retryAfter: Int? = nil) -> StatusError {
        StatusError(code: 504, reason: "Timeout", message: message, retryAfter: retryAfter)
    }

    package static func internalError(_ message: String) -> StatusError {
        StatusError(
            code: 500, reason: "InternalError",
            message: "Internal error occurred: \(message)")
    }

    package static func serviceUnavailable(_ message: String) -> StatusError {
        StatusError(code: 503, reason: "ServiceUnavailable", message: message)
    }

    package static func notImplemented(_ message: String) -> StatusError {
        StatusError(code: 501, reason: "NotImplemented", message: message)
    }

    private static func about(_ kind: ResourceKind, _ name: String) -> JSONValue {
        var members: [(String, JSONValue)] = []
        if !name.isEmpty { members.append(("name", .string(name))) }
        if !kind.group.isEmpty { members.append(("group", .string(kind.group))) }
        members.append(("kind", .string(kind.plural)))
        return .object(members)
    }
}
