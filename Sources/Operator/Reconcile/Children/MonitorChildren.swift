// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Objects of the Prometheus operator: where to scrape the members, and when to alert.
///
/// Metrics have a port of their own that speaks plain HTTP in every TLS mode, for probes and for
/// Prometheus; so no certificate is needed to scrape them, and `scheme` is always http.
struct MonitorChildren {
    let desired: DesiredCluster
    let owner: KubeObject

    var name: String { "\(desired.name)-members" }
    var wanted: ClusterMonitoring { ClusterMonitoring.decode(desired.spec["monitoring"], at: "") }

    func serviceMonitor() -> KubeObject {
        var monitor = object(.serviceMonitor)
        let seconds = max(1, wanted.interval.seconds)
        monitor["spec"] = [
            // The headless Service has the port, and knows members that are not ready.
            "selector": [
                "matchLabels": [
                    Names.clusterLabel: .string(desired.name),
                    "app.kubernetes.io/component": "etcd",
                ]
            ],
            "endpoints": [
                ["port": "metrics", "scheme": "http", "interval": .string("\(seconds)s")]
            ],
        ]
        return monitor
    }

    func prometheusRule() -> KubeObject {
        var rule = object(.prometheusRule)
        rule["spec"] = MemberAlerts.rules(namespace: desired.namespace, cluster: desired.name)
        return rule
    }

    private func object(_ kind: ResourceKind) -> KubeObject {
        var object = Child.object(kind, name, desired, owner)
        object.labels = wanted.labels.merging(object.labels)
        return object
    }
}

extension Pass {
    /// Last of all children, and not before there are members: no cluster waits for being watched.
    mutating func takeMonitors() -> Bool {
        guard observation.statefulSet != nil else { return false }
        let monitors = MonitorChildren(desired: desired, owner: observation.cluster)
        let wanted = monitors.wanted
        return takeMonitor(
            monitors.serviceMonitor(), .serviceMonitor, wanted.serviceMonitor,
            observation.serviceMonitors)
            || takeMonitor(
                monitors.prometheusRule(), .prometheusRule, wanted.prometheusRule,
                observation.prometheusRules)
    }

    private mutating func takeMonitor(
        _ wanted: KubeObject, _ kind: ResourceKind, _ mode: ClusterMonitoring.Switch,
        _ seen: Seen<[KubeObject]>
    ) -> Bool {
        guard case .known(let list) = seen else { return false }
        let there = list.first { $0.name == wanted.name }
        // Of that name and somebody else's: it is left alone.
        if let there, there.controller?.uid != desired.uid { return false }
        guard mode != .disabled else {
            guard let there, !there.isBeingDeleted else { return false }
            return setStep(
                .delete(there.key(as: kind), uid: there.uid, Deletion()),
                "child/\(kind.kind)/\(there.name)")
        }
        return takeChild(wanted, there)
    }

    /// What was asked for and cannot be had, for a condition.
    var missingMonitors: String? {
        let wanted = ClusterMonitoring.decode(desired.spec["monitoring"], at: "")
        let asked = [
            ("ServiceMonitor", wanted.serviceMonitor, observation.serviceMonitors.isKnown),
            ("PrometheusRule", wanted.prometheusRule, observation.prometheusRules.isKnown),
        ]
        let missing = asked.filter { $0.1 == .enabled && !$0.2 }.map(\.0)
        guard !missing.isEmpty else { return nil }
        return "\(missing.joined(separator: " and ")) of monitoring.coreos.com/v1 "
            + "cannot be listed here: no definition, or no right"
    }
}
