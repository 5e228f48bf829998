// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import SandboxAPI
internal import Testing

/// The API with its controllers, under a clock that the test moves. The test is the kubelet.
struct ControllerStage {
    var api: SandboxAPI
    var controllers = BuiltInControllers()
    private var now = Instant(nanoseconds: 0)
    private var addresses = 0

    init() throws {
        // 2026-11-21 00:00 UTC, a Saturday.
        let epoch = try #require(Timestamp.parse("2026-11-21T00:00:00Z"))
        api = SandboxAPI(settings: Settings(epoch: epoch, seed: 7))
        api.tick(now)
        for name in ["n1", "n2", "n3"] {
            try make(
                """
                {"apiVersion": "v1", "kind": "Node",
                 "metadata": {"name": "\(name)", "labels": {"kubernetes.io/hostname": "\(name)"}}}
                """)
            try setNode(name, isReady: true)
        }
        try make(
            """
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast",
              "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
             "provisioner": "x", "allowVolumeExpansion": true}
            """)
    }

    mutating func make(_ text: String) throws {
        guard case .object(let json) = try JSON.parse(text) else { return }
        try api.create(KubeObject(json))
    }

    mutating func setNode(_ name: String, isReady: Bool) throws {
        var node = try #require(api.get(ObjectKey(.node, name: name)))
        node["status", "conditions"] = .array([
            .object([("type", "Ready"), ("status", isReady ? "True" : "Unknown")])
        ])
        try api.updateStatus(node)
    }

    /// Controllers work until nothing changes.
    mutating func settle() {
        api.tick(now)
        controllers.reconcile(&api)
        #expect(!controllers.isUnsettled)
        api.tick(now)
        controllers.reconcile(&api)
    }

    mutating func pass(_ time: Duration) {
        now = now + time
        settle()
    }

    // MARK: The kubelet

    func pod(_ name: String) -> KubeObject? {
        api.get(ObjectKey(.pod, namespace: "default", name: name))
    }

    var podNames: [String] { api.list(.pod, namespace: "default").map(\.name) }

    mutating func setPod(_ name: String, phase: String = "Running", isReady: Bool = true) throws {
        var pod = try #require(self.pod(name))
        pod["status", "phase"] = .string(phase)
        if pod.string("status", "podIP") == nil {
            addresses += 1
            pod["status", "podIP"] = .string("127.9.0.\(addresses)")
        }
        pod["status", "conditions"] = .array([
            .object([("type", "Ready"), ("status", isReady ? "True" : "False")])
        ])
        try api.updateStatus(pod)
    }

    /// Every pod runs and is ready; those that are to go are gone. Until nothing changes.
    mutating func settlePods() throws {
        for _ in 0..<50 {
            settle()
            var isChanged = false
            for pod in api.list(.pod, namespace: nil) {
                if pod.isBeingDeleted {
                    try api.delete(
                        pod.key(as: .pod), DeleteOptions(gracePeriodSeconds: 0, uid: pod.uid))
                    isChanged = true
                } else if pod.string("status", "phase") == "Pending",
                    pod.string("spec", "nodeName") != nil
                {
                    try setPod(pod.name)
                    isChanged = true
                }
            }
            if !isChanged { return }
        }
        Issue.record("the pods do not settle")
    }

    func object(_ kind: ResourceKind, _ name: String) throws -> KubeObject {
        try #require(api.get(ObjectKey(kind, namespace: "default", name: name)))
    }

    mutating func change(
        _ kind: ResourceKind, _ name: String, _ body: (inout KubeObject) -> Void
    ) throws {
        var object = try object(kind, name)
        body(&object)
        try api.update(object)
    }

    func reasons(of uid: String) -> [String] {
        api.list(.event, namespace: "default")
            .filter { $0.string("involvedObject", "uid") == uid }
            .compactMap { $0.string("reason") }
    }
}
