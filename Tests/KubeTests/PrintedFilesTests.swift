// SPDX-License-Identifier: Apache-2.0
import Formats
import Foundation
import Kube
import Testing

/// Files of the repository that are printed from the types. `make golden` rewrites them.
struct PrintedFilesTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func compare(_ path: String, _ text: String) throws {
        let file = Self.root.appendingPathComponent(path)
        let old = try? String(contentsOf: file, encoding: .utf8)
        guard old != text else { return }
        guard ProcessInfo.processInfo.environment["KEELSON_REWRITE"] == "1" else {
            Issue.record("\(path) is not what the types say; run make golden")
            return
        }
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: true, encoding: .utf8)
    }

    @Test(arguments: Definition.all.map(\.fileName))
    func `Golden definitions are printed from the types`(_ name: String) throws {
        let definition = try #require(Definition.all.first { $0.fileName == name })
        let keep: KubeMap = ["helm.sh/resource-policy": "keep"]
        let chart = "charts/keelson-operator/files"
        try compare("Manifests/crds/\(name)", definition.yaml())
        try compare(
            "Manifests/kubernetes-1.20/crds/\(name)", definition.yaml(rules: false))
        try compare("\(chart)/crds/\(name)", definition.yaml(annotations: keep))
        try compare(
            "\(chart)/crds-without-rules/\(name)",
            definition.yaml(rules: false, annotations: keep))
    }

    @Test func `Golden reference is printed from the types`() throws {
        try compare("docs/api.md", Reference.text)
    }

    @Test func `a definition is structural`() throws {
        for definition in Definition.all {
            let read = try YAML.read(definition.yaml())
            #expect(read == .object(definition.object().json))
            let version = read["spec"]?["versions"]?[0]
            let schema = try #require(version?["schema"]?["openAPIV3Schema"])
            checkStructure(schema, definition.kind.kind)
            #expect(version?["subresources"]?["status"] != nil)
        }
    }

    /// What an API server asks of a structural schema, as far as ours could miss it.
    private func checkStructure(_ schema: JSONValue, _ path: String) {
        let isUnion = schema["x-kubernetes-int-or-string"] == true
        #expect(isUnion || schema["type"]?.string != nil, "\(path): no type")
        if schema["type"] == "array" {
            #expect(schema["items"] != nil, "\(path): no items")
            for key in schema["x-kubernetes-list-map-keys"]?.array ?? [] {
                let items = schema["items"]
                let isRequired = items?["required"]?.array?.contains(key) == true
                let hasDefault = items?["properties"]?[key.string ?? ""]?["default"] != nil
                #expect(isRequired || hasDefault, "\(path): key \(key) may be absent")
            }
        }
        let properties = schema["properties"]?.object
        for name in schema["required"]?.array ?? [] {
            #expect(
                properties?[name.string ?? ""]?["default"] == nil,
                "\(path): required \(name) has a default")
        }
        if schema["default"] == .object([]) {
            #expect(schema["required"] == nil, "\(path): an empty default misses what is required")
        }
        for member in properties?.members ?? [] {
            checkStructure(member.value, "\(path).\(member.key)")
        }
        if let items = schema["items"] { checkStructure(items, path + "[]") }
        if let values = schema["additionalProperties"] { checkStructure(values, path + "{}") }
    }

    @Test func `defaults are what the schema accepts`() {
        for definition in Definition.all {
            checkDefaults(definition.schema, definition.kind.kind)
        }
    }

    @Test func `every pattern can be read, and one that cannot lets nothing pass`() {
        var patterns = [SpecCheck.namePattern]
        for definition in Definition.all { Self.collectPatterns(definition.schema, &patterns) }
        #expect(patterns.count > 3)
        for pattern in patterns { #expect(throws: Never.self) { try Regex(pattern) } }
        #expect(!SchemaCheck.matches("(", "("))
    }

    private static func collectPatterns(_ schema: Schema, _ all: inout [String]) {
        if !schema.pattern.isEmpty { all.append(schema.pattern) }
        for property in schema.properties { collectPatterns(property.schema, &all) }
        for item in schema.items { collectPatterns(item, &all) }
    }

    private func checkDefaults(_ schema: Schema, _ path: String) {
        if let standard = schema.standard {
            let problems = SchemaCheck.problems(of: standard, schema, at: path)
            #expect(problems.isEmpty, "\(problems)")
        }
        for property in schema.properties {
            checkDefaults(property.schema, "\(path).\(property.name)")
        }
        for item in schema.items { checkDefaults(item, path + "[]") }
    }

    @Test func `everything we ship of our kinds is accepted`() throws {
        var count = 0
        for folder in ["Manifests", "docs", "charts", "Tests/ChartTests/Golden"] {
            for text in try Self.documents(below: folder) {
                for value in (try? YAML.readAll(Array(text.utf8))) ?? [] {
                    guard value["apiVersion"] == "keelson.dev/v1alpha1", let json = value.object
                    else { continue }
                    let problems = SpecCheck.problems(of: KubeObject(json))
                    #expect(problems.isEmpty, "\(folder): \(text)")
                    let kind = value["kind"]?.string ?? ""
                    let definition = try #require(Definition.all.first { $0.kind.kind == kind })
                    let unknown = SchemaCheck.unknownFields(
                        in: value["spec"] ?? .null, definition.spec, at: "spec")
                    #expect(unknown.isEmpty, "\(folder): \(text)")
                    count += 1
                }
            }
        }
        #expect(count >= 12, "\(count)")
    }

    @Test func `a misspelt field is found`() {
        let spec: JSONValue = ["backup": ["schedules": [["name": "a", "shedule": "@daily"]]]]
        #expect(
            SchemaCheck.unknownFields(in: spec, EtcdClusterSpec.schema, at: "spec")
                == ["spec.backup.schedules[0].shedule"])
    }

    /// YAML files, the blocks of YAML in Markdown, and renders of charts document by document.
    private static func documents(below folder: String) throws -> [String] {
        let base = root.appendingPathComponent(folder)
        let walker = FileManager.default.enumerator(atPath: base.path)
        let paths = (walker?.allObjects as? [String] ?? []).sorted()
        return try paths.flatMap { path -> [String] in
            guard [".yaml", ".md", ".txt"].contains(where: path.hasSuffix) else { return [] }
            let file = base.appendingPathComponent(path)
            let text = try String(contentsOf: file, encoding: .utf8)
            if path.hasSuffix(".yaml") { return [text] }
            if path.hasSuffix(".txt") { return text.components(separatedBy: "---\n") }
            return text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
                $0.components(separatedBy: "```").first
            }
        }
    }
}
