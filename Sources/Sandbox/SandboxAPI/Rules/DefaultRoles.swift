// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The roles that people expect to find.
enum DefaultRoles {
    static let clusterRoles: [(String, JSONValue)] = [
        ("cluster-admin", [rule(["*"], ["*"], ["*"]), paths(["*"], ["*"])]),
        ("admin", [rule(["*"], ["*"], ["*"])]),
        (
            "edit",
            [
                rule(
                    ["", "apps", "batch", "policy", "networking.k8s.io", "keelson.dev"], ["*"],
                    [
                        "create", "delete", "deletecollection", "get", "list", "patch", "update",
                        "watch",
                    ])
            ]
        ),
        (
            "view",
            [
                rule(
                    [
                        "", "apps", "batch", "policy", "networking.k8s.io", "discovery.k8s.io",
                        "keelson.dev",
                    ], ["*"], ["get", "list", "watch"])
            ]
        ),
        (
            "system:basic-user",
            [
                rule(
                    ["authorization.k8s.io"],
                    ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
                rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
            ]
        ),
        (
            "system:discovery",
            [
                paths(
                    [
                        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
                        "/openapi/*", "/readyz", "/version", "/version/",
                    ], ["get"])
            ]
        ),
        (
            "system:public-info-viewer",
            [paths(["/healthz", "/livez", "/readyz", "/version"], ["get"])]
        ),
    ]

    static let bindings: [KubeObject] = [
        binding("cluster-admin", to: [("Group", "system:masters")]),
        binding("system:basic-user", to: [("Group", "system:authenticated")]),
        binding("system:discovery", to: [("Group", "system:authenticated")]),
        binding(
            "system:public-info-viewer",
            to: [("Group", "system:authenticated"), ("Group", "system:unauthenticated")]),
    ]

    private static func rule(
        _ groups: [String], _ resources: [String], _ verbs: [String]
    ) -> JSONValue {
        .object([
            ("apiGroups", list(groups)), ("resources", list(resources)), ("verbs", list(verbs)),
        ])
    }

    private static func paths(_ paths: [String], _ verbs: [String]) -> JSONValue {
        .object([("nonResourceURLs", list(paths)), ("verbs", list(verbs))])
    }

    private static func list(_ texts: [String]) -> JSONValue {
        .array(texts.map(JSONValue.string))
    }

    private static func binding(_ role: String, to subjects: [(String, String)]) -> KubeObject {
        var binding = KubeObject(.clusterRoleBinding, name: role)
        binding["roleRef"] = .object([
            ("apiGroup", "rbac.authorization.k8s.io"), ("kind", "ClusterRole"),
            ("name", .string(role)),
        ])
        binding["subjects"] = .array(
            subjects.map { kind, name in
                .object([
                    ("apiGroup", "rbac.authorization.k8s.io"), ("kind", .string(kind)),
                    ("name", .string(name)),
                ])
            })
        return binding
    }
}
