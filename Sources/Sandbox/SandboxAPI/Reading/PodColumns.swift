// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The columns of pods. Their status is not their phase: it says why a pod waits or has failed.
enum PodColumns {
    static let all: [TableColumn] = [
        KindColumns.text("Ready") { pod in
            let statuses = pod.list("status", "containerStatuses")
            let ready = statuses.count { $0["ready"]?.bool == true }
            return "\(ready)/\(pod.list("spec", "containers").count)"
        },
        KindColumns.text("Status", status),
        TableColumn(name: "Restarts", cell: restarts),
        KindColumns.text("IP", 1) { orNone($0.string("status", "podIP")) },
        KindColumns.text("Node", 1) { orNone($0.string("spec", "nodeName")) },
        KindColumns.text("Nominated Node", 1) {
            orNone($0.string("status", "nominatedNodeName"))
        },
        KindColumns.text("Readiness Gates", 1) { _ in "<none>" },
    ]

    private static func orNone(_ text: String?) -> String {
        text.flatMap { $0.isEmpty ? nil : $0 } ?? "<none>"
    }

    private static func status(_ pod: KubeObject) -> String {
        var word = pod.string("status", "reason") ?? pod.string("status", "phase") ?? ""
        if let waiting = initStatus(pod) {
            word = waiting
        } else {
            word = containersStatus(pod, word)
        }
        guard pod.isBeingDeleted else { return word }
        if pod.string("status", "reason") == "NodeLost" { return "Unknown" }
        let isOver = ["Succeeded", "Failed"].contains(pod.string("status", "phase") ?? "")
        return isOver ? word : "Terminating"
    }

    /// What the first init container that has not succeeded is about.
    private static func initStatus(_ pod: KubeObject) -> String? {
        let statuses = pod.list("status", "initContainerStatuses")
        let count = pod.list("spec", "initContainers").count
        for (index, status) in statuses.enumerated() {
            let state = status["state"]
            if let ended = state?["terminated"] {
                if ended["exitCode"]?.int64 == 0 { continue }
                return "Init:" + reason(ofEnd: ended)
            }
            let waiting = state?["waiting"]?["reason"]?.string ?? ""
            if !waiting.isEmpty, waiting != "PodInitializing" { return "Init:" + waiting }
            return "Init:\(index)/\(count)"
        }
        return nil
    }

    private static func containersStatus(_ pod: KubeObject, _ phase: String) -> String {
        var word = phase
        var hasRunning = false
        for status in pod.list("status", "containerStatuses").reversed() {
            let state = status["state"]
            if let waiting = state?["waiting"]?["reason"]?.string, !waiting.isEmpty {
                word = waiting
            } else if let ended = state?["terminated"] {
                word = reason(ofEnd: ended)
            } else if status["ready"]?.bool == true, state?["running"] != nil {
                hasRunning = true
            }
        }
        if word == "Completed", hasRunning {
            return pod.condition("Ready")?.isTrue == true ? "Running" : "NotReady"
        }
        return word
    }

    private static func reason(ofEnd ended: JSONValue) -> String {
        if let reason = ended["reason"]?.string, !reason.isEmpty { return reason }
        if let signal = ended["signal"]?.int64, signal != 0 { return "Signal:\(signal)" }
        return "ExitCode:\(ended["exitCode"]?.int64 ?? 0)"
    }

    /// `3 (2m ago)`.
    private static func restarts(_ pod: KubeObject, _ api: SandboxAPI) -> JSONValue {
        var count: Int64 = 0
        var last: String?
        for status in pod.list("status", "containerStatuses") {
            count += status["restartCount"]?.int64 ?? 0
            let ended = status["lastState"]?["terminated"]?["finishedAt"]?.string
            if let ended { last = max(last ?? "", ended) }
        }
        guard count > 0, let last else { return .string("\(count)") }
        return .string("\(count) (\(api.ageText(last)) ago)")
    }
}
