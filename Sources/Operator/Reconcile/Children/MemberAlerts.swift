// SPDX-License-Identifier: Apache-2.0
package import Formats

/// The alerts on members' own metrics, for one cluster or for all.
package enum MemberAlerts {
    private struct Alert {
        var name: String
        /// `SCOPE` stands for the matchers of the members.
        var expression: String
        var time: String
        var isCritical = false
        var summary: String
        var runbook = ""
    }

    /// `spec` of a PrometheusRule. Members are scraped by their headless Service, whose name is
    /// their `job`.
    package static func rules(namespace: String, cluster: String) -> JSONValue {
        rules(scope: #"namespace="\#(namespace)",job="\#(cluster)-peers""#)
    }

    /// The same for every scrape of a headless Service by that name.
    package static var everywhere: JSONValue { rules(scope: #"job=~".+-peers""#) }

    private static func rules(scope: String) -> JSONValue {
        let rules = all.map { alert -> JSONValue in
            var notes: [(String, JSONValue)] = [("summary", .string(alert.summary))]
            if !alert.runbook.isEmpty { notes.append(("runbook", .string(alert.runbook))) }
            return [
                "alert": .string(alert.name),
                "expr": .string(filled(alert.expression, scope)),
                "for": .string(alert.time),
                "labels": ["severity": alert.isCritical ? "critical" : "warning"],
                "annotations": .object(notes),
            ]
        }
        return ["groups": [["name": "keelson.members", "rules": .array(rules)]]]
    }

    private static func filled(_ expression: String, _ scope: String) -> String {
        var rest = expression[...]
        var text = ""
        while !rest.isEmpty {
            if rest.hasPrefix("SCOPE") {
                text += scope
                rest = rest.dropFirst(5)
            } else {
                text.append(rest.removeFirst())
            }
        }
        return text
    }

    private static let whole = "{{ $labels.namespace }}/{{ $labels.job }}"
    private static let one = "{{ $labels.namespace }}/{{ $labels.pod }}"
    private static let happens = "docs/what-happens-when.md"

    private static let all: [Alert] = [
        Alert(
            name: "KeelsonMembersDown",
            expression: "sum by (namespace, job) (up{SCOPE} == bool 0) > 0", time: "5m",
            summary: "\(whole): {{ $value }} member(s) do not answer.", runbook: happens),
        Alert(
            name: "KeelsonInsufficientMembers",
            expression: "sum by (namespace, job) (up{SCOPE} == bool 1) "
                + "< (count by (namespace, job) (up{SCOPE}) + 1) / 2",
            time: "3m", isCritical: true,
            summary: "\(whole): fewer members answer than a quorum.",
            runbook: "docs/day2.md#the-quorum-is-lost"),
        Alert(
            name: "KeelsonNoLeader", expression: "etcd_server_has_leader{SCOPE} == 0", time: "1m",
            isCritical: true, summary: "\(one) has no leader.", runbook: happens),
        Alert(
            name: "KeelsonLeaderChanges",
            expression: "increase((max by (namespace, job) "
                + "(etcd_server_leader_changes_seen_total{SCOPE}))[1h:1m]) > 4",
            time: "5m", summary: "\(whole): {{ $value }} changes of leader in an hour.",
            runbook: "docs/operations.md"),
        Alert(
            name: "KeelsonFailedRequests",
            expression: "100 * sum by (namespace, job, grpc_service, grpc_method) "
                + "(rate(grpc_server_handled_total{SCOPE,grpc_code=~\"Unknown|FailedPrecondition|"
                + "ResourceExhausted|Internal|Unavailable|DataLoss|DeadlineExceeded\"}[5m])) "
                + "/ sum by (namespace, job, grpc_service, grpc_method) "
                + "(rate(grpc_server_handled_total{SCOPE}[5m])) > 5",
            time: "10m", summary: "\(whole): {{ $value }} % of {{ $labels.grpc_method }} fail."),
        Alert(
            name: "KeelsonSlowRoundTrips",
            expression: p99("etcd_network_peer_round_trip_time_seconds") + " > 0.15", time: "10m",
            summary: "\(one): round trips to peers take {{ $value }} s (p99)."),
        Alert(
            name: "KeelsonSlowSync",
            expression: p99("etcd_disk_wal_fsync_duration_seconds") + " > 0.5", time: "10m",
            summary: "\(one): a sync of the log takes {{ $value }} s (p99).",
            runbook: "docs/operations.md"),
        Alert(
            name: "KeelsonSlowCommit",
            expression: p99("etcd_disk_backend_commit_duration_seconds") + " > 0.25", time: "10m",
            summary: "\(one): a commit takes {{ $value }} s (p99)."),
        Alert(
            name: "KeelsonFailedProposals",
            expression: "rate(etcd_server_proposals_failed_total{SCOPE}[15m]) > 5", time: "15m",
            summary: "\(one): {{ $value }} proposals fail each second."),
        quota("KeelsonQuotaThreeQuarters", above: "0.75", isCritical: false),
        quota("KeelsonQuotaNearlyFull", above: "0.85", isCritical: true),
        Alert(
            name: "KeelsonFragmented",
            expression: "etcd_mvcc_db_total_size_in_use_in_bytes{SCOPE} "
                + "/ etcd_mvcc_db_total_size_in_bytes{SCOPE} < 0.5 "
                + "and etcd_mvcc_db_total_size_in_use_in_bytes{SCOPE} > 104857600",
            time: "30m", summary: "\(one): less than half of the store's file is in use."),
        Alert(
            name: "KeelsonAlarm",
            expression: "max by (namespace, job, alarm_type) (etcd_debugging_server_alarms{SCOPE})"
                + " > 0",
            time: "1m", isCritical: true,
            summary: "\(whole): the alarm {{ $labels.alarm_type }} is raised.",
            runbook: "docs/day2.md#the-store-is-full"),
        Alert(
            name: "KeelsonLearnerStays", expression: "etcd_server_is_learner{SCOPE} == 1",
            time: "10m", summary: "\(one) has been a learner for ten minutes."),
    ]

    private static func p99(_ histogram: String) -> String {
        "histogram_quantile(0.99, sum by (namespace, pod, le) (rate(\(histogram)_bucket{SCOPE}[5m])))"
    }

    private static func quota(_ name: String, above limit: String, isCritical: Bool) -> Alert {
        Alert(
            name: name,
            expression: "etcd_mvcc_db_total_size_in_bytes{SCOPE} "
                + "/ etcd_server_quota_backend_bytes{SCOPE} > \(limit)",
            time: "10m", isCritical: isCritical,
            summary: "\(one): the store fills {{ $value | humanizePercentage }} of its quota.",
            runbook: "docs/day2.md#the-store-is-full")
    }
}
