// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Foundation
import Kube
import Testing

@testable import Reconcile

/// Objects for the Prometheus operator, and the file for members without an operator.
@Suite struct MonitorTests {
    private let now = RecordTests.now

    private func cluster(_ monitoring: JSONValue? = nil) -> KubeObject {
        RecordTests.cluster { cluster in
            if let monitoring { cluster["spec", "monitoring"] = monitoring }
        }
    }

    /// Children one after the other, until there is no child to make; as an operator makes them.
    private func settle(_ start: Observation) -> Observation {
        var seen = start
        for _ in 0..<20 {
            let plan = Reconciler.plan(seen, now: now)
            guard plan.operationID.hasPrefix("child/") else { return seen }
            take(plan.step, &seen)
        }
        return seen
    }

    private func take(_ step: Step?, _ seen: inout Observation) {
        switch step {
        case .create(var made)?, .apply(var made)?, .createToken(var made)?:
            if made.uid.isEmpty { made.uid = "uid-\(made.kind)-\(made.name)" }
            made.resourceVersion = "1"
            switch made.kind {
            case "ServiceAccount": seen.serviceAccount = made
            case "Service": seen.services.append(made)
            case "Secret": seen.secrets.append(made)
            case "ConfigMap": seen.configMap = made
            case "StatefulSet": seen.statefulSet = made
            case "ServiceMonitor": put(made, &seen.serviceMonitors)
            case "PrometheusRule": put(made, &seen.prometheusRules)
            default: Issue.record("what is \(made.kind)?")
            }
        case .delete(let key, _, _)?:
            if key.kind == .serviceMonitor { remove(key.name, &seen.serviceMonitors) }
            if key.kind == .prometheusRule { remove(key.name, &seen.prometheusRules) }
        default: break
        }
    }

    private func put(_ made: KubeObject, _ list: inout Seen<[KubeObject]>) {
        list = .known((list.value ?? []).filter { $0.name != made.name } + [made])
    }

    private func remove(_ name: String, _ list: inout Seen<[KubeObject]>) {
        list = .known((list.value ?? []).filter { $0.name != name })
    }

    private func seen(_ monitoring: JSONValue? = nil, hasKinds: Bool = true) -> Observation {
        var seen = Observation(cluster: cluster(monitoring))
        seen.statefulSet = KubeObject(.statefulSet, namespace: "ns", name: "demo")
        if hasKinds {
            seen.serviceMonitors = .known([])
            seen.prometheusRules = .known([])
        }
        return seen
    }

    @Test func `members are scraped where the kind is, over plain HTTP, by their headless Service`()
        throws
    {
        let world = settle(seen(["labels": ["release": "prometheus"], "interval": "1m30s"]))
        let monitor = try #require(world.serviceMonitors.value?.first)
        #expect(monitor.name == "demo-members" && monitor.controller?.uid == "uid-1")
        #expect(monitor.labels["release"] == "prometheus")
        #expect(monitor.labels[Names.clusterLabel] == "demo")
        let endpoint = monitor.list("spec", "endpoints").first
        #expect(endpoint == ["port": "metrics", "scheme": "http", "interval": "90s"])
        // What it selects by is on the Service that has the port.
        let peers = try #require(world.services.first { $0.name == "demo-peers" })
        for (key, value) in monitor.map("spec", "selector", "matchLabels").pairs {
            #expect(peers.labels[key] == value)
        }
        #expect(peers.list("spec", "ports").contains { $0["name"] == "metrics" })
        let rule = try #require(world.prometheusRules.value?.first)
        let alerts = rule.list("spec", "groups").first?["rules"]?.array ?? []
        #expect(alerts.count >= 14)
        for alert in alerts {
            let expression = alert["expr"]?.string ?? ""
            #expect(expression.contains(#"namespace="ns",job="demo-peers""#))
            #expect(!expression.contains("SCOPE"))
        }
    }

    @Test func `without the kinds nothing is made, and who insists is told`() {
        let quiet = settle(seen(hasKinds: false))
        #expect(quiet.serviceMonitors.value == nil)
        #expect(condition(quiet) == nil)
        let insisting = seen(["serviceMonitor": "Enabled"], hasKinds: false)
        #expect(condition(insisting)?["reason"]?.string == "NoDefinition")
        let events = Reconciler.plan(insisting, now: now).events.map(\.reason)
        #expect(events.contains("MonitoringUnavailable"))
    }

    private func condition(_ seen: Observation) -> JSONValue? {
        Reconciler.plan(seen, now: now).status?["conditions"]?.array?.first {
            $0["type"] == "MonitoringReady"
        }
    }

    @Test func `members come first`() {
        var world = seen()
        world.statefulSet = nil
        #expect(settle(world).serviceMonitors.value == [])
    }

    @Test func `what is switched off goes, and what is somebody else's stays`() {
        var world = settle(seen())
        #expect(world.serviceMonitors.value?.count == 1)
        world.cluster["spec", "monitoring"] = [
            "serviceMonitor": "Disabled", "prometheusRule": "Disabled",
        ]
        let after = settle(world)
        #expect(after.serviceMonitors.value == [] && after.prometheusRules.value == [])
        var foreign = KubeObject(.serviceMonitor, namespace: "ns", name: "demo-members")
        foreign.uid = "theirs"
        world = seen()
        world.serviceMonitors = .known([foreign])
        #expect(settle(world).serviceMonitors.value == [foreign])
    }

    @Test func `a change of the interval is applied with the version that was seen`() throws {
        var world = settle(seen())
        world.cluster["spec", "monitoring"] = ["interval": "10s"]
        let plan = Reconciler.plan(world, now: now)
        guard case .apply(let wanted)? = plan.step else {
            Issue.record("no change: \(plan)")
            return
        }
        #expect(wanted.kind == "ServiceMonitor" && wanted.resourceVersion == "1")
    }

    @Test func `Golden alerts for members without an operator`() throws {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Manifests/monitoring/members.yaml")
        let monitor: JSONValue = [
            "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
            "metadata": ["name": "keelson-members"],
            "spec": [
                "selector": [
                    "matchLabels": [
                        "app.kubernetes.io/component": "etcd", "app.kubernetes.io/name": "keelson",
                    ],
                    // Those of the operator have their own.
                    "matchExpressions": [
                        ["key": .string(Names.clusterLabel), "operator": "DoesNotExist"]
                    ],
                ],
                "endpoints": [["port": "metrics", "scheme": "http", "interval": "30s"]],
            ],
        ]
        let rule: JSONValue = [
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": ["name": "keelson-members"], "spec": MemberAlerts.everywhere,
        ]
        let text =
            "# For members without an operator; printed from the operator's own, do not edit.\n"
            + [monitor, rule].map { "---\n" + YAMLWriter.text($0) }.joined()
        let old = try? String(contentsOf: file, encoding: .utf8)
        guard old != text else { return }
        guard ProcessInfo.processInfo.environment["KEELSON_REWRITE"] == "1" else {
            Issue.record("monitoring/members.yaml is not what the operator says; run make golden")
            return
        }
        try text.write(to: file, atomically: true, encoding: .utf8)
    }
}
