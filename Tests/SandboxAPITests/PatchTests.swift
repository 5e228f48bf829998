// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import SandboxAPI

@Suite struct StrategicMergeTests {
    static let podSpec: FieldSchema = {
        var types = SchemaText(BuiltInTypes.all)
        return types.schema(of: "PodSpec")
    }()

    static func apply(_ patch: String, to original: String) throws -> String {
        let result = try StrategicMergePatch.apply(
            try JSON.parse(patch), to: try JSON.parse(original), podSpec)
        return "\(result)"
    }

    @Test func `elements are merged by their keys`() throws {
        let result = try Self.apply(
            #"{"containers":[{"name":"a","image":"2"}]}"#,
            to: #"{"containers":[{"name":"a","image":"1","env":[]},{"name":"b"}]}"#)
        #expect(
            result == #"{"containers":[{"name":"a","image":"2","env":[]},{"name":"b"}]}"#)
    }

    @Test func `a new element comes first unless its place is said`() throws {
        let original = #"{"containers":[{"name":"a"},{"name":"b"}]}"#
        #expect(
            try Self.apply(#"{"containers":[{"name":"c"}]}"#, to: original)
                == #"{"containers":[{"name":"c"},{"name":"a"},{"name":"b"}]}"#)
        let placed = #"""
            {"$setElementOrder/containers":[{"name":"a"},{"name":"b"},{"name":"c"}],
             "containers":[{"name":"c"}]}
            """#
        #expect(
            try Self.apply(placed, to: original)
                == #"{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}"#)
    }

    @Test func `instructions delete, replace and retain`() throws {
        let original = #"{"containers":[{"name":"a"},{"name":"b"}]}"#
        #expect(
            try Self.apply(#"{"containers":[{"name":"a","$patch":"delete"}]}"#, to: original)
                == #"{"containers":[{"name":"b"}]}"#)
        #expect(
            try Self.apply(
                #"{"containers":[{"$patch":"replace"},{"name":"x"}]}"#, to: original)
                == #"{"containers":[{"name":"x"}]}"#)
        #expect(
            try Self.apply(
                #"{"volumes":[{"name":"v","$retainKeys":["name","emptyDir"],"emptyDir":{}}]}"#,
                to: #"{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}"#)
                == #"{"volumes":[{"name":"v","emptyDir":{}}]}"#)
        #expect(
            try Self.apply(
                #"{"securityContext":{"$patch":"replace","runAsUser":1}}"#,
                to: #"{"securityContext":{"fsGroup":2}}"#)
                == #"{"securityContext":{"runAsUser":1}}"#)
    }

    @Test func `lists without names are replaced`() throws {
        #expect(
            try Self.apply(
                #"{"tolerations":[{"key":"b"}]}"#, to: #"{"tolerations":[{"key":"a"}]}"#)
                == #"{"tolerations":[{"key":"b"}]}"#)
    }

    @Test func `an element without its key is refused`() {
        #expect(throws: StrategicMergePatch.Failure.self) {
            _ = try Self.apply(#"{"containers":[{"image":"x"}]}"#, to: #"{"containers":[]}"#)
        }
    }

    /// A merge of named lists does what a merge of maps does.
    @Test(arguments: UInt64(1)...20) func `merging lists is merging maps`(seed: UInt64) throws {
        var random = Random(seed: seed)
        func list(_ deletes: Bool) -> [JSONValue] {
            var names = Set<Int>()
            var elements: [JSONValue] = []
            for _ in 0..<random.below(6) {
                let name = random.below(6)
                guard names.insert(name).inserted else { continue }
                var element: [(String, JSONValue)] = [("name", .string("n\(name)"))]
                if deletes, random.chance(percent: 30) {
                    element.append(("$patch", "delete"))
                } else {
                    element.append(("f\(random.below(2))", .integer(Int64(random.below(9)))))
                }
                elements.append(.object(element))
            }
            return elements
        }
        let schema = FieldSchema(
            .object,
            properties: [
                ("l", FieldSchema(.array, items: .anything, listKind: .map(["name"])))
            ])
        for _ in 0..<50 {
            let (original, patch) = (list(false), list(true))
            let result = try StrategicMergePatch.apply(
                ["l": .array(patch)], to: ["l": .array(original)], schema)
            var naive: [String: JSONObject] = [:]
            for element in original { naive[element["name"]?.string ?? ""] = element.object }
            for element in patch {
                let name = element["name"]?.string ?? ""
                if element["$patch"] != nil {
                    naive[name] = nil
                } else {
                    var merged = naive[name] ?? JSONObject()
                    for member in element.object?.members ?? [] {
                        merged[member.key] = member.value
                    }
                    naive[name] = merged
                }
            }
            let found = result["l"]?.array ?? []
            #expect(found.count == naive.count, "seed \(seed)")
            for element in found {
                let expected = naive[element["name"]?.string ?? ""].map(JSONValue.object)
                #expect(expected?.isSame(as: element) == true, "seed \(seed): \(element)")
            }
        }
    }
}

@Suite struct FuzzTests {
    /// Any JSON at all, often with names that mean something.
    static func value(_ random: inout Random, depth: Int = 0) -> JSONValue {
        let words = [
            "name", "spec", "metadata", "containers", "$patch", "delete", "replace", "data", "a",
            "$setElementOrder/containers", "$retainKeys", "finalizers", "ports", "status", "x",
        ]
        switch random.below(depth > 4 ? 5 : 8) {
        case 0: return .null
        case 1: return .bool(random.chance(percent: 50))
        case 2: return .integer(Int64(bitPattern: random.next()))
        case 3: return .number(1.5)
        case 4: return .string(words[random.below(words.count)])
        case 5: return .array((0..<random.below(4)).map { _ in value(&random, depth: depth + 1) })
        default:
            return .object(
                (0..<random.below(5)).map { _ in
                    (words[random.below(words.count)], value(&random, depth: depth + 1))
                })
        }
    }

    @Test(arguments: UInt64(1)...10) func `no patch breaks the API`(seed: UInt64) {
        var random = Random(seed: seed)
        var cluster = Cluster()
        _ = cluster.create(.deployment, Sample.deployment("d"))
        _ = cluster.create(.customResourceDefinition, Sample.definition())
        _ = cluster.create(Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": 2]])
        for _ in 0..<150 {
            let type = PatchType.allCases[random.below(4)]
            let (kind, name) =
                random.chance(percent: 60)
                ? (ResourceKind.deployment, "d") : (Sample.thing, "t")
            var body = Self.value(&random)
            if type == .json {
                body = .array([
                    [
                        "op": "add", "path": .string("/\(Self.value(&random).string ?? "spec")"),
                        "value": body,
                    ]
                ])
            }
            let path = Cluster.path(kind, name, random.chance(percent: 20) ? "status" : "")
            let response = cluster.ask(
                "PATCH", path + "?fieldManager=f", body, type: type.contentType)
            #expect([200, 201, 400, 404, 409, 415, 422].contains(response.code), "seed \(seed)")
        }
        cluster.wait(1)
        #expect(cluster.api.get(ObjectKey(.deployment, namespace: "ns", name: "d")) != nil)
    }

    @Test(arguments: UInt64(1)...10) func `no protobuf breaks the API`(seed: UInt64) {
        var random = Random(seed: seed)
        for _ in 0..<300 {
            var bytes = ProtobufBody.mark
            let meta: [UInt8] = [0x0a, 0x02, 0x76, 0x31, 0x12, 0x03] + Array("Pod".utf8)
            let raw = random.bytes(random.below(60))
            bytes += [0x0a, UInt8(meta.count)] + meta + [0x12, UInt8(raw.count)] + raw
            if random.chance(percent: 30) { bytes.removeLast(random.below(bytes.count)) }
            do throws(StatusError) {
                _ = try ProtobufBody.read(bytes)
            } catch {
                #expect(error.code == 400 || error.code == 415, "seed \(seed): \(error)")
            }
        }
    }

    @Test(arguments: UInt64(1)...10) func `no rule breaks its reader`(seed: UInt64) {
        var random = Random(seed: seed)
        let words = [
            "self", ".", "a", "(", ")", "[", "]", "&&", "||", "!", "-", "==", "'x'", "1", "?", ":",
            "has", "size", ",", "in", "{", "}", "all", "9223372036854775807", "*", "%", "0",
        ]
        for _ in 0..<1000 {
            let text = (0..<random.below(14)).map { _ in words[random.below(words.count)] }
                .joined(separator: " ")
            do throws(ExpressionError) {
                let expression = try ExpressionReader.read(text)
                var run = ExpressionRun([("self", ExpressionValue(["a": [1, "x"]]))])
                _ = try run.value(of: expression)
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }
}

@Suite struct ProtobufTests {
    @Test func `a config map as a typed client sends it`() throws {
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
            [number << 3 | 2, UInt8(bytes.count)] + bytes
        }
        func text(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
        let metadata = text(1, "a") + text(3, "ns") + text(5, "") + field(8, [])
        let data = field(2, text(1, "k") + text(2, "v"))
        let raw = field(1, metadata) + data
        let envelope =
            ProtobufBody.mark + field(1, text(1, "v1") + text(2, "ConfigMap")) + field(2, raw)
        let wanted: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a", "namespace": "ns"],
            "data": ["k": "v"],
        ]
        #expect(try ProtobufBody.read(envelope).isSame(as: wanted))
    }

    @Test func `every type with numbers has a schema that knows its fields`() {
        var types = SchemaText(BuiltInTypes.all)
        let inlined = ["VolumeSource": "Volume", "ProbeHandler": "Probe"]
        for type in ProtobufNumbers.tables.keys.sorted() {
            let schema = types.schema(of: inlined[type] ?? type)
            for name in (ProtobufNumbers.tables[type] ?? [:]).values where !name.hasPrefix("@") {
                #expect(schema.property(name) != nil, "\(type).\(name)")
            }
        }
    }
}

@Suite struct RuleTests {
    static func holds(_ rule: String, _ value: JSONValue, _ before: JSONValue? = nil) throws -> Bool
    {
        var names = [(name: "self", value: ExpressionValue(value))]
        if let before { names.append((name: "oldSelf", value: ExpressionValue(before))) }
        var run = ExpressionRun(names)
        return try run.bool(try ExpressionReader.read(rule))
    }

    @Test func `rules as definitions write them`() throws {
        #expect(try Self.holds("has(self.a) != has(self.b)", ["a": 1]))
        #expect(try !Self.holds("self == oldSelf", "x", "y"))
        #expect(try Self.holds("self.n + self.m > 0 && self.n in [1, 2]", ["n": 1, "m": 0]))
        #expect(
            try Self.holds(
                "quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0",
                ["size": "2Gi"], ["size": "1Gi"]))
        #expect(try Self.holds("duration(self.a) < duration('50s')", ["a": "1s500ms"]))
        #expect(try Self.holds("int(self.v.split('.')[1]) <= 5", ["v": "3.5.1"]))
        #expect(try Self.holds("self.all(k, !k.startsWith('x/')) ? true : false", ["a/b": "c"]))
        #expect(try Self.holds("self.matches('^[a-z]+$') || self.none", "abc"))
        #expect(try Self.holds("(has(self.c) ? self.c : '') == ''", [:]))
        #expect(
            try Self.holds(
                "self.args.all(arg, !(arg.split('=')[0].substring(2) in ['name', 'dir']))",
                ["args": ["--other=1"]]))
        #expect(throws: ExpressionError.self) { _ = try Self.holds("self.x == 1", [:]) }
        #expect(CustomRules.fault(in: "self.isSorted()") != nil)
    }
}
