// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import SandboxAPI
internal import Testing

@Suite struct StatefulSetsTests {
    private static func set(_ extra: String, replicas: Int = 3, claims: Bool = true) -> String {
        let templates =
            claims
            ? #""volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}],"#
            : ""
        return """
            {"apiVersion": "apps/v1", "kind": "StatefulSet",
             "metadata": {"name": "web", "namespace": "default"},
             "spec": {"replicas": \(replicas), "serviceName": "web", \(extra) \(templates)
              "selector": {"matchLabels": {"app": "web"}},
              "template": {"metadata": {"labels": {"app": "web"}},
               "spec": {"containers": [{"name": "c", "image": "one"}]}}}}
            """
    }

    private static let parallel =
        #""podManagementPolicy": "Parallel", "updateStrategy": {"type": "OnDelete"},"#

    private func images(_ stage: ControllerStage) -> [String] {
        stage.api.list(.pod, namespace: "default").map {
            $0.list("spec", "containers").first?["image"]?.string ?? ""
        }
    }

    @Test func `in order, a pod waits for the one before it`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(""))
        stage.settle()
        #expect(stage.podNames == ["web-0"])
        try stage.setPod("web-0", isReady: false)
        stage.settle()
        #expect(stage.podNames == ["web-0"])
        try stage.setPod("web-0")
        stage.settle()
        #expect(stage.podNames == ["web-0", "web-1"])
        try stage.settlePods()
        #expect(stage.podNames == ["web-0", "web-1", "web-2"])
        let set = try stage.object(.statefulSet, "web")
        #expect(set.int("status", "readyReplicas") == 3)
        #expect(set.int("status", "replicas") == 3)
        #expect(set.int("status", "observedGeneration") == 1)
        #expect(set.string("status", "currentRevision") == set.string("status", "updateRevision"))
    }

    @Test func `in parallel, all pods come at once, each with its claim and its name`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        stage.settle()
        #expect(stage.podNames == ["web-0", "web-1", "web-2"])
        let pod = try #require(stage.pod("web-1"))
        #expect(pod.string("spec", "hostname") == "web-1")
        #expect(pod.string("spec", "subdomain") == "web")
        #expect(pod.labels["apps.kubernetes.io/pod-index"] == "1")
        #expect(pod.labels["controller-revision-hash"]?.hasPrefix("web-") == true)
        let volumes = pod.list("spec", "volumes").compactMap {
            $0["persistentVolumeClaim"]?["claimName"]?.string
        }
        #expect(volumes == ["data-web-1"])
        let claim = try stage.object(.persistentVolumeClaim, "data-web-1")
        #expect(claim.string("status", "phase") == "Bound")
        #expect(claim.labels["app"] == "web")
        #expect(pod.string("spec", "nodeName") != nil)
    }

    @Test func `a deleted pod comes back under its name with its claim`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let before = try #require(stage.pod("web-1"))
        let claim = try stage.object(.persistentVolumeClaim, "data-web-1")
        try stage.api.delete(before.key(as: .pod), DeleteOptions())
        stage.settle()
        // Its process may still run.
        #expect(stage.pod("web-1")?.uid == before.uid)
        try stage.settlePods()
        let after = try #require(stage.pod("web-1"))
        #expect(after.uid != before.uid)
        #expect(try stage.object(.persistentVolumeClaim, "data-web-1").uid == claim.uid)
    }

    @Test func `with its claim deleted too, a pod comes back with a new one`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let claim = try stage.object(.persistentVolumeClaim, "data-web-2")
        try stage.api.delete(claim.key(as: .persistentVolumeClaim), DeleteOptions())
        stage.settle()
        #expect(try stage.object(.persistentVolumeClaim, "data-web-2").isBeingDeleted)
        try stage.api.delete(
            ObjectKey(.pod, namespace: "default", name: "web-2"), DeleteOptions())
        try stage.settlePods()
        let fresh = try stage.object(.persistentVolumeClaim, "data-web-2")
        #expect(fresh.uid != claim.uid)
        #expect(fresh.string("status", "phase") == "Bound")
        #expect(stage.pod("web-2")?.isReadyHere == true)
    }

    @Test func `ended pods are made anew`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let before = try #require(stage.pod("web-0"))
        try stage.setPod("web-0", phase: "Succeeded", isReady: false)
        try stage.settlePods()
        let after = try #require(stage.pod("web-0"))
        #expect(after.uid != before.uid)
        let set = try stage.object(.statefulSet, "web")
        #expect(stage.reasons(of: set.uid).contains("RecreatingTerminatedPod"))
    }

    @Test func `scaling takes from the top and keeps the claims`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set("", replicas: 4))
        try stage.settlePods()
        try stage.change(.statefulSet, "web") { $0["spec", "replicas"] = 2 }
        stage.settle()
        // One at a time, in order.
        #expect(stage.pod("web-3")?.isBeingDeleted == true)
        #expect(stage.pod("web-2")?.isBeingDeleted == false)
        try stage.settlePods()
        #expect(stage.podNames == ["web-0", "web-1"])
        #expect(stage.api.list(.persistentVolumeClaim, namespace: "default").count == 4)
    }

    @Test func `claims go with their pods where the set says so`() throws {
        var stage = try ControllerStage()
        try stage.make(
            Self.set(
                Self.parallel
                    + #""persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},"#
            ))
        try stage.settlePods()
        try stage.change(.statefulSet, "web") { $0["spec", "replicas"] = 1 }
        try stage.settlePods()
        stage.settle()
        #expect(
            stage.api.list(.persistentVolumeClaim, namespace: "default").map(\.name)
                == ["data-web-0"])
    }

    @Test func `with OnDelete a new template waits for somebody to delete pods`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let first = try stage.object(.statefulSet, "web").string("status", "updateRevision")
        try stage.change(.statefulSet, "web") {
            $0["spec", "template", "spec", "containers", "0", "image"] = "two"
        }
        try stage.settlePods()
        #expect(images(stage) == ["one", "one", "one"])
        let set = try stage.object(.statefulSet, "web")
        #expect(set.string("status", "currentRevision") == first)
        #expect(set.string("status", "updateRevision") != first)
        #expect(set.int("status", "updatedReplicas") == nil)
        try stage.api.delete(
            ObjectKey(.pod, namespace: "default", name: "web-1"), DeleteOptions())
        try stage.settlePods()
        #expect(images(stage) == ["one", "two", "one"])
        #expect(stage.pod("web-1")?.labels["controller-revision-hash"] != first)
    }

    @Test func `a rolling update goes from the top, one pod after the other`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(""))
        try stage.settlePods()
        try stage.change(.statefulSet, "web") {
            $0["spec", "template", "spec", "containers", "0", "image"] = "two"
        }
        stage.settle()
        let leaving = stage.api.list(.pod, namespace: "default").filter(\.isBeingDeleted)
        #expect(leaving.map(\.name) == ["web-2"])
        try stage.settlePods()
        #expect(images(stage) == ["two", "two", "two"])
        let set = try stage.object(.statefulSet, "web")
        #expect(set.string("status", "currentRevision") == set.string("status", "updateRevision"))
        #expect(set.int("status", "updatedReplicas") == 3)
        #expect(stage.api.list(.controllerRevision, namespace: "default").count == 2)
    }

    @Test func `an old template wanted again is the newest revision`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let first = try stage.object(.statefulSet, "web").string("status", "updateRevision")
        for image in ["two", "one"] {
            try stage.change(.statefulSet, "web") {
                $0["spec", "template", "spec", "containers", "0", "image"] = .string(image)
            }
            stage.settle()
        }
        #expect(
            try stage.object(.statefulSet, "web").string("status", "updateRevision") == first)
        let revision = try stage.object(.controllerRevision, first ?? "")
        #expect(revision.int("revision") == 3)
    }

    @Test func `a set made anew adopts the pods that were left`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let before = stage.api.list(.pod, namespace: "default").map(\.uid)
        try stage.api.delete(
            ObjectKey(.statefulSet, namespace: "default", name: "web"),
            DeleteOptions(propagationPolicy: "Orphan"))
        stage.settle()
        #expect(stage.api.list(.pod, namespace: "default").map(\.uid) == before)
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        let pods = stage.api.list(.pod, namespace: "default")
        #expect(pods.map(\.uid) == before)
        let set = try stage.object(.statefulSet, "web")
        #expect(pods.allSatisfy { $0.controller?.uid == set.uid })
        #expect(set.int("status", "updatedReplicas") == 3)
    }

    @Test func `an unchanged world is not written to`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.set(Self.parallel))
        try stage.settlePods()
        _ = stage.api.takeChanges()
        stage.pass(.seconds(60))
        #expect(stage.api.takeChanges().isEmpty)
    }
}

extension KubeObject {
    fileprivate var isReadyHere: Bool { condition("Ready")?.isTrue ?? false }
}
