// SPDX-License-Identifier: Apache-2.0
package import Formats

/// One question to an API server.
package struct KubeRequest: Sendable {
    package var method: String
    /// Without the query, percent signs decoded: names of objects need none.
    package var path: String
    /// In the order they are sent; not encoded.
    package var query: [(String, String)]
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(
        method: String, path: String, query: [(String, String)] = [],
        headers: [(String, String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The first one with this name, letters in whatever case.
    package func header(_ name: String) -> String? {
        headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }

    package func query(_ name: String) -> String? { query.first { $0.0 == name }?.1 }

    /// Path and query as an HTTP request says them.
    package var target: String {
        let encodedPath = PercentCoding.encode(path, keeping: "/:")
        guard !query.isEmpty else { return encodedPath }
        let pairs = query.map { "\(PercentCoding.encode($0.0))=\(PercentCoding.encode($0.1))" }
        return encodedPath + "?" + pairs.joined(separator: "&")
    }
}

extension KubeRequest: Equatable {
    package static func == (left: KubeRequest, right: KubeRequest) -> Bool {
        left.method == right.method && left.path == right.path && left.body == right.body
            && left.query.elementsEqual(right.query, by: ==)
            && left.headers.elementsEqual(right.headers, by: ==)
    }
}

extension KubeRequest {
    /// `/api/v1/namespaces/ns/pods/name/status`.
    package static func path(
        _ kind: ResourceKind, namespace: String = "", name: String = "", subresource: String = ""
    ) -> String {
        var path = kind.group.isEmpty ? "/api/" : "/apis/\(kind.group)/"
        path += kind.version
        if kind.isNamespaced, !namespace.isEmpty { path += "/namespaces/\(namespace)" }
        path += "/\(kind.plural)"
        if !name.isEmpty { path += "/\(name)" }
        if !subresource.isEmpty { path += "/\(subresource)" }
        return path
    }

    package static func path(_ key: ObjectKey, subresource: String = "") -> String {
        path(key.kind, namespace: key.namespace, name: key.name, subresource: subresource)
    }

    package static func get(_ key: ObjectKey, subresource: String = "") -> KubeRequest {
        reading(path(key, subresource: subresource))
    }

    /// Without a namespace: those of all namespaces.
    package static func list(
        _ kind: ResourceKind, namespace: String = "", labelSelector: LabelSelector? = nil,
        fieldSelector: FieldSelector? = nil, limit: Int? = nil, continueToken: String = "",
        resourceVersion: String = ""
    ) -> KubeRequest {
        var query = selecting(labelSelector, fieldSelector)
        if let limit { query.append(("limit", "\(limit)")) }
        if !continueToken.isEmpty { query.append(("continue", continueToken)) }
        if !resourceVersion.isEmpty { query.append(("resourceVersion", resourceVersion)) }
        return reading(path(kind, namespace: namespace), query)
    }

    package static func watch(
        _ kind: ResourceKind, namespace: String = "", from resourceVersion: String,
        labelSelector: LabelSelector? = nil, fieldSelector: FieldSelector? = nil,
        bookmarks: Bool = true, timeoutSeconds: Int? = nil
    ) -> KubeRequest {
        var query = selecting(labelSelector, fieldSelector)
        query.append(("watch", "true"))
        query.append(("resourceVersion", resourceVersion))
        if bookmarks { query.append(("allowWatchBookmarks", "true")) }
        if let timeoutSeconds { query.append(("timeoutSeconds", "\(timeoutSeconds)")) }
        return reading(path(kind, namespace: namespace), query)
    }

    package static func create(_ object: KubeObject, as kind: ResourceKind) -> KubeRequest {
        writing("POST", path(kind, namespace: object.namespace), object)
    }

    package static func replace(
        _ object: KubeObject, as kind: ResourceKind, subresource: String = ""
    ) -> KubeRequest {
        writing("PUT", path(object.key(as: kind), subresource: subresource), object)
    }

    package static func replaceStatus(_ object: KubeObject, as kind: ResourceKind) -> KubeRequest {
        replace(object, as: kind, subresource: "status")
    }

    package static func patch(
        _ key: ObjectKey, type: PatchType, body: JSONValue, subresource: String = "",
        query: [(String, String)] = []
    ) -> KubeRequest {
        KubeRequest(
            method: "PATCH", path: path(key, subresource: subresource), query: query,
            headers: accepting + [("Content-Type", type.contentType)], body: bytes(of: body))
    }

    /// Server-side apply. Without `force`, fields that others own are a conflict.
    package static func apply(
        _ object: KubeObject, as kind: ResourceKind, fieldManager: String, force: Bool,
        subresource: String = ""
    ) -> KubeRequest {
        // A patch names its object by its place; a version would make the apply conditional.
        var object = object
        object["metadata", "managedFields"] = nil
        return patch(
            object.key(as: kind), type: .apply, body: .object(object.json),
            subresource: subresource,
            query: [("fieldManager", fieldManager), ("force", force ? "true" : "false")])
    }

    package static func delete(
        _ key: ObjectKey, _ options: DeleteOptions = DeleteOptions()
    ) -> KubeRequest {
        KubeRequest(
            method: "DELETE", path: path(key), headers: accepting + [("Content-Type", jsonType)],
            body: bytes(of: options.json))
    }

    /// Deletes a pod if its disruption budgets allow it.
    package static func evict(
        _ pod: ObjectKey, uid: String = "", gracePeriodSeconds: Int? = nil
    ) -> KubeRequest {
        var eviction = KubeObject(JSONObject())
        eviction.apiVersion = "policy/v1"
        eviction.kind = "Eviction"
        eviction.name = pod.name
        eviction.namespace = pod.namespace
        let options = DeleteOptions(gracePeriodSeconds: gracePeriodSeconds, uid: uid)
        eviction["deleteOptions"] = options.json
        return writing("POST", path(pod, subresource: "eviction"), eviction)
    }

    // MARK: Parts

    static let jsonType = "application/json"
    private static let accepting = [("Accept", jsonType)]

    private static func reading(
        _ path: String, _ query: [(String, String)] = []
    ) -> KubeRequest {
        KubeRequest(method: "GET", path: path, query: query, headers: accepting)
    }

    private static func writing(
        _ method: String, _ path: String, _ object: KubeObject
    ) -> KubeRequest {
        KubeRequest(
            method: method, path: path, headers: accepting + [("Content-Type", jsonType)],
            body: bytes(of: .object(object.json)))
    }

    private static func bytes(of json: JSONValue) -> [UInt8] {
        JSON.bytes(json, style: JSON.Style(escapesHTML: false))
    }

    private static func selecting(
        _ labels: LabelSelector?, _ fields: FieldSelector?
    ) -> [(String, String)] {
        var query: [(String, String)] = []
        if let labels, !labels.isEmpty { query.append(("labelSelector", labels.text)) }
        if let fields, !fields.isEmpty { query.append(("fieldSelector", fields.text)) }
        return query
    }
}
