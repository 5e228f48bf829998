// SPDX-License-Identifier: Apache-2.0

/// `spec.monitoring`: objects of the Prometheus operator.
package struct ClusterMonitoring: Record {
    package enum Switch: String, ChoiceValue {
        /// If the API server has the kind.
        case auto = "Auto"
        // Not On and Off, which YAML reads as truth values.
        case enabled = "Enabled"
        case disabled = "Disabled"
    }

    package var serviceMonitor = Switch.auto
    package var prometheusRule = Switch.auto
    /// On both objects, for those who select by them.
    package var labels: KubeMap = [:]
    package var interval = Duration.seconds(30)

    package init() {}

    package static let fields: [Field<ClusterMonitoring>] = [
        Field(
            "serviceMonitor", \.serviceMonitor,
            "A ServiceMonitor <cluster>-members for the members' metrics. Auto: where the API "
                + "server has the kind. Enabled: the same, and a condition says so where it has "
                + "not."),
        Field(
            "prometheusRule", \.prometheusRule,
            "A PrometheusRule <cluster>-members with the alerts of this cluster; the same words."),
        Field(
            "labels", \.labels,
            "Labels of both objects, for a Prometheus that selects by them."
        ) { $0.maxProperties = 16 },
        Field("interval", \.interval, "Time between two scrapes."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "duration(self.interval) >= duration('1s')", "interval must be at least 1s",
            at: ".interval"),
        Rule(
            "!has(self.labels) || self.labels.all(key, !key.startsWith('keelson.dev/') "
                + "&& !(key in [\(PodTemplate.ownLabels.map { "'\($0)'" }.joined(separator: ", "))]))",
            "labels of the operator cannot be set", at: ".labels"),
    ]
}

extension ClusterMonitoring {
    func check(_ check: inout RuleCheck) {
        check.require(
            interval >= .seconds(1), "interval must be at least 1s", of: Self.self)
        let isFree = labels.keys.allSatisfy {
            !$0.hasPrefix("keelson.dev/") && !PodTemplate.ownLabels.contains($0)
        }
        check.require(isFree, "labels of the operator cannot be set", of: Self.self)
    }
}
