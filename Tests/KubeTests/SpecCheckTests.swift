// SPDX-License-Identifier: Apache-2.0
import Formats
import Foundation
import Kube
import Testing

/// The table `Tests/KubeTests/Golden/spec-cases.yaml` holds objects that must be accepted and such
/// that must be refused; Tests/ChartTests/check_rules.py asks the rules in CEL about the same ones.
struct SpecCheckTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var object: KubeObject
        var old: KubeObject?
        /// `field: message` of each problem; empty when accepted.
        var refused: [String]
        var testDescription: String { name }
    }

    static let cases: [Case] = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/spec-cases.yaml").path
        guard let text = FileManager.default.contents(atPath: path),
            let list = try? YAML.read(Array(text)).array
        else { return [] }
        return list.map { item in
            Case(
                name: item["name"]?.string ?? "", object: object(item, "spec"),
                old: item["old"] == nil ? nil : object(item, "old"),
                refused: item["refused"]?.array?.compactMap(\.string) ?? [])
        }
    }()

    private static func object(_ item: JSONValue, _ key: String) -> KubeObject {
        let kind = item["kind"]?.string ?? "EtcdCluster"
        let resource = ResourceKind.keelson.first { $0.kind == kind } ?? .etcdCluster
        var object = KubeObject(
            resource, namespace: "ns", name: item["object"]?.string ?? "demo")
        object["spec"] = item[key]
        return object
    }

    @Test func `the table is there and has both kinds`() {
        #expect(Self.cases.count > 50)
        #expect(Self.cases.filter(\.refused.isEmpty).count > 15)
    }

    @Test(arguments: cases)
    func `what the table says`(_ entry: Case) {
        let problems = SpecCheck.problems(of: entry.object, old: entry.old)
        let said = problems.map { "\($0.field): \($0.message)" }
        #expect(said == entry.refused, "\(entry.name)")
    }

    @Test func `every rule refuses something in the table`() {
        let refused = Self.cases.flatMap(\.refused)
        for rule in Definition.all.flatMap({ Self.rules(of: $0.schema) }) {
            #expect(refused.contains { $0.hasSuffix(rule.message) }, "\(rule.message)")
        }
    }

    @Test func `no message is used twice in one record`() {
        for definition in Definition.all {
            let messages = definition.spec.rules.map(\.message)
            #expect(Set(messages).count == messages.count)
        }
    }

    @Test func `an owner is warned of what helps nobody`() {
        var spec = EtcdClusterSpec()
        #expect(SpecCheck.warnings(of: spec).isEmpty)
        spec.replicas = 4
        spec.tls.mode = .disabled
        spec.storage.medium = .memory
        #expect(SpecCheck.warnings(of: spec).count == 3)
        spec.allowEvenReplicas = true
        #expect(SpecCheck.warnings(of: spec).count == 2)
    }

    @Test func `what a server would drop is named`() throws {
        let status = try YAML.read(
            """
            {phase: Running, phases: 1, members: [{name: a, nick: b}], handledAnnotations: {a: b},
             operation: {type: Roll, step: Choose, done: [a], speed: 1}}
            """)
        #expect(
            SchemaCheck.unknownFields(in: status, EtcdClusterStatus.schema, at: "status") == [
                "status.phases", "status.members[0].nick", "status.operation.speed",
            ])
        let spec = try YAML.read(
            "{podTemplate: {spec: {affinity: {any: thing}, hostNetwork: true}}}")
        #expect(
            SchemaCheck.unknownFields(in: spec, EtcdClusterSpec.schema, at: "spec")
                == ["spec.podTemplate.spec.hostNetwork"])
    }

    @Test func `no word of a closed set is something else in YAML`() throws {
        func check(_ schema: Schema) throws {
            for word in schema.choices { #expect(try YAML.read(word) == .string(word)) }
            for property in schema.properties { try check(property.schema) }
            for item in schema.items { try check(item) }
        }
        for definition in Definition.all { try check(definition.spec) }
    }

    static func rules(of schema: Schema) -> [Rule] {
        schema.rules + schema.properties.flatMap { rules(of: $0.schema) }
            + schema.items.flatMap(rules)
    }
}
