// SPDX-License-Identifier: Apache-2.0
internal import Kube

/// What a path of the API points at.
struct Route: Equatable {
    var group = ""
    var version = ""
    /// Empty if all namespaces are meant, or none applies.
    var namespace = ""
    var plural = ""
    /// Empty for a collection.
    var name = ""
    var subresource = ""
    /// The old `/watch/` paths.
    var isWatchPath = false

    /// Nil for paths that name no resource: discovery, health, OpenAPI.
    static func parse(_ path: String) -> Route? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        var route = Route()
        switch parts.first {
        case "api"?:
            guard parts.count >= 3 else { return nil }
            route.version = parts[1]
            parts.removeFirst(2)
        case "apis"?:
            guard parts.count >= 4 else { return nil }
            route.group = parts[1]
            route.version = parts[2]
            parts.removeFirst(3)
        default: return nil
        }
        if parts.first == "watch" {
            route.isWatchPath = true
            parts.removeFirst()
        }
        route.place(parts)
        return route.plural.isEmpty ? nil : route
    }

    /// `namespaces/ns/pods/name/status`; a namespace itself is `namespaces/ns[/status]`.
    private mutating func place(_ parts: [String]) {
        var parts = parts[...]
        let isInside = parts.count >= 3 && parts.first == "namespaces"
        if isInside, !Route.ofNamespaces.contains(parts[2]) || parts.count > 3 {
            namespace = parts[1]
            parts = parts.dropFirst(2)
        }
        plural = parts.first ?? ""
        parts = parts.dropFirst()
        name = parts.first ?? ""
        subresource = parts.dropFirst().joined(separator: "/")
    }

    private static let ofNamespaces: Set<String> = ["status", "finalize"]
}

/// What a request wants done, in the words of RBAC.
enum Verb: String {
    case get, list, watch, create, update, patch, delete, deletecollection

    init?(_ request: KubeRequest, _ route: Route) {
        let isCollection = route.name.isEmpty
        switch request.method {
        case "GET", "HEAD":
            let watches = Query.isTrue(request.query("watch")) || route.isWatchPath
            self = watches ? .watch : isCollection ? .list : .get
        case "POST": self = .create
        case "PUT": self = .update
        case "PATCH": self = .patch
        case "DELETE": self = isCollection ? .deletecollection : .delete
        default: return nil
        }
    }
}

enum Query {
    /// A parameter that is there without a value is true.
    static func isTrue(_ text: String?) -> Bool {
        guard let text else { return false }
        return ["", "1", "true", "True", "TRUE", "t", "T"].contains(text)
    }
}
