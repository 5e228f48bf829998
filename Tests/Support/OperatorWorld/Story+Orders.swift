// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// Orders of stories about backups, approvals and the end of a cluster. Nobody runs backups in this
// world: a story says how they end.
extension World {
    /// False if there is no such order.
    func obey(_ command: String, _ arguments: [String: String]) -> Bool {
        switch command {
        case "set":
            let value = try? JSON.parse(arguments["value"] ?? "null")
            change { $0["spec", arguments["field"] ?? ""] = value }
        case "schedule": schedule()
        case "end-backups": endBackups(arguments["phase"] ?? "Completed")
        case "drop-backups":
            for backup in api.list(.etcdBackup) { api.remove(backup.key(as: .etcdBackup)) }
        case "approve-roll":
            let revision = api.get(key(.statefulSet, "demo"))?.string("status", "updateRevision")
            change { $0.annotations["keelson.dev/approve-roll"] = arguments["as"] ?? revision }
        case "allow-loss": lossIsAllowed = true
        case "delete":
            deletesEverything = true
            api.delete(clusterKey, now: now)
        default: return false
        }
        return true
    }

    private func schedule() {
        var schedule = KubeObject(
            .etcdBackupSchedule, namespace: Self.namespace, name: "demo-daily")
        schedule["spec"] = [
            "schedule": "0 3 * * *",
            "backupTemplate": [
                "clusterRef": ["name": "demo"], "destination": ["volume": ["size": "5Gi"]],
            ],
        ]
        api.create(schedule, now: now)
    }

    private func endBackups(_ phase: String) {
        for backup in api.list(.etcdBackup) where backup["status", "phase"] == nil {
            var status: [(String, JSONValue)] = [
                ("phase", .string(phase)),
                ("completedAt", .string(KubeTime.seconds(now.nanoseconds))),
            ]
            if phase == "Completed" {
                let uri = JSONValue.string("pvc://demo-backups/\(backup.name).db")
                status.append(("verified", true))
                status.append(("artifact", ["uri": uri, "revision": 7]))
            } else {
                status.append(("error", "no space left"))
            }
            api.updateStatus(backup.key(as: .etcdBackup), version: nil, .object(status))
        }
    }

    /// What of the cluster is there, for stories about its end.
    var remains: String {
        let cluster = api.get(clusterKey) == nil ? "no cluster" : "cluster"
        let claims = api.list(.persistentVolumeClaim).filter { !$0.isBeingDeleted }.map(\.name)
        let backups = api.list(.etcdBackup).map {
            "\($0.name) \($0.string("status", "phase") ?? "")"
        }
        return "\(cluster), claims \(claims.joined(separator: ",")), "
            + "backups \(backups.joined(separator: ","))"
    }
}
