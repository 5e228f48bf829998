// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import SandboxAPI

@Suite struct WriteTests {
    @Test func `a created object gets what the API gives`() {
        var cluster = Cluster()
        let response = cluster.create(.pod, Sample.pod("a"))
        let pod = response.kubeObject
        #expect(response.code == 201)
        #expect(pod.uid.utf8.count == 36)
        #expect(pod.creationTimestamp == "2026-01-02T03:04:05Z")
        #expect(pod.resourceVersion == "\(cluster.api.store.revision)")
        #expect(pod.string("status", "phase") == "Pending")
        #expect(pod.string("spec", "restartPolicy") == "Always")
        #expect(pod.string("spec", "serviceAccountName") == "default")
        #expect(cluster.create(.pod, Sample.pod("a")).reason == "AlreadyExists")
    }

    @Test func `generated names end in five letters`() {
        var cluster = Cluster()
        let made = cluster.create(.configMap, ["metadata": ["generateName": "x-"]]).kubeObject
        #expect(made.name.hasPrefix("x-"))
        #expect(made.name.utf8.count == 7)
    }

    @Test func `namespaces must be there, and names well formed`() {
        var cluster = Cluster()
        let elsewhere = cluster.ask(
            "POST", "/api/v1/namespaces/none/configmaps",
            ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"]])
        #expect(elsewhere.code == 404)
        #expect(elsewhere.message == "namespaces \"none\" not found")
        let bad = cluster.create(.configMap, Sample.configMap("Bad_Name"))
        #expect(bad.code == 422)
        #expect(bad.message.contains("a lowercase RFC 1123 subdomain"))
    }

    @Test func `a write with an old version is a conflict`() {
        var cluster = Cluster()
        var map = cluster.create(.configMap, Sample.configMap("a", [("k", "1")])).kubeObject
        let old = map
        map["data", "k"] = "2"
        let path = Cluster.path(.configMap, "a")
        #expect(cluster.ask("PUT", path, .object(map.json)).code == 200)
        let stale = cluster.ask("PUT", path, .object(old.json))
        #expect(stale.code == 409)
        #expect(stale.message.hasPrefix("Operation cannot be fulfilled on configmaps \"a\""))
    }

    @Test func `a write that changes nothing is none`() {
        var cluster = Cluster()
        let map = cluster.create(.configMap, Sample.configMap("a", [("k", "1")])).kubeObject
        let watch = cluster.watch(.configMap, "&resourceVersion=\(map.resourceVersion)")
        let again = cluster.ask("PUT", Cluster.path(.configMap, "a"), .object(map.json))
        #expect(again.kubeObject.resourceVersion == map.resourceVersion)
        #expect(cluster.events(watch) == [])
    }

    @Test func `generation counts changes of the spec alone`() {
        var cluster = Cluster()
        #expect(cluster.create(.deployment, Sample.deployment("d")).kubeObject.generation == 1)
        let labelled = cluster.patch(
            .deployment, "d", ["metadata": ["labels": ["x": "y"]], "status": ["replicas": 9]])
        #expect(labelled.kubeObject.generation == 1)
        #expect(labelled.kubeObject["status"] == nil)
        let scaled = cluster.patch(.deployment, "d", ["spec": ["replicas": 3]])
        #expect(scaled.kubeObject.generation == 2)
        let status = cluster.patch(
            .deployment, "d", ["status": ["replicas": 3], "spec": ["replicas": 9]], .merge, "status"
        )
        #expect(status.kubeObject.generation == 2)
        #expect(status.kubeObject.int("spec", "replicas") == 3)
        #expect(status.kubeObject.int("status", "replicas") == 3)
    }

    @Test func `unknown fields are pruned, warned about or refused`() {
        var cluster = Cluster()
        var body = Sample.configMap("a").object ?? JSONObject()
        body["apiVersion"] = "v1"
        body["kind"] = "ConfigMap"
        body["foo"] = "bar"
        let path = Cluster.path(.configMap)
        let strict = cluster.ask("POST", path + "?fieldValidation=Strict", .object(body))
        #expect(strict.code == 400)
        #expect(strict.message.contains("strict decoding error: unknown field \"foo\""))
        let warned = cluster.ask("POST", path, .object(body))
        #expect(warned.code == 201)
        #expect(warned.header("Warning") == "299 - \"unknown field \\\"foo\\\"\"")
        #expect(warned.kubeObject["foo"] == nil)
    }

    @Test func `dry runs change nothing`() {
        var cluster = Cluster()
        let before = cluster.api.store.revision
        let path = Cluster.path(.configMap) + "?dryRun=All"
        var body = Sample.configMap("a").object ?? JSONObject()
        body["apiVersion"] = "v1"
        body["kind"] = "ConfigMap"
        #expect(cluster.ask("POST", path, .object(body)).code == 201)
        #expect(cluster.api.store.revision == before)
        #expect(cluster.ask("GET", Cluster.path(.configMap, "a")).code == 404)
    }

    @Test func `fields that may not change do not`() {
        var cluster = Cluster()
        let set: JSONValue = [
            "metadata": ["name": "s"],
            "spec": [
                "serviceName": "s", "selector": ["matchLabels": ["app": "a"]],
                "template": Sample.template,
            ],
        ]
        #expect(cluster.create(.statefulSet, set).code == 201)
        let refused = cluster.patch(.statefulSet, "s", ["spec": ["serviceName": "t"]])
        #expect(refused.code == 422)
        #expect(refused.message.contains("updates to statefulset spec for fields other than"))
        let pod = cluster.create(.pod, Sample.pod("p"))
        #expect(pod.code == 201)
        #expect(cluster.patch(.pod, "p", ["spec": ["dnsPolicy": "None"]]).code == 422)
    }

    @Test func `what is not done is refused`() {
        var cluster = Cluster()
        #expect(cluster.ask("GET", "/apis/nothing.io/v1/things").code == 404)
        #expect(cluster.ask("POST", "/api/v1/namespaces/ns/resourcequotas", [:]).code == 501)
        _ = cluster.create(.pod, Sample.pod("p"))
        #expect(cluster.ask("POST", Cluster.path(.pod, "p", "portforward")).code == 501)
        #expect(cluster.ask("DELETE", "/api/v1/pods").code == 405)
        let odd = cluster.ask(
            "GET", Cluster.path(.pod) + "?fieldSelector=spec.odd=1")
        #expect(odd.code == 400)
        #expect(odd.message == "field label not supported: spec.odd")
    }
}

@Suite struct DeleteTests {
    @Test func `finalizers hold an object`() {
        var cluster = Cluster()
        _ = cluster.create(
            .configMap, ["metadata": ["name": "a", "finalizers": ["example.com/hold"]]])
        let path = Cluster.path(.configMap, "a")
        let marked = cluster.ask("DELETE", path)
        #expect(marked.code == 200)
        #expect(marked.kubeObject.isBeingDeleted)
        let added = cluster.patch(
            .configMap, "a",
            ["metadata": ["finalizers": ["example.com/hold", "example.com/more"]]])
        #expect(added.code == 422)
        #expect(cluster.patch(.configMap, "a", ["metadata": ["finalizers": .null]]).code == 200)
        #expect(cluster.ask("GET", path).code == 404)
    }

