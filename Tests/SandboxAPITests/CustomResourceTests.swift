// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import SandboxAPI

@Suite struct CustomResourceTests {
    @Test func `a definition is served at once, and takes its objects with it`() {
        var cluster = Cluster()
        #expect(cluster.ask("GET", Cluster.path(Sample.thing)).code == 404)
        let definition = cluster.create(.customResourceDefinition, Sample.definition())
        #expect(definition.kubeObject.condition("Established")?.isTrue == true)
        #expect(definition.kubeObject.string("spec", "names", "listKind") == "ThingList")
        let groups = cluster.ask("GET", "/apis/example.com/v1").value
        #expect(
            groups["resources"]?.array?.map { $0["name"] } == [
                "things", "things/status", "things/scale",
            ])
        _ = cluster.create(Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": 2]])
        _ = cluster.ask(
            "DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com")
        #expect(cluster.ask("GET", Cluster.path(Sample.thing)).code == 404)
        _ = cluster.create(.customResourceDefinition, Sample.definition())
        #expect(cluster.ask("GET", Cluster.path(Sample.thing, "t")).code == 404)
    }

    @Test func `what the schema does not allow is told by path`() {
        var cluster = Cluster()
        _ = cluster.create(.customResourceDefinition, Sample.definition())
        let bad = cluster.create(
            Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": 9, "mode": "C"]])
        #expect(bad.code == 422)
        #expect(
            bad.message
                == "Thing.example.com \"t\" is invalid: [spec.replicas: Invalid value: 9:"
                + " spec.replicas in body should be less than or equal to 7, spec.mode:"
                + " Unsupported value: \"C\": supported values: \"A\", \"B\"]")
        let typed = cluster.create(
            Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": "x"]])
        #expect(typed.message.contains("must be of type integer: \"string\""))
        let good = cluster.create(
            Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": 3, "odd": 1]])
        #expect(good.kubeObject["spec", "odd"] == nil)
        #expect(good.kubeObject.string("spec", "mode") == "A")
    }

    @Test func `it scales by its own paths`() {
        var cluster = Cluster()
        _ = cluster.create(.customResourceDefinition, Sample.definition())
        _ = cluster.create(Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": 2]])
        _ = cluster.patch(
            Sample.thing, "t", ["status": ["replicas": 1, "selector": "a=b"]], .merge, "status")
        let scale = cluster.ask("GET", Cluster.path(Sample.thing, "t", "scale")).kubeObject
        #expect(scale.int("spec", "replicas") == 2)
        #expect(scale.int("status", "replicas") == 1)
        #expect(scale.string("status", "selector") == "a=b")
        let scaled = cluster.patch(
            Sample.thing, "t", ["spec": ["replicas": 5]], .merge, "scale")
        #expect(scaled.code == 200)
        #expect(cluster.get(Sample.thing, "t").int("spec", "replicas") == 5)
        #expect(
            cluster.patch(Sample.thing, "t", ["spec": ["replicas": 8]], .merge, "scale").code
                == 422)
    }

    @Test func `a definition that cannot be enforced is refused`() {
        var cluster = Cluster()
        var body = KubeObject(Sample.definition().object ?? JSONObject())
        body[
            "spec", "versions", "0", "schema", "openAPIV3Schema", "properties", "spec",
            "x-kubernetes-validations"] = [["rule": "self.frobnicate()"]]
        let refused = cluster.create(.customResourceDefinition, .object(body.json))
        #expect(refused.code == 422)
        #expect(refused.message.contains("does not know the function frobnicate"))
    }

    @Test func `its columns make the table`() {
        var cluster = Cluster()
        _ = cluster.create(.customResourceDefinition, Sample.definition())
        _ = cluster.create(Sample.thing, ["metadata": ["name": "t"], "spec": ["replicas": 2]])
        _ = cluster.patch(
            Sample.thing, "t",
            ["status": ["conditions": [["type": "Ready", "status": "True"]]]], .merge, "status")
        cluster.wait(90)
        let table = cluster.ask(
            "GET", Cluster.path(Sample.thing),
            accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
        ).value
        #expect(
            table["columnDefinitions"]?.array?.map { $0["name"] }
                == ["Name", "Size", "Ready", "Age"])
        #expect(table["rows"]?[0]?["cells"] == ["t", 2, "True", "90s"])
        #expect(table["rows"]?[0]?["object"]?["kind"] == "PartialObjectMetadata")
    }
}

@Suite struct ApplyTests {
    @Test func `updates take fields from appliers`() {
        var cluster = Cluster()
        _ = cluster.apply(.configMap, "a", ["data": ["k": "1"]], manager: "one")
        _ = cluster.patch(.configMap, "a", ["data": ["k": "2"]])
        let conflict = cluster.apply(.configMap, "a", ["data": ["k": "1"]], manager: "one")
        #expect(conflict.code == 409)
        #expect(conflict.message.contains("conflict with \"tests\" using v1: .data.k"))
        let forced = cluster.apply(
            .configMap, "a", ["data": ["k": "1"]], manager: "one", force: true)
        #expect(forced.kubeObject.string("data", "k") == "1")
    }

