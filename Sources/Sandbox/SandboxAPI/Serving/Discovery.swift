// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Which groups, versions and resources there are; the old way, a document for each, and the new
/// one, all in one.
struct Discovery {
    let catalog: Catalog

    /// Kinds that are asked, never stored.
    static let questions: [ResourceKind] =
        [
            ("authorization.k8s.io", "SelfSubjectAccessReview", false),
            ("authorization.k8s.io", "SelfSubjectRulesReview", false),
            ("authorization.k8s.io", "SubjectAccessReview", false),
            ("authorization.k8s.io", "LocalSubjectAccessReview", true),
            ("authentication.k8s.io", "TokenReview", false),
            ("authentication.k8s.io", "SelfSubjectReview", false),
        ].map { group, kind, isNamespaced in
            ResourceKind(
                group: group, version: "v1", kind: kind, plural: kind.lowercased() + "s",
                isNamespaced: isNamespaced)
        }

    private struct GroupVersion: Equatable {
        var group: String
        var version: String

        var name: String { group.isEmpty ? version : "\(group)/\(version)" }
    }

    /// In the order of first appearance: built-in groups, then those of definitions.
    private var groupVersions: [GroupVersion] {
        var found: [GroupVersion] = []
        let kinds = catalog.resources.map(\.kind) + Discovery.questions
        for kind in kinds {
            let next = GroupVersion(group: kind.group, version: kind.version)
            if !found.contains(next) { found.append(next) }
        }
        return found
    }

    private var groupNames: [String] {
        var names: [String] = []
        for version in groupVersions where !version.group.isEmpty && !names.contains(version.group)
        {
            names.append(version.group)
        }
        return names
    }

    // MARK: One document each

    func core(_ request: KubeRequest) -> KubeResponse {
        if let version = aggregated(request) { return all([""], version) }
        return .json(
            .object([
                ("kind", "APIVersions"), ("versions", ["v1"]),
                (
                    "serverAddressByClientCIDRs",
                    [.object([("clientCIDR", "0.0.0.0/0"), ("serverAddress", "127.0.0.1:6443")])]
                ),
            ]))
    }

    func groups(_ request: KubeRequest) -> KubeResponse {
        if let version = aggregated(request) { return all(groupNames, version) }
        return .json(
            .object([
                ("kind", "APIGroupList"), ("apiVersion", "v1"),
                ("groups", .array(groupNames.map { groupBody($0, isAlone: false) })),
            ]))
    }

    func group(_ name: String) throws(StatusError) -> KubeResponse {
        guard groupNames.contains(name) else { throw .noSuchPage }
        return .json(groupBody(name, isAlone: true))
    }

    private func groupBody(_ name: String, isAlone: Bool) -> JSONValue {
        let versions = groupVersions.filter { $0.group == name }.map { version -> JSONValue in
            .object([
                ("groupVersion", .string(version.name)), ("version", .string(version.version)),
            ])
        }
        let head: [(String, JSONValue)] =
            isAlone ? [("kind", "APIGroup"), ("apiVersion", "v1")] : []
        return .object(
            head + [
                ("name", .string(name)), ("versions", .array(versions)),
                ("preferredVersion", versions.first ?? .null),
            ])
    }

    func resources(group: String, version: String) throws(StatusError) -> KubeResponse {
        let wanted = GroupVersion(group: group, version: version)
        guard groupVersions.contains(wanted) else { throw .noSuchPage }
        var rows: [JSONValue] = []
        for resource in members(of: wanted) {
            rows.append(row(resource.kind, resource.verbs))
            for subresource in resource.kind.subresources {
                rows.append(subrow(resource.kind, subresource))
            }
        }
        for kind in Discovery.questions where kind.group == group && kind.version == version {
            rows.append(row(kind, ["create"]))
        }
        return .json(
            .object([
                ("kind", "APIResourceList"), ("apiVersion", "v1"),
                ("groupVersion", .string(wanted.name)), ("resources", .array(rows)),
            ]))
    }

    private func members(of version: GroupVersion) -> [APIResource] {
        catalog.resources.filter {
            $0.kind.group == version.group && $0.kind.version == version.version
        }
    }