    @Test func `a pod that runs is given its time`() {
        var cluster = Cluster()
        _ = cluster.create(.pod, Sample.pod("p"))
        _ = cluster.patch(.pod, "p", ["spec": ["nodeName": "n"]])
        let path = Cluster.path(.pod, "p")
        let first = cluster.ask("DELETE", path)
        #expect(first.kubeObject.int("metadata", "deletionGracePeriodSeconds") == 30)
        #expect(cluster.get(.pod, "p").deletionTimestamp == "2026-01-02T03:04:35Z")
        let shorter = cluster.ask("DELETE", path, ["gracePeriodSeconds": 5])
        #expect(shorter.kubeObject.int("metadata", "deletionGracePeriodSeconds") == 5)
        #expect(cluster.ask("DELETE", path, ["gracePeriodSeconds": 0]).value["status"] == "Success")
        #expect(cluster.ask("GET", path).code == 404)
    }

    @Test func `preconditions are asked first`() {
        var cluster = Cluster()
        _ = cluster.create(.configMap, Sample.configMap("a"))
        let path = Cluster.path(.configMap, "a")
        #expect(cluster.ask("DELETE", path, ["preconditions": ["uid": "x"]]).code == 409)
        #expect(
            cluster.ask("DELETE", path, ["preconditions": ["resourceVersion": "1"]]).code == 409)
        #expect(cluster.ask("DELETE", path).code == 200)
    }

