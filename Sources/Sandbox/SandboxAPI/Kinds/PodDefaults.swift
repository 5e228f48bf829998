// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// What a pod's spec says when it says nothing. For pods and for templates of pods.
enum PodDefaults {
    static func fill(_ spec: JSONValue?) -> JSONValue {
        var spec = spec?.object ?? JSONObject()
        spec.fill("restartPolicy", "Always")
        spec.fill("terminationGracePeriodSeconds", 30)
        spec.fill("dnsPolicy", "ClusterFirst")
        spec.fill("securityContext", .object([]))
        spec.fill("schedulerName", "default-scheduler")
        for list in ["initContainers", "containers"] {
            guard let containers = spec[list]?.array else { continue }
            spec[list] = .array(containers.map(container))
        }
        if let volumes = spec["volumes"]?.array { spec["volumes"] = .array(volumes.map(volume)) }
        if let account = spec["serviceAccountName"] ?? spec["serviceAccount"] {
            spec["serviceAccountName"] = account
            spec["serviceAccount"] = account
        }
        return .object(spec)
    }

    private static func container(_ json: JSONValue) -> JSONValue {
        guard var container = json.object else { return json }
        container.fill("resources", .object([]))
        container.fill("terminationMessagePath", "/dev/termination-log")
        container.fill("terminationMessagePolicy", "File")
        container.fill("imagePullPolicy", .string(pullPolicy(container["image"]?.string ?? "")))
        container.each("ports") { $0.fill("protocol", "TCP") }
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            container.inside(probe, fillProbe)
        }
        container.inside("lifecycle") { lifecycle in
            for hook in ["postStart", "preStop"] { lifecycle.inside(hook, fillHandler) }
        }
        container.each("env") { variable in
            variable.inside("valueFrom") { source in
                source.inside("fieldRef") { $0.fill("apiVersion", "v1") }
            }
        }
        container.inside("resources") { resources in
            // What is limited and not requested is requested.
            guard let limits = resources["limits"]?.object else { return }
            var requests = resources["requests"]?.object ?? JSONObject()
            for limit in limits.members { requests.fill(limit.key, limit.value) }
            resources["requests"] = .object(requests)
        }
        return .object(container)
    }

    /// Images that may change under their name are pulled each time.
    private static func pullPolicy(_ image: String) -> String {
        let name = image.split(separator: "/").last ?? ""
        if image.contains("@") { return "IfNotPresent" }
        guard let colon = name.lastIndex(of: ":") else { return "Always" }
        return name[colon...] == ":latest" ? "Always" : "IfNotPresent"
    }

    private static func fillProbe(_ probe: inout JSONObject) {
        fillHandler(&probe)
        probe.inside("grpc") { $0.fill("service", "") }
        probe.fill("timeoutSeconds", 1)
        probe.fill("periodSeconds", 10)
        probe.fill("successThreshold", 1)
        probe.fill("failureThreshold", 3)
    }

    private static func fillHandler(_ handler: inout JSONObject) {
        handler.inside("httpGet") { get in
            get.fill("path", "/")
            get.fill("scheme", "HTTP")
        }
    }

    private static func volume(_ json: JSONValue) -> JSONValue {
        guard var volume = json.object else { return json }
        if volume.members.count == 1 { volume["emptyDir"] = .object([]) }
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            volume.inside(source) { source in
                source.fill("defaultMode", 420)
                for list in ["items", "sources"] {
                    source.each(list) { item in
                        item.inside("fieldRef") { $0.fill("apiVersion", "v1") }
                    }
                }
            }
        }
        return .object(volume)
    }

    /// `Guaranteed`, `Burstable` or `BestEffort`.
    static func qualityOfService(_ pod: KubeObject) -> String {
        let containers = pod.list("spec", "containers") + pod.list("spec", "initContainers")
        var any = false
        var guaranteed = true
        for container in containers {
            for resource in ["cpu", "memory"] {
                let limit = container["resources"]?["limits"]?[resource]
                let request = container["resources"]?["requests"]?[resource]
                if limit != nil || request != nil { any = true }
                if limit == nil || (request ?? limit) != limit { guaranteed = false }
            }
        }
        return any ? (guaranteed ? "Guaranteed" : "Burstable") : "BestEffort"
    }
}

extension JSONObject {
    /// Sets what is not there.
    mutating func fill(_ key: String, _ value: JSONValue) {
        if self[key] == nil { self[key] = value }
    }

    /// Changes an object member that is there.
    mutating func inside(_ key: String, _ change: (inout JSONObject) -> Void) {
        guard var below = self[key]?.object else { return }
        change(&below)
        self[key] = .object(below)
    }

    /// Changes each object of a list that is there.
    mutating func each(_ key: String, _ change: (inout JSONObject) -> Void) {
        guard let elements = self[key]?.array else { return }
        self[key] = .array(
            elements.map { element in
                guard var object = element.object else { return element }
                change(&object)
                return .object(object)
            })
    }
}