    private func row(_ kind: ResourceKind, _ verbs: [String]) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(kind.plural)), ("singularName", .string(kind.singular)),
            ("namespaced", .bool(kind.isNamespaced)), ("kind", .string(kind.kind)),
            ("verbs", texts(verbs)),
        ]
        if !kind.shortNames.isEmpty { members.append(("shortNames", texts(kind.shortNames))) }
        if !kind.categories.isEmpty { members.append(("categories", texts(kind.categories))) }
        return .object(members)
    }

    private func subrow(_ kind: ResourceKind, _ subresource: String) -> JSONValue {
        let (group, version, name) = Discovery.responseKind(kind, subresource)
        var members: [(String, JSONValue)] = [
            ("name", .string("\(kind.plural)/\(subresource)")), ("singularName", ""),
            ("namespaced", .bool(kind.isNamespaced)), ("kind", .string(name)),
            ("verbs", texts(Discovery.verbs(of: subresource))),
        ]
        if group != kind.group || version != kind.version {
            members.append(("group", .string(group)))
            members.append(("version", .string(version)))
        }
        return .object(members)
    }

    private func texts(_ list: [String]) -> JSONValue { .array(list.map(JSONValue.string)) }

    private static func responseKind(
        _ kind: ResourceKind, _ subresource: String
    ) -> (group: String, version: String, kind: String) {
        switch subresource {
        case "scale": ("autoscaling", "v1", "Scale")
        case "eviction": ("policy", "v1", "Eviction")
        case "token": ("authentication.k8s.io", "v1", "TokenRequest")
        case "binding": ("", "v1", "Binding")
        case "exec": ("", "v1", "PodExecOptions")
        case "attach": ("", "v1", "PodAttachOptions")
        case "portforward": ("", "v1", "PodPortForwardOptions")
        default: (kind.group, kind.version, kind.kind)
        }
    }

    private static func verbs(of subresource: String) -> [String] {
        switch subresource {
        case "status", "scale": ["get", "patch", "update"]
        case "log": ["get"]
        case "exec", "attach", "portforward": ["create", "get"]
        case "eviction", "binding", "token": ["create"]
        default: ["update"]
        }
    }

    // MARK: All in one

    /// `v2` or `v2beta1` if the client reads that; else it gets the old documents.
    private func aggregated(_ request: KubeRequest) -> String? {
        guard let accept = request.header("Accept") else { return nil }
        for offer in accept.split(separator: ",") {
            let parts = offer.split(separator: ";").map { $0.filter { $0 != " " } }
            guard parts.first == "application/json" else { continue }
            guard parts.contains("as=APIGroupDiscoveryList") else { return nil }
            for version in ["v2", "v2beta1"] where parts.contains("v=\(version)") {
                return version
            }
        }
        return nil
    }

    private func all(_ groups: [String], _ version: String) -> KubeResponse {
        let items = groups.map { group -> JSONValue in
            .object([
                ("metadata", .object([("name", .string(group)), ("creationTimestamp", .null)])),
                (
                    "versions",
                    .array(groupVersions.filter { $0.group == group }.map(versionBody))
                ),
            ])
        }
        var response = KubeResponse.json(
            .object([
                ("kind", "APIGroupDiscoveryList"),
                ("apiVersion", .string("apidiscovery.k8s.io/\(version)")),
                ("metadata", .object([])), ("items", .array(items)),
            ]))
        response.headers = [
            (
                "Content-Type",
                "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
            )
        ]
        return response
    }

    private func versionBody(_ version: GroupVersion) -> JSONValue {
        var rows = members(of: version).map { aggregatedRow($0.kind, $0.verbs) }
        for kind in Discovery.questions
        where kind.group == version.group && kind.version == version.version {
            rows.append(aggregatedRow(kind, ["create"]))
        }
        return .object([
            ("version", .string(version.version)), ("resources", .array(rows)),
            ("freshness", "Current"),
        ])
    }

    private func aggregatedRow(_ kind: ResourceKind, _ verbs: [String]) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("resource", .string(kind.plural)),
            ("responseKind", Discovery.groupVersionKind(kind.group, kind.version, kind.kind)),
            ("scope", kind.isNamespaced ? "Namespaced" : "Cluster"),
            ("singularResource", .string(kind.singular)), ("verbs", texts(verbs)),
        ]
        if !kind.shortNames.isEmpty { members.append(("shortNames", texts(kind.shortNames))) }
        if !kind.categories.isEmpty { members.append(("categories", texts(kind.categories))) }
        if !kind.subresources.isEmpty {
            members.append(
                (
                    "subresources",
                    .array(
                        kind.subresources.map { subresource in
                            let (group, version, name) = Discovery.responseKind(kind, subresource)
                            return .object([
                                ("subresource", .string(subresource)),
                                ("responseKind", Discovery.groupVersionKind(group, version, name)),
                                ("verbs", texts(Discovery.verbs(of: subresource))),
                            ])
                        })
                ))
        }
        return .object(members)
    }

    private static func groupVersionKind(
        _ group: String, _ version: String, _ kind: String
    ) -> JSONValue {
        .object([
            ("group", .string(group)), ("version", .string(version)), ("kind", .string(kind)),
        ])
    }
}