    private static func owned(_ cluster: inout Cluster, blocks: Bool) {
        let owner = cluster.create(.configMap, Sample.configMap("owner")).kubeObject
        var child = KubeObject(Sample.configMap("child").object ?? JSONObject())
        var reference = OwnerReference(to: owner)
        reference.blockOwnerDeletion = blocks
        child.ownerReferences = [reference]
        #expect(cluster.create(.configMap, .object(child.json)).code == 201)
    }

    @Test func `dependents go after their owner in the background`() {
        var cluster = Cluster()
        Self.owned(&cluster, blocks: true)
        #expect(cluster.ask("DELETE", Cluster.path(.configMap, "owner")).code == 200)
        #expect(cluster.ask("GET", Cluster.path(.configMap, "child")).code == 200)
        cluster.wait(1)
        #expect(cluster.ask("GET", Cluster.path(.configMap, "child")).code == 404)
    }

    @Test func `an owner waits for dependents in the foreground`() {
        var cluster = Cluster()
        Self.owned(&cluster, blocks: true)
        _ = cluster.patch(
            .configMap, "child", ["metadata": ["finalizers": ["example.com/hold"]]])
        let path = Cluster.path(.configMap, "owner")
        _ = cluster.ask("DELETE", path, ["propagationPolicy": "Foreground"])
        cluster.wait(1)
        #expect(cluster.get(.configMap, "owner").finalizers == ["foregroundDeletion"])
        #expect(cluster.get(.configMap, "child").isBeingDeleted)
        _ = cluster.patch(.configMap, "child", ["metadata": ["finalizers": .null]])
        cluster.wait(1)
        #expect(cluster.ask("GET", path).code == 404)
    }

    @Test func `orphans stay and forget their owner`() {
        var cluster = Cluster()
        Self.owned(&cluster, blocks: true)
        _ = cluster.ask(
            "DELETE", Cluster.path(.configMap, "owner"), ["propagationPolicy": "Orphan"])
        cluster.wait(1)
        #expect(cluster.ask("GET", Cluster.path(.configMap, "owner")).code == 404)
        #expect(cluster.get(.configMap, "child").ownerReferences == [])
    }

    @Test func `a claim stays while a pod mounts it`() {
        var cluster = Cluster()
        _ = cluster.create(
            .persistentVolumeClaim,
            [
                "metadata": ["name": "c"],
                "spec": [
                    "accessModes": ["ReadWriteOnce"],
                    "resources": ["requests": ["storage": "1Gi"]],
                ],
            ])
        var pod = KubeObject(Sample.pod("p").object ?? JSONObject())
        pod["spec", "volumes"] = [["name": "v", "persistentVolumeClaim": ["claimName": "c"]]]
        _ = cluster.create(.pod, .object(pod.json))
        let path = Cluster.path(.persistentVolumeClaim, "c")
        #expect(cluster.ask("DELETE", path).kubeObject.isBeingDeleted)
        cluster.wait(1)
        #expect(cluster.ask("GET", path).code == 200)
        _ = cluster.ask("DELETE", Cluster.path(.pod, "p"))
        cluster.wait(1)
        #expect(cluster.ask("GET", path).code == 404)
    }