    @Test func `applying the same twice changes nothing`() {
        var cluster = Cluster()
        let body: JSONValue = [
            "spec": [
                "selector": ["matchLabels": ["app": "a"]], "template": Sample.template,
                "serviceName": "s",
                "volumeClaimTemplates": [
                    [
                        "metadata": ["name": "data"],
                        "spec": [
                            "accessModes": ["ReadWriteOnce"],
                            "resources": ["requests": ["storage": "1Gi"]],
                        ],
                    ]
                ],
            ]
        ]
        let first = cluster.apply(.statefulSet, "s", body, manager: "one").kubeObject
        cluster.wait(5)
        let second = cluster.apply(.statefulSet, "s", body, manager: "one")
        #expect(second.code == 200)
        #expect(second.kubeObject.resourceVersion == first.resourceVersion)
        #expect(cluster.apply(.statefulSet, "s", body, manager: "two").code == 200)
    }

    @Test func `elements of lists have owners of their own`() {
        var cluster = Cluster()
        func ports(_ numbers: [Int64]) -> JSONValue {
            [
                "spec": [
                    "ports": .array(
                        numbers.map { ["name": .string("p\($0)"), "port": .integer($0)] })
                ]
            ]
        }
        _ = cluster.apply(.service, "s", ports([1, 2]), manager: "one")
        let both = cluster.apply(.service, "s", ports([3]), manager: "two").kubeObject
        #expect(both.list("spec", "ports").count == 3)
        let less = cluster.apply(.service, "s", ports([2]), manager: "one").kubeObject
        #expect(less.list("spec", "ports").compactMap { $0["port"]?.int64 } == [2, 3])
    }

    @Test func `fields are written as they are read`() throws {
        let text = #"{"f:a":{".":{},"f:b":{}},"f:l":{"k:{\"name\":\"x\"}":{".":{},"f:i":{}}}}"#
        let set = FieldSet(fieldsV1: try JSON.parse(text))
        #expect("\(set.fieldsV1)" == text)
        #expect(
            set.sorted.map { FieldSet.text($0) }
                == [".a", ".a.b", ".l[name=\"x\"]", ".l[name=\"x\"].i"])
    }
}

