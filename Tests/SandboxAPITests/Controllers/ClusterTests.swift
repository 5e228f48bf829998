// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import SandboxAPI
internal import Testing

@Suite struct DeploymentsTests {
    private static let deployment = """
        {"apiVersion": "apps/v1", "kind": "Deployment",
         "metadata": {"name": "d", "namespace": "default"},
         "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "d"}},
          "template": {"metadata": {"labels": {"app": "d"}},
           "spec": {"containers": [{"name": "c", "image": "one"}]}}}}
        """

    @Test func `a deployment has its pods through a replica set`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.deployment)
        try stage.settlePods()
        stage.settle()
        #expect(stage.podNames.count == 3)
        let deployment = try stage.object(.deployment, "d")
        #expect(deployment.int("status", "availableReplicas") == 3)
        #expect(deployment.condition("Available")?.isTrue == true)
        #expect(deployment.condition("Progressing")?.reason == "NewReplicaSetAvailable")
        #expect(deployment.annotations["deployment.kubernetes.io/revision"] == "1")
    }

    @Test func `a new template replaces all pods without falling below the limit`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.deployment)
        try stage.settlePods()
        stage.settle()
        try stage.change(.deployment, "d") {
            $0["spec", "template", "spec", "containers", "0", "image"] = "two"
        }
        for _ in 0..<20 {
            stage.settle()
            let live = stage.api.list(.pod, namespace: "default").filter {
                !$0.isBeingDeleted && $0.condition("Ready")?.isTrue == true
            }
            #expect(live.count >= 3)
            guard
                let next = stage.api.list(.pod, namespace: "default").first(where: {
                    $0.string("status", "phase") == "Pending" || $0.isBeingDeleted
                })
            else { break }
            if next.isBeingDeleted {
                try stage.api.delete(next.key(as: .pod), DeleteOptions(gracePeriodSeconds: 0))
            } else {
                try stage.setPod(next.name)
            }
        }
        try stage.settlePods()
        let images = stage.api.list(.pod, namespace: "default").map {
            $0.list("spec", "containers").first?["image"]?.string
        }
        #expect(images == ["two", "two", "two"])
        #expect(stage.api.list(.replicaSet, namespace: "default").count == 2)
    }
}

@Suite struct VolumesTests {
    private static func claim(_ extra: String = "") -> String {
        """
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
         "metadata": {"name": "v", "namespace": "default"},
         "spec": {"accessModes": ["ReadWriteOnce"], \(extra)
           "resources": {"requests": {"storage": "1Gi"}}}}
        """
    }

    @Test func `a claim is bound to a volume of its size, which goes with it`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.claim())
        stage.settle()
        let claim = try stage.object(.persistentVolumeClaim, "v")
        #expect(claim.string("status", "phase") == "Bound")
        #expect(claim.string("status", "capacity", "storage") == "1Gi")
        #expect(claim.string("spec", "storageClassName") == "fast")
        let volumes = stage.api.list(.persistentVolume, namespace: nil)
        #expect(volumes.map(\.name) == [claim.string("spec", "volumeName")])
        try stage.api.delete(claim.key(as: .persistentVolumeClaim), DeleteOptions())
        stage.settle()
        #expect(stage.api.list(.persistentVolume, namespace: nil).isEmpty)
    }

    @Test func `a claim of an unknown class waits and says why`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.claim(#""storageClassName": "none","#))
        stage.settle()
        let claim = try stage.object(.persistentVolumeClaim, "v")
        #expect(claim.string("status", "phase") == "Pending")
        #expect(stage.reasons(of: claim.uid) == ["ProvisioningFailed"])
    }

    @Test func `a claim that asks for more gets more`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.claim())
        stage.settle()
        try stage.change(.persistentVolumeClaim, "v") {
            $0["spec", "resources", "requests", "storage"] = "2Gi"
        }
        stage.settle()
        let claim = try stage.object(.persistentVolumeClaim, "v")
        #expect(claim.string("status", "capacity", "storage") == "2Gi")
    }
}

@Suite struct ServicesTests {
    private static func service(_ extra: String) -> String {
        """
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
         "spec": {\(extra) "selector": {"app": "web"},
           "ports": [{"name": "web", "port": 80, "targetPort": "http"}]}}
        """
    }

    private static func pod(_ name: String) -> String {
        """
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "\(name)", "namespace": "default",
          "labels": {"app": "web"}}, "spec": {"hostname": "\(name)", "subdomain": "s",
          "containers": [{"name": "c", "image": "one",
            "ports": [{"name": "http", "containerPort": 8080}]}]}}
        """
    }

    private func addresses(_ stage: ControllerStage, _ field: String) throws -> [String] {
        let subsets = try stage.object(.endpoints, "s").list("subsets")
        return (subsets.first?[field]?.array ?? []).compactMap { $0["hostname"]?.string }
    }

