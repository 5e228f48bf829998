// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Kube

@Suite struct KubeObjectTests {
    @Test func `fields are read and written by their path`() {
        var pod = KubeObject(.pod, namespace: "ns", name: "demo-0")
        pod["spec", "containers"] = [["name": "etcd", "image": "keelson:1"]]
        #expect(pod.string("spec", "containers", "0", "image") == "keelson:1")
        pod["spec", "containers", "0", "image"] = "keelson:2"
        #expect(pod.list("spec", "containers").first?["image"] == "keelson:2")
        pod["status", "phase"] = "Running"
        #expect(pod.string("status", "phase") == "Running")
        pod["status", "phase"] = nil
        #expect(pod["status"] == .object([]))
        pod["nowhere", "at", "all"] = nil
        #expect(pod["nowhere"] == nil)
        #expect(pod.string("spec", "containers", "7", "image") == nil)
    }

    @Test func `what every object has is absent when empty`() {
        var object = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        #expect(object.apiVersion == "keelson.dev/v1alpha1" && object.kind == "EtcdCluster")
        #expect(object.uid.isEmpty && object.generation == 0 && !object.isBeingDeleted)
        object.resourceVersion = "7"
        object.resourceVersion = ""
        #expect(object["metadata"]?.object?.keys == ["name", "namespace"])
        object.finalizers = ["keelson.dev/cluster"]
        object.finalizers = []
        object.labels = ["a": "b"]
        object.labels["a"] = nil
        #expect(object["metadata"]?.object?.keys == ["name", "namespace"])
        #expect(object.key == ObjectKey(.etcdCluster, namespace: "ns", name: "demo"))
    }

    @Test func `objects of no namespace have none`() {
        let node = KubeObject(.node, namespace: "ns", name: "worker")
        #expect(node.namespace.isEmpty)
        #expect(ObjectKey(.node, namespace: "ns", name: "worker").namespace.isEmpty)
    }

    @Test func `owners survive a round`() {
        var cluster = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        cluster.uid = "u1"
        var set = KubeObject(.statefulSet, namespace: "ns", name: "demo")
        set.ownerReferences = [OwnerReference(to: cluster)]
        #expect(set.controller?.uid == "u1")
        #expect(set.controller?.kind == "EtcdCluster")
        #expect(set.ownerReferences == [OwnerReference(to: cluster)])
    }

    @Test func `labels are equal in any order`() {
        #expect(KubeMap(["a": "1", "b": "2"]) == KubeMap(["b": "2", "a": "1"]))
        #expect(KubeMap(["a": "1"]) != KubeMap(["a": "2"]))
        #expect(KubeMap(["a": "1"]) != KubeMap(["a": "1", "b": "1"]))
        #expect(KubeMap(["b": "2", "a": "1"]).sorted.map(\.key) == ["a", "b"])
    }

    @Test func `sameness does not look at order or spelling`() throws {
        let left = try JSON.parse(#"{"a":1,"b":[{"c":null,"d":2.0}]}"#)
        let right = try JSON.parse(#"{"b":[{"d":2,"c":null}],"a":1.0}"#)
        #expect(left.isSame(as: right))
        #expect(!left.isSame(as: try JSON.parse(#"{"b":[{"d":2}],"a":1.0}"#)))
        #expect(!JSONValue.array([1, 2]).isSame(as: [2, 1]))
    }

    @Test func `keys are ordered by group, plural, namespace, name`() {
        let keys = [
            ObjectKey(.statefulSet, namespace: "a", name: "x"),
            ObjectKey(.pod, namespace: "b", name: "a"), ObjectKey(.pod, namespace: "a", name: "z"),
        ]
        #expect(
            keys.sorted().map(\.description)
                == ["pods a/z", "pods b/a", "statefulsets.apps a/x"])
    }

    @Test func `the table holds each resource once`() {
        let names = (ResourceKind.builtIn + ResourceKind.keelson).map(\.qualifiedName)
        #expect(Set(names).count == names.count)
        #expect(ResourceKind.named(apiVersion: "v1", kind: "Event") == .event)
        #expect(ResourceKind.named(apiVersion: "events.k8s.io/v1", kind: "Event") == .eventV1)
        #expect(ResourceKind.named(apiVersion: "v2", kind: "Pod") == nil)
    }
}
