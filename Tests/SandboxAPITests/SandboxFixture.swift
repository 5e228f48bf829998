// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube

@testable import SandboxAPI

/// A cluster with one namespace `ns`, and short words for asking it.
struct Cluster {
    var api: SandboxAPI
    var time = Instant(nanoseconds: 0)

    /// 2026-01-02T03:04:05Z.
    static let epoch: Int64 = 1_767_323_045_000_000_000

    init(_ change: (inout Settings) -> Void = { _ in }) {
        var settings = Settings(epoch: Cluster.epoch, seed: 7)
        change(&settings)
        api = SandboxAPI(settings: settings)
        _ = create(.namespace, ["metadata": ["name": "ns"]])
    }

    /// JSON objects as literals are short to write.
    mutating func ask(
        _ method: String, _ target: String, _ body: JSONValue? = nil,
        type: String = "application/json", accept: String = "application/json",
        as user: Identity = .administrator
    ) -> KubeResponse {
        guard
            case .response(let response) = raw(
                method, target, body, type: type, accept: accept, as: user)
        else { return KubeResponse(code: 0) }
        return response
    }

    mutating func raw(
        _ method: String, _ target: String, _ body: JSONValue? = nil,
        type: String = "application/json", accept: String = "application/json",
        as user: Identity = .administrator
    ) -> Answer {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let pairs = parts.count < 2 ? [] : parts[1].split(separator: "&")
        let query = pairs.map { pair -> (String, String) in
            let sides = pair.split(separator: "=", maxSplits: 1).map(String.init)
            return (sides[0], sides.count > 1 ? sides[1] : "")
        }
        return api.receive(
            KubeRequest(
                method: method, path: parts[0], query: query,
                headers: [
                    ("Content-Type", type), ("Accept", accept), ("User-Agent", "tests/1.0"),
                ],
                body: body.map { JSON.bytes($0) } ?? []),
            as: user, now: time)
    }

    static func path(_ kind: ResourceKind, _ name: String = "", _ subresource: String = "")
        -> String
    {
        KubeRequest.path(
            kind, namespace: kind.isNamespaced ? "ns" : "", name: name, subresource: subresource)
    }

    mutating func create(_ kind: ResourceKind, _ body: JSONValue) -> KubeResponse {
        var object = KubeObject(body.object ?? JSONObject())
        object.apiVersion = kind.apiVersion
        object.kind = kind.kind
        return ask("POST", Self.path(kind), .object(object.json))
    }

    mutating func get(_ kind: ResourceKind, _ name: String) -> KubeObject {
        KubeObject(ask("GET", Self.path(kind, name)).value.object ?? JSONObject())
    }

    mutating func patch(
        _ kind: ResourceKind, _ name: String, _ body: JSONValue, _ type: PatchType = .merge,
        _ subresource: String = ""
    ) -> KubeResponse {
        ask("PATCH", Self.path(kind, name, subresource), body, type: type.contentType)
    }

    mutating func apply(
        _ kind: ResourceKind, _ name: String, _ body: JSONValue, manager: String,
        force: Bool = false
    ) -> KubeResponse {
        var object = KubeObject(body.object ?? JSONObject())
        object.apiVersion = kind.apiVersion
        object.kind = kind.kind
        object.name = name
        return ask(
            "PATCH", Self.path(kind, name) + "?fieldManager=\(manager)&force=\(force)",
            .object(object.json), type: PatchType.apply.contentType)
    }

    mutating func watch(_ kind: ResourceKind, _ query: String = "", all: Bool = false) -> WatchID {
        let path = all ? KubeRequest.path(kind) : Self.path(kind)
        guard case .watch(let id, _) = raw("GET", path + "?watch=1" + query) else {
            return WatchID(number: -1)
        }
        return id
    }

    /// Events of a watch as `ADDED name`, and whether it ended.
    mutating func events(_ id: WatchID) -> [String] {
        var decoder = WatchDecoder()
        return api.takeWatchOutput().filter { $0.id == id }.flatMap { output in
            decoder.receive(output.bytes).map { event in
                switch event {
                case .added(let object): "ADDED \(object.name)"
                case .modified(let object): "MODIFIED \(object.name)"
                case .deleted(let object): "DELETED \(object.name)"
                case .bookmark(_, let isEnd): isEnd ? "BOOKMARK end" : "BOOKMARK"
                case .error(let error): "ERROR \(error.code)"
                }
            } + (output.isEnd ? ["end"] : [])
        }
    }

    mutating func wait(_ seconds: Int64) {
        time = time + .seconds(seconds)
        api.tick(time)
    }
}

extension KubeResponse {
    var value: JSONValue {
        do throws(FormatError) { return try JSON.parse(body) } catch { return .null }
    }
    var message: String { value["message"]?.string ?? "" }
    var reason: String { value["reason"]?.string ?? "" }
    var kubeObject: KubeObject { KubeObject(value.object ?? JSONObject()) }
}

enum Sample {
    static func pod(_ name: String, labels: [(String, JSONValue)] = []) -> JSONValue {
        [
            "metadata": ["name": .string(name), "labels": .object(labels)],
            "spec": ["containers": [["name": "c", "image": "busybox:1"]]],
        ]
    }

    static func configMap(_ name: String, _ data: [(String, JSONValue)] = []) -> JSONValue {
        ["metadata": ["name": .string(name)], "data": .object(data)]
    }

    static let template: JSONValue = [
        "metadata": ["labels": ["app": "a"]],
        "spec": ["containers": [["name": "c", "image": "i:1"]]],
    ]

    static func deployment(_ name: String) -> JSONValue {
        [
            "metadata": ["name": .string(name)],
            "spec": [
                "replicas": 2, "selector": ["matchLabels": ["app": "a"]], "template": template,
            ],
        ]
    }

    static func definition() -> JSONValue {
        [
            "metadata": ["name": "things.example.com"],
            "spec": [
                "group": "example.com", "scope": "Namespaced",
                "names": ["plural": "things", "kind": "Thing", "shortNames": ["th"]],
                "versions": [
                    [
                        "name": "v1", "served": true, "storage": true,
                        "subresources": [
                            "status": [:],
                            "scale": [
                                "specReplicasPath": ".spec.replicas",
                                "statusReplicasPath": ".status.replicas",
                                "labelSelectorPath": ".status.selector",
                            ],
                        ],
                        "additionalPrinterColumns": [
                            ["name": "Size", "type": "integer", "jsonPath": ".spec.replicas"],
                            [
                                "name": "Ready", "type": "string",
                                "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status",
                            ],
                            [
                                "name": "Age", "type": "date",
                                "jsonPath": ".metadata.creationTimestamp",
                            ],
                        ],
                        "schema": [
                            "openAPIV3Schema": [
                                "type": "object", "required": ["spec"],
                                "properties": [
                                    "spec": [
                                        "type": "object", "required": ["replicas"],
                                        "properties": [
                                            "replicas": [
                                                "type": "integer", "minimum": 1, "maximum": 7,
                                            ],
                                            "mode": [
                                                "type": "string", "enum": ["A", "B"],
                                                "default": "A",
                                            ],
                                            "name": [
                                                "type": "string", "pattern": "^[a-z]+$",
                                            ],
                                        ],
                                    ],
                                    "status": [
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": true,
                                    ],
                                ],
                            ]
                        ],
                    ]
                ],
            ],
        ]
    }

    static let thing = ResourceKind(
        group: "example.com", version: "v1", kind: "Thing", plural: "things",
        subresources: ["status", "scale"])
}
