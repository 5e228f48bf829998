// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The Job of a backup: `keelsonctl backup` with the destination mounted at `/backups`. The data
/// comes over the network, so the claim may be mounted by one node only.
struct BackupJob {
    let cluster: KubeObject
    /// `spec` of an EtcdBackup, or of a schedule's template.
    let spec: JSONValue
    let name: String
    let uid: String
    let retention: JSONValue?

    private var desired: DesiredCluster { DesiredCluster(cluster) }

    var claimName: String {
        let destination = spec["destination"]
        return destination?["persistentVolumeClaim"]?["claimName"]?.string ?? "\(name)-backups"
    }

    /// The claim to be made, if the destination asks for one. It belongs to nobody, so that it
    /// survives the cluster and the schedule.
    func claim() -> KubeObject? {
        let destination = spec["destination"]
        guard let volume = destination?["volume"], destination?["persistentVolumeClaim"] == nil
        else { return nil }
        var claim = KubeObject(
            .persistentVolumeClaim, namespace: cluster.namespace, name: claimName)
        claim.labels = [
            "app.kubernetes.io/name": "keelson-backups",
            "app.kubernetes.io/managed-by": "keelson-operator",
        ]
        claim["spec"] = [
            "accessModes": ["ReadWriteOnce"],
            "resources": ["requests": ["storage": volume["size"] ?? "20Gi"]],
        ]
        if let name = volume["storageClassName"] { claim["spec", "storageClassName"] = name }
        return claim
    }

    /// `spec` of the Job.
    func jobSpec() -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("backoffLimit", spec["backoffLimit"] ?? 3),
            ("activeDeadlineSeconds", spec["timeoutSeconds"] ?? 3600),
            ("template", template()),
        ]
        if let seconds = spec["ttlSecondsAfterFinished"] {
            members.append(("ttlSecondsAfterFinished", seconds))
        }
        return .object(members)
    }

    private func template() -> JSONValue {
        var mounts: [JSONValue] = [
            ["name": "backups", "mountPath": "/backups"], ["name": "tmp", "mountPath": "/tmp"],
        ]
        var volumes: [JSONValue] = [
            ["name": "backups", "persistentVolumeClaim": ["claimName": .string(claimName)]],
            ["name": "tmp", "emptyDir": [:]],
        ]
        if desired.usesTLS {
            mounts.append(["name": "tls", "mountPath": "/etc/keelson/tls", "readOnly": true])
            volumes.append(
                ["name": "tls", "secret": ["secretName": .string("\(desired.name)-client-tls")]])
        }
        return [
            "metadata": [
                "labels": [
                    "app.kubernetes.io/name": "keelson-backup",
                    "app.kubernetes.io/instance": .string(desired.name),
                ]
            ],
            "spec": [
                "restartPolicy": "Never", "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": [
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "fsGroup": 65532, "seccompProfile": ["type": "RuntimeDefault"],
                ],
                "containers": [
                    [
                        "name": "backup", "image": .string(desired.image),
                        "command": .array(command().map(JSONValue.string)),
                        "volumeMounts": .array(mounts),
                        "terminationMessagePath": "/dev/termination-log",
                        "securityContext": [
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": ["drop": ["ALL"]],
                        ],
                    ]
                ],
                "volumes": .array(volumes),
            ],
        ]
    }

    private func command() -> [String] {
        let host = "\(desired.name).\(desired.namespace).svc"
        let path = spec["destination"]?["persistentVolumeClaim"]?["path"]?.string ?? ""
        var command = [
            "keelsonctl", "backup", "--endpoints=\(desired.scheme)://\(host):2379",
            "--dir=/backups" + (path.isEmpty ? "" : "/\(path)"), "--cluster=\(desired.name)",
            "--name=\(name)", "--uid=\(uid)",
        ]
        let kept = retention ?? [:]
        for (field, flag, standard) in [
            ("keepLast", "keep-last", 7), ("hourly", "keep-hourly", 0), ("daily", "keep-daily", 0),
            ("weekly", "keep-weekly", 0), ("monthly", "keep-monthly", 0),
            ("minVerified", "min-verified", 1),
        ] as [(String, String, Int64)] where retention != nil {
            command.append("--\(flag)=\(kept[field]?.int64 ?? standard)")
        }
        if let age = kept["maxAge"]?.string { command.append("--max-age=\(age)") }
        command.append("--verify=\((spec["verify"]?.string ?? "Full").lowercased())")
        command.append("--compress=\((spec["compression"]?.string ?? "Gzip").lowercased())")
        if desired.usesTLS {
            let path = "/etc/keelson/tls"
            command += [
                "--cacert=\(path)/ca.crt", "--cert=\(path)/tls.crt", "--key=\(path)/tls.key",
            ]
        }
        return command + ["--termination-log=/dev/termination-log", "--progress"]
    }
}

/// What a finished pod of a Job left in its termination message.
enum TerminationMessage {
    static func read(_ pods: [KubeObject], ofJob job: String) -> JSONValue? {
        let mine = pods.filter { $0.labels["job-name"] == job }
            .sorted {
                ($0.creationTimestamp ?? "", $0.name) < ($1.creationTimestamp ?? "", $1.name)
            }
        for pod in mine.reversed() {
            for container in pod.list("status", "containerStatuses") {
                let ended =
                    container["state"]?["terminated"] ?? container["lastState"]?["terminated"]
                guard let text = ended?["message"]?.string, let json = try? JSON.parse(text) else {
                    continue
                }
                return json
            }
        }
        return nil
    }
}