@Suite struct AccessTests {
    @Test func `roles decide when asked to`() {
        var cluster = Cluster { $0.evaluatesRBAC = true }
        let user = Identity(name: "jane", groups: ["system:authenticated"])
        let path = Cluster.path(.pod)
        let refused = cluster.ask("GET", path, as: user)
        #expect(refused.code == 403)
        #expect(
            refused.message
                == "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group"
                + " \"\" in the namespace \"ns\"")
        _ = cluster.create(
            .role,
            [
                "metadata": ["name": "r"],
                "rules": [["apiGroups": [""], "resources": ["pods"], "verbs": ["list"]]],
            ])
        _ = cluster.create(
            .roleBinding,
            [
                "metadata": ["name": "b"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"],
                "subjects": [["kind": "User", "name": "jane"]],
            ])
        #expect(cluster.ask("GET", path, as: user).code == 200)
        #expect(cluster.ask("DELETE", path, as: user).code == 403)
        #expect(cluster.ask("GET", "/api", as: user).code == 200)
        let review = cluster.ask(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            [
                "spec": [
                    "resourceAttributes": ["namespace": "ns", "verb": "list", "resource": "pods"]
                ]
            ],
            as: user)
        #expect(review.value["status"]?["allowed"] == true)
    }

    @Test func `a token stands for its account while that lives`() {
        var cluster = Cluster()
        let made = cluster.ask(
            "POST", "/api/v1/namespaces/ns/serviceaccounts/default/token",
            ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": [:]])
        let token = made.value["status"]?["token"]?.string ?? ""
        #expect(cluster.api.identity(ofToken: token)?.name == "system:serviceaccount:ns:default")
        _ = cluster.ask("DELETE", Cluster.path(.serviceAccount, "default"))
        #expect(cluster.api.identity(ofToken: token) == nil)
    }

    @Test func `evictions spend the budget`() throws {
        var cluster = Cluster()
        for name in ["a", "b"] {
            _ = cluster.create(.pod, Sample.pod(name, labels: [("app", "x")]))
            _ = cluster.patch(.pod, name, ["status": ["phase": "Running"]], .merge, "status")
        }
        _ = cluster.create(
            .podDisruptionBudget,
            [
                "metadata": ["name": "p"],
                "spec": ["minAvailable": 1, "selector": ["matchLabels": ["app": "x"]]],
            ])
        _ = cluster.patch(
            .podDisruptionBudget, "p",
            [
                "status": [
                    "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1,
                    "observedGeneration": 1,
                ]
            ], .merge, "status")
        for name in ["a", "b"] {
            _ = cluster.patch(
                .pod, name,
                ["status": ["conditions": [["type": "Ready", "status": "True"]]]], .merge,
                "status")
        }
        func evict(_ name: String) -> KubeResponse {
            cluster.ask(
                "POST", Cluster.path(.pod, name, "eviction"),
                [
                    "apiVersion": "policy/v1", "kind": "Eviction",
                    "metadata": ["name": .string(name)],
                ])
        }
        #expect(evict("a").code == 201)
        let refused = evict("b")
        #expect(refused.code == 429)
        #expect(refused.value["details"]?["causes"]?[0]?["reason"] == "DisruptionBudget")
        #expect(cluster.get(.podDisruptionBudget, "p").int("status", "disruptionsAllowed") == 0)
    }
}

@Suite struct DiscoveryTests {
    @Test func `discovery comes in both forms`() {
        var cluster = Cluster()
        let old = cluster.ask("GET", "/apis").value
        #expect(old["kind"] == "APIGroupList")
        let all = cluster.ask(
            "GET", "/apis",
            accept:
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
        )
        #expect(all.value["kind"] == "APIGroupDiscoveryList")
        #expect(all.header("Content-Type")?.contains("as=APIGroupDiscoveryList") == true)
        let pods = cluster.ask("GET", "/api/v1").value["resources"]?.array ?? []
        let pod = pods.first { $0["name"] == "pods" }
        #expect(pod?["shortNames"] == ["po"])
        #expect(pod?["namespaced"] == true)
    }

    @Test func `openapi says that fields are validated`() {
        var cluster = Cluster()
        let index = cluster.ask("GET", "/openapi/v3").value["paths"]
        #expect(
            index?["apis/apps/v1"]?["serverRelativeURL"]?.string?.hasPrefix(
                "/openapi/v3/apis/apps/v1?hash=") == true)
        let core = cluster.ask("GET", "/openapi/v3/api/v1").value
        let patch = core["paths"]?["/api/v1/namespaces/{name}"]?["patch"]
        #expect(patch?["x-kubernetes-group-version-kind"]?["kind"] == "Namespace")
        #expect(patch?["parameters"]?.array?.contains { $0["name"] == "fieldValidation" } == true)
        #expect(cluster.ask("GET", "/version").value["gitVersion"] == "v1.34.0+keelson-sandbox")
        #expect(cluster.ask("GET", "/readyz").body == Array("ok".utf8))
    }