    @Test func `a namespace empties before it goes`() {
        var cluster = Cluster()
        _ = cluster.create(
            .configMap, ["metadata": ["name": "a", "finalizers": ["example.com/hold"]]])
        _ = cluster.ask("DELETE", Cluster.path(.namespace, "ns"))
        #expect(cluster.get(.namespace, "ns").string("status", "phase") == "Terminating")
        let refused = cluster.create(.configMap, Sample.configMap("b"))
        #expect(refused.code == 403)
        #expect(refused.value["details"]?["causes"]?[0]?["reason"] == "NamespaceTerminating")
        cluster.wait(1)
        #expect(cluster.ask("GET", Cluster.path(.namespace, "ns")).code == 200)
        _ = cluster.patch(.configMap, "a", ["metadata": ["finalizers": .null]])
        cluster.wait(1)
        #expect(cluster.ask("GET", Cluster.path(.namespace, "ns")).code == 404)
    }

    @Test func `a collection is deleted by its selector`() {
        var cluster = Cluster()
        for name in ["a", "b"] {
            _ = cluster.create(
                .configMap, ["metadata": ["name": .string(name), "labels": ["x": .string(name)]]])
        }
        _ = cluster.ask("DELETE", Cluster.path(.configMap) + "?labelSelector=x=a")
        #expect(cluster.api.list(.configMap, namespace: "ns").map(\.name) == ["b"])
    }
}