    @Test func `only ready pods serve`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.service(""))
        for name in ["a", "b"] { try stage.make(Self.pod(name)) }
        stage.settle()
        try stage.setPod("a")
        try stage.setPod("b", isReady: false)
        stage.settle()
        #expect(try addresses(stage, "addresses") == ["a"])
        #expect(try addresses(stage, "notReadyAddresses") == ["b"])
        let port = try stage.object(.endpoints, "s").list("subsets").first?["ports"]
        #expect(port?[0]?["port"]?.int64 == 8080)
        let slices = stage.api.list(.endpointSlice, namespace: "default")
        let ready = slices.first?.list("endpoints").map { $0["conditions"]?["ready"]?.bool }
        #expect(ready == [true, false])
    }

    @Test func `a headless service can publish those that are not ready`() throws {
        var stage = try ControllerStage()
        try stage.make(
            Self.service(#""clusterIP": "None", "publishNotReadyAddresses": true,"#))
        try stage.make(Self.pod("a"))
        stage.settle()
        try stage.setPod("a", isReady: false)
        stage.settle()
        #expect(try addresses(stage, "addresses") == ["a"])
    }

    @Test func `a pod that leaves serves no more, and endpoints go with their service`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.service(""))
        try stage.make(Self.pod("a"))
        stage.settle()
        try stage.setPod("a")
        stage.settle()
        try stage.api.delete(
            ObjectKey(.pod, namespace: "default", name: "a"), DeleteOptions())
        stage.settle()
        #expect(try addresses(stage, "addresses").isEmpty)
        try stage.api.delete(
            ObjectKey(.service, namespace: "default", name: "s"), DeleteOptions())
        stage.settle()
        let rest = stage.api.list(.endpoints, namespace: "default").map(\.name)
        #expect(!rest.contains("s"))
    }
}

@Suite struct DisruptionsTests {
    private static func budget(_ rule: String) -> String {
        """
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
         "metadata": {"name": "b", "namespace": "default"},
         "spec": {\(rule), "selector": {"matchLabels": {"app": "x"}}}}
        """
    }

    @Test(arguments: [
        (#""minAvailable": 2"#, 1), (#""minAvailable": "100%""#, 0), (#""maxUnavailable": 1"#, 1),
        (#""minAvailable": 0"#, 3), (#""maxUnavailable": "50%""#, 2),
    ])
    func `a budget says how many pods can be spared`(rule: String, expected: Int) throws {
        var stage = try ControllerStage()
        try stage.make(Self.budget(rule))
        for name in ["p", "q", "r"] {
            try stage.make(
                """
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "\(name)",
                  "namespace": "default", "labels": {"app": "x"}},
                 "spec": {"containers": [{"name": "c", "image": "one"}]}}
                """)
            stage.settle()
            try stage.setPod(name)
        }
        stage.settle()
        let status = try stage.object(.podDisruptionBudget, "b")
        #expect(status.int("status", "disruptionsAllowed") == expected)
        // The schema of metav1.Condition wants one, even if it is empty.
        #expect(status.list("status", "conditions").first?["message"]?.string == "")
        try stage.setPod("p", isReady: false)
        stage.settle()
        let later = try stage.object(.podDisruptionBudget, "b")
        #expect(later.int("status", "disruptionsAllowed") == max(0, expected - 1))
        #expect(later.int("status", "currentHealthy") == 2)
    }
}

@Suite struct NodesTests {
    private static func pod(_ name: String, _ extra: String = "") -> String {
        """
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "\(name)", "namespace": "default",
          "labels": {"app": "x"}},
         "spec": {\(extra) "containers": [{"name": "c", "image": "one"}]}}
        """
    }

    private static let apart = #"""
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
          {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}}]}},
        """#

    private func node(_ stage: ControllerStage, _ pod: String) -> String? {
        stage.pod(pod)?.string("spec", "nodeName")
    }

    @Test func `pods spread, and a fourth finds no place where three may be`() throws {
        var stage = try ControllerStage()
        for name in ["a", "b", "c", "d"] {
            try stage.make(Self.pod(name, Self.apart))
            stage.settle()
        }
        #expect(Set(["a", "b", "c"].compactMap { node(stage, $0) }).count == 3)
        #expect(node(stage, "d") == nil)
        let condition = stage.pod("d")?.condition("PodScheduled")
        #expect(condition?.reason == "Unschedulable")
        #expect(condition?.message.contains("3 node(s) didn't match pod anti-affinity") == true)
    }

    @Test func `a cordoned node gets nothing`() throws {
        var stage = try ControllerStage()
        for name in ["n1", "n3"] {
            var object = try #require(stage.api.get(ObjectKey(.node, name: name)))
            object["spec", "unschedulable"] = true
            try stage.api.update(object)
        }
        for name in ["a", "b"] { try stage.make(Self.pod(name)) }
        stage.settle()
        #expect(node(stage, "a") == "n2")
        #expect(node(stage, "b") == "n2")
    }

    @Test func `pods leave a lost node after five minutes, and are forgotten with it`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.pod("a"))
        stage.settle()
        try stage.setPod("a")
        let name = try #require(node(stage, "a"))
        try stage.setNode(name, isReady: false)
        stage.settle()
        stage.pass(.seconds(299))
        #expect(stage.pod("a")?.isBeingDeleted == false)
        stage.pass(.seconds(2))
        // Nobody can say that its process has ended, so the object stays.
        #expect(stage.pod("a")?.isBeingDeleted == true)
        try stage.api.delete(ObjectKey(.node, name: name), DeleteOptions())
        stage.settle()
        #expect(stage.pod("a") == nil)
    }

    @Test func `the mark of a node out of service frees its pods at once`() throws {
        var stage = try ControllerStage()
        try stage.make(Self.pod("a"))
        stage.settle()
        let name = try #require(node(stage, "a"))
        try stage.setNode(name, isReady: false)
        var object = try #require(stage.api.get(ObjectKey(.node, name: name)))
        object["spec", "taints"] = try JSON.parse(
            #"[{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]"#
        )
        try stage.api.update(object)
        stage.settle()
        #expect(stage.pod("a") == nil)
    }
}