    @Test func `openapi of the second version comes as json and as protobuf`() {
        var cluster = Cluster()
        #expect(cluster.ask("GET", "/openapi/v2").value["swagger"] == "2.0")
        let name = "application/com.github.proto-openapi.spec.v2"
        let message = cluster.ask("GET", "/openapi/v2", accept: "\(name)@v1.0+protobuf")
        #expect(message.code == 200)
        #expect(message.header("Content-Type") == "\(name).v1.0+protobuf")
        // swagger, info with title and version, empty paths, empty definitions.
        #expect(message.body.starts(with: Array("\n\u{3}2.0".utf8) + [0x12, 30, 0x0a, 15]))
        #expect(message.body.suffix(4) == [0x42, 0, 0x4a, 0])
        #expect(message.body.count == 5 + 32 + 4)
        #expect(cluster.ask("GET", "/openapi/v2", accept: "text/plain").code == 406)
    }

    @Test func `secrets and configmaps hold a mebibyte and no more`() {
        var cluster = Cluster()
        func text(_ count: Int) -> JSONValue {
            .string(String(repeating: "A", count: count))
        }
        let most = 1 << 20
        func config(_ name: String, _ count: Int) -> JSONValue {
            ["metadata": ["name": .string(name)], "data": ["a": text(count), "b": "c"]]
        }
        #expect(cluster.create(.configMap, config("fits", most - 1)).code == 201)
        let large = cluster.create(.configMap, config("large", most))
        #expect(large.code == 422)
        #expect(
            large.value["message"]?.string
                == "ConfigMap \"large\" is invalid: []: Too long: may not be more than 1048576 bytes"
        )
        // In base64, four letters for three bytes.
        let encoded = Base64.encode([UInt8](repeating: 0, count: most))
        let larger = Base64.encode([UInt8](repeating: 0, count: most + 1))
        func secret(_ name: String, _ data: String) -> JSONValue {
            ["metadata": ["name": .string(name)], "data": ["a": .string(data)]]
        }
        #expect(cluster.create(.secret, secret("fits", encoded)).code == 201)
        #expect(cluster.create(.secret, secret("large", larger)).code == 422)
    }

    @Test func `events show both their faces`() {
        var cluster = Cluster()
        let made = cluster.create(
            .eventV1,
            [
                "metadata": ["name": "e"], "reason": "R", "note": "n", "type": "Normal",
                "regarding": ["kind": "Pod", "name": "p", "namespace": "ns"],
                "eventTime": "2026-01-02T03:04:05.000000Z",
            ])
        #expect(made.kubeObject.string("note") == "n")
        let old = cluster.get(.event, "e")
        #expect(old.string("message") == "n")
        #expect(old.string("involvedObject", "name") == "p")
        let path = Cluster.path(.event) + "?fieldSelector=involvedObject.name=p"
        #expect(cluster.ask("GET", path).value["items"]?.array?.count == 1)
        cluster.wait(3700)
        #expect(cluster.ask("GET", Cluster.path(.event, "e")).code == 404)
    }

    @Test func `columns find their values`() throws {
        let value = try JSON.parse(#"{"a":{"b.c":[{"t":"x","v":1},{"t":"y","v":2}]}}"#)
        #expect(ColumnPath.values(".a['b.c'][1].v", in: value) == [2])
        #expect(ColumnPath.values(".a.b\\.c[*].v", in: value) == [1, 2])
        #expect(ColumnPath.values(".a['b.c'][?(@.t==\"y\")].v", in: value) == [2])
        #expect(ColumnPath.values(".a.none", in: value) == [])
    }
}