@Suite struct ListAndWatchTests {
    @Test func `pages of a list are of one moment`() {
        var cluster = Cluster()
        for name in ["a", "b", "c"] { _ = cluster.create(.configMap, Sample.configMap(name)) }
        let path = Cluster.path(.configMap)
        let first = cluster.ask("GET", path + "?limit=2").value
        #expect(first["items"]?.array?.count == 2)
        #expect(first["metadata"]?["remainingItemCount"] == 1)
        let token = first["metadata"]?["continue"]?.string ?? ""
        _ = cluster.ask("DELETE", Cluster.path(.configMap, "c"))
        let second = cluster.ask("GET", path + "?limit=2&continue=\(token)").value
        #expect(second["items"]?[0]?["metadata"]?["name"] == "c")
        #expect(
            second["metadata"]?["resourceVersion"] == first["metadata"]?["resourceVersion"])
        cluster.api.compactHistory(keeping: 0)
        let late = cluster.ask("GET", path + "?limit=2&continue=\(token)")
        #expect(late.code == 410)
        #expect(late.value["metadata"]?["continue"]?.string?.isEmpty == false)
    }

    @Test func `versions that were and that will be`() {
        var cluster = Cluster()
        let before = cluster.api.store.revision
        _ = cluster.create(.configMap, Sample.configMap("a"))
        let path = Cluster.path(.configMap)
        let exact = cluster.ask(
            "GET", path + "?resourceVersion=\(before)&resourceVersionMatch=Exact"
        ).value
        #expect(exact["items"]?.array?.isEmpty == true)
        #expect(cluster.ask("GET", path + "?resourceVersion=99999").code == 504)
        #expect(cluster.ask("GET", path + "?resourceVersion=x").code == 400)
    }

    @Test func `a watch tells what happened since its version`() {
        var cluster = Cluster()
        let start = cluster.api.store.revision
        _ = cluster.create(.configMap, Sample.configMap("a"))
        _ = cluster.patch(.configMap, "a", ["data": ["k": "v"]])
        let watch = cluster.watch(.configMap, "&resourceVersion=\(start)")
        #expect(cluster.events(watch) == ["ADDED a", "MODIFIED a"])
        _ = cluster.ask("DELETE", Cluster.path(.configMap, "a"))
        #expect(cluster.events(watch) == ["DELETED a"])
    }

    @Test func `what comes to match is added, what ceases to is deleted`() {
        var cluster = Cluster()
        _ = cluster.create(.configMap, Sample.configMap("a"))
        let watch = cluster.watch(.configMap, "&labelSelector=x=1")
        #expect(cluster.events(watch) == [])
        _ = cluster.patch(.configMap, "a", ["metadata": ["labels": ["x": "1"]]])
        _ = cluster.patch(.configMap, "a", ["data": ["k": "v"]])
        _ = cluster.patch(.configMap, "a", ["metadata": ["labels": ["x": "2"]]])
        _ = cluster.patch(.configMap, "a", ["data": ["k": "w"]])
        #expect(cluster.events(watch) == ["ADDED a", "MODIFIED a", "DELETED a"])
    }

    @Test func `a deleted object carries the version of its end`() throws {
        var cluster = Cluster()
        _ = cluster.create(.configMap, Sample.configMap("a"))
        let id = cluster.watch(.configMap)
        _ = cluster.ask("DELETE", Cluster.path(.configMap, "a"))
        var decoder = WatchDecoder()
        let events = cluster.api.takeWatchOutput().filter { $0.id == id }
            .flatMap { decoder.receive($0.bytes) }
        #expect(events.last?.resourceVersion == "\(cluster.api.store.revision)")
    }

    @Test func `a watch from a compacted version fails in its stream`() {
        var cluster = Cluster()
        let start = cluster.api.store.revision
        for name in ["a", "b"] { _ = cluster.create(.configMap, Sample.configMap(name)) }
        cluster.api.compactHistory(keeping: 1)
        let watch = cluster.watch(.configMap, "&resourceVersion=\(start)")
        #expect(cluster.events(watch) == ["ERROR 410", "end"])
        let near = cluster.watch(
            .configMap, "&resourceVersion=\(cluster.api.store.revision - 1)")
        #expect(cluster.events(near) == ["ADDED b"])
    }

    @Test func `a watch list begins with all and says so`() {
        var cluster = Cluster()
        _ = cluster.create(.configMap, Sample.configMap("a"))
        let query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        let watch = cluster.watch(.configMap, query + "&allowWatchBookmarks=true")
        #expect(cluster.events(watch) == ["ADDED a", "BOOKMARK end"])
        #expect(
            cluster.ask("GET", Cluster.path(.configMap) + "?watch=1&sendInitialEvents=true")
                .code == 422)
    }

    @Test func `bookmarks come by the minute, and before the end`() {
        var cluster = Cluster()
        let watch = cluster.watch(
            .configMap, "&allowWatchBookmarks=true&timeoutSeconds=90")
        _ = cluster.events(watch)
        cluster.wait(61)
        #expect(cluster.events(watch) == ["BOOKMARK"])
        cluster.wait(30)
        #expect(cluster.events(watch) == ["BOOKMARK", "end"])
        #expect(cluster.api.watchCount == 0)
    }

    @Test func `faults strike as often as asked`() {
        var cluster = Cluster()
        cluster.api.faults.conflicts["configmaps"] = 1
        #expect(cluster.create(.configMap, Sample.configMap("a")).code == 409)
        #expect(cluster.create(.configMap, Sample.configMap("a")).code == 201)
        cluster.api.faults.hangUpsAfterCommit["configmaps"] = 1
        let body: JSONValue = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "b"]]
        #expect(cluster.raw("POST", Cluster.path(.configMap), body) == .hangUp)
        #expect(cluster.ask("GET", Cluster.path(.configMap, "b")).code == 200)
        let watch = cluster.watch(.configMap)
        _ = cluster.events(watch)
        cluster.api.faults.expiredWatches = 1
        cluster.wait(1)
        #expect(cluster.events(watch) == ["ERROR 410", "end"])
    }
}
