// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension PodLife {
    /// What the life is attached to.
    struct Place {
        /// Of the pod; empty before it has one.
        var address: String
        var nodeAddress: String
    }

    /// The status of `pod`, conditions of others left as they are.
    func status(of pod: KubeObject, _ place: Place) -> KubeObject {
        var object = pod
        object["status", "phase"] = .string(phase.rawValue)
        object["status", "reason"] = reason.isEmpty ? nil : .string(reason)
        object["status", "message"] = message.isEmpty ? nil : .string(message)
        object["status", "hostIP"] = .string(place.nodeAddress)
        object["status", "hostIPs"] = .array([.object([("ip", .string(place.nodeAddress))])])
        if !place.address.isEmpty {
            object["status", "podIP"] = .string(place.address)
            object["status", "podIPs"] = .array([.object([("ip", .string(place.address))])])
        }
        if let startedAt {
            object["status", "startTime"] = .string(Timestamp.seconds(startedAt.unixSeconds))
        }
        if object.string("status", "qosClass") == nil {
            object["status", "qosClass"] = .string(Self.serviceClass(of: pod))
        }
        writeConditions(&object)
        let texts = containers.enumerated().map { text($1, isInit: $0 < initCount) }
        if initCount > 0 {
            object["status", "initContainerStatuses"] = .array(Array(texts[..<initCount]))
        }
        object["status", "containerStatuses"] = .array(Array(texts[initCount...]))
        return object
    }

    // MARK: Conditions

    private func writeConditions(_ object: inout KubeObject) {
        let started = startedAt?.unixSeconds ?? 0
        let unready = containers[initCount...].filter { !$0.isReady }.map(\.plan.name)
        let (reason, message) =
            hasEnded
            ? ("PodCompleted", "")
            : (
                "ContainersNotReady",
                "containers with unready status: [\(unready.joined(separator: " "))]"
            )
        set(
            "PodReadyToStartContainers", isPrepared && !hasEnded, "", "", at: started, &object)
        set(
            "Initialized", initializedAt != nil || initCount == 0, "ContainersNotInitialized", "",
            at: initializedAt ?? started, &object)
        for type in ["Ready", "ContainersReady"] {
            set(type, isReady, reason, message, at: readyChangedAt, &object)
        }
        set("PodScheduled", true, "", "", at: started, &object)
    }

    /// `reason` and `message` are said of what is not so.
    private func set(
        _ type: String, _ holds: Bool, _ reason: String, _ message: String, at unixSeconds: Int64,
        _ object: inout KubeObject
    ) {
        var list = object.list("status", "conditions")
        let index = list.firstIndex { $0["type"]?.string == type }
        let status = holds ? "True" : "False"
        let before = index.map { list[$0] }
        let since =
            before?["status"]?.string == status ? before?["lastTransitionTime"]?.string : nil
        var members: [(String, JSONValue)] = [
            ("type", .string(type)), ("status", .string(status)), ("lastProbeTime", .null),
            ("lastTransitionTime", .string(since ?? Timestamp.seconds(unixSeconds))),
        ]
        if !holds, !reason.isEmpty { members.append(("reason", .string(reason))) }
        if !holds, !message.isEmpty { members.append(("message", .string(message))) }
        if let index {
            list[index] = .object(members)
        } else {
            list.append(.object(members))
        }
        object["status", "conditions"] = .array(list)
    }

    // MARK: Containers

    private func text(_ container: ContainerLife, isInit: Bool) -> JSONValue {
        var isReady = container.isReady && container.isRunning
        if isInit { isReady = container.termination?.exitCode == 0 }
        var members: [(String, JSONValue)] = [
            ("name", .string(container.plan.name)),
            ("state", state(container)),
            (
                "lastState",
                container.last.map { .object([("terminated", termination($0, container))]) }
                    ?? .object(JSONObject())
            ),
            ("ready", .bool(isReady)),
            ("restartCount", .integer(Int64(container.restartCount))),
            ("image", .string(container.plan.image)),
            ("imageID", .string("sandbox://\(container.plan.image)")),
            ("started", .bool(container.isRunning && container.isStarted)),
        ]
        if container.isRunning || container.termination != nil {
            members.append(("containerID", .string(identifier(container))))
        }
        return .object(members)
    }

    private func identifier(_ container: ContainerLife) -> String {
        "process://\(container.plan.name)-\(container.restartCount)"
    }

    private func state(_ container: ContainerLife) -> JSONValue {
        switch container.state {
        case .waiting(let reason, let message):
            var members: [(String, JSONValue)] = [("reason", .string(reason))]
            if !message.isEmpty { members.append(("message", .string(message))) }
            return .object([("waiting", .object(members))])
        case .starting:
            return .object([("waiting", .object([("reason", "ContainerCreating")]))])
        case .running(let since):
            return .object([
                (
                    "running",
                    .object([("startedAt", .string(Timestamp.seconds(since.unixSeconds)))])
                )
            ])
        case .terminated(let ending):
            return .object([("terminated", termination(ending, container))])
        }
    }

    private func termination(_ ending: Termination, _ container: ContainerLife) -> JSONValue {
        var members: [(String, JSONValue)] = [("exitCode", .integer(Int64(ending.exitCode)))]
        if ending.signal != 0 { members.append(("signal", .integer(Int64(ending.signal)))) }
        members.append(("reason", .string(ending.reason)))
        if !ending.message.isEmpty { members.append(("message", .string(ending.message))) }
        members.append(("startedAt", .string(Timestamp.seconds(ending.startedAt))))
        members.append(("finishedAt", .string(Timestamp.seconds(ending.finishedAt))))
        members.append(("containerID", .string(identifier(container))))
        return .object(members)
    }

    /// Guaranteed, Burstable or BestEffort, by what is requested.
    private static func serviceClass(of pod: KubeObject) -> String {
        var hasAny = false
        var isGuaranteed = true
        for container in pod.list("spec", "containers") {
            let requests = container["resources"]?["requests"]?.object
            let limits = container["resources"]?["limits"]?.object
            if !(requests?.isEmpty ?? true) || !(limits?.isEmpty ?? true) { hasAny = true }
            for name in ["cpu", "memory"] {
                guard let limit = limits?[name], (requests?[name] ?? limit) == limit else {
                    isGuaranteed = false
                    continue
                }
            }
        }
        return hasAny ? isGuaranteed ? "Guaranteed" : "Burstable" : "BestEffort"
    }
}
