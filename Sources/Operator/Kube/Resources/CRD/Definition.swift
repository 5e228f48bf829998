// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// The CustomResourceDefinition of one of our kinds, out of its types.
package struct Definition: Sendable {
    package struct Column: Sendable {
        var name: String
        var type = "string"
        var path: String
        var isWide = false
        var words = ""
    }

    package var kind: ResourceKind
    package var words: String
    package var spec: Schema
    package var status: Schema
    package var columns: [Column]
    /// Of the whole object.
    package var rules: [Rule] = []

    package static let all: [Definition] = [cluster, backup, schedule, restore]

    /// The whole object as `openAPIV3Schema` has it.
    package var schema: Schema {
        var schema = Schema(.object)
        schema.words = words
        schema.rules = rules
        var spec = spec
        if spec.required.isEmpty { spec.standard = .object([]) } else { schema.required = ["spec"] }
        schema.properties = [
            property("apiVersion", Schema(.string), "Version of this kind: \(kind.apiVersion)."),
            property("kind", Schema(.string), "Kind of this object: \(kind.kind)."),
            Schema.Property(name: "metadata", schema: Schema(.object)),
            Schema.Property(name: "spec", schema: spec),
            Schema.Property(name: "status", schema: status),
        ]
        return schema
    }

    private func property(_ name: String, _ schema: Schema, _ words: String) -> Schema.Property {
        var schema = schema
        schema.words = words
        return Schema.Property(name: name, schema: schema)
    }

    /// For `apiextensions.k8s.io/v1`. Without rules for servers before 1.29. `annotations` of a
    /// chart, say.
    package func object(rules: Bool = true, annotations: KubeMap = [:]) -> KubeObject {
        var object = KubeObject(
            .customResourceDefinition, name: "\(kind.plural).\(kind.group)")
        if !annotations.isEmpty { object.annotations = annotations }
        object.labels = ["app.kubernetes.io/name": "keelson"]
        object["spec"] = [
            "group": .string(kind.group),
            "names": names,
            "scope": "Namespaced",
            "versions": [
                [
                    "name": .string(kind.version),
                    "served": true,
                    "storage": true,
                    "additionalPrinterColumns": .array(columns.map(\.json)),
                    "schema": ["openAPIV3Schema": schema.json(rules: rules)],
                    "subresources": subresources,
                ]
            ],
        ]
        return object
    }

    private var names: JSONValue {
        var names = JSONObject()
        names["kind"] = .string(kind.kind)
        names["listKind"] = .string("\(kind.kind)List")
        names["plural"] = .string(kind.plural)
        names["singular"] = .string(kind.singular)
        names["shortNames"] = .array(kind.shortNames.map(JSONValue.string))
        names["categories"] = .array(kind.categories.map(JSONValue.string))
        return .object(names)
    }

    private var subresources: JSONValue {
        var subresources = JSONObject()
        subresources["status"] = [:]
        if kind.subresources.contains("scale") {
            subresources["scale"] = [
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            ]
        }
        return .object(subresources)
    }

    /// All definitions as one YAML stream: what `keelson-operator print crds` prints.
    package static func stream(rules: Bool = true) -> String {
        all.map { "---\n" + $0.yaml(rules: rules) }.joined()
    }

    package func yaml(rules: Bool = true, annotations: KubeMap = [:]) -> String {
        YAMLWriter.text(.object(object(rules: rules, annotations: annotations).json))
    }

    /// `keelson.dev_etcdclusters.yaml`
    package var fileName: String { "\(kind.group)_\(kind.plural).yaml" }
}

extension Definition.Column {
    fileprivate var json: JSONValue {
        var json = JSONObject()
        json["name"] = .string(name)
        json["type"] = .string(type)
        if !words.isEmpty { json["description"] = .string(words) }
        if isWide { json["priority"] = 1 }
        json["jsonPath"] = .string(path)
        return .object(json)
    }
}
