// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// The pod that runs `keelsonctl backup`: it asks the members over the network, so a claim that one
/// node may mount at a time is enough.
struct BackupPod {
    let cluster: DesiredCluster
    let spec: EtcdBackupSpec
    /// Of the backup or the schedule; retention looks at files of this name only.
    let name: String
    /// A second run of the same UID stores nothing new; empty for runs of a schedule.
    let uid: String
    let retention: BackupRetention?
    let labels: KubeMap

    static let mountPath = "/backups"

    static func claimName(_ destination: BackupDestination, cluster: String) -> String {
        destination.persistentVolumeClaim?.claimName ?? "\(cluster)-backups"
    }

    static func folder(_ destination: BackupDestination) -> String {
        destination.persistentVolumeClaim?.path ?? ""
    }

    /// The claim that the operator makes for `destination.volume`. Nobody owns it: backups outlive
    /// their cluster.
    static func newClaim(
        _ destination: BackupDestination, cluster: DesiredCluster, seen: [KubeObject]
    ) -> KubeObject? {
        guard let volume = destination.volume else { return nil }
        let name = claimName(destination, cluster: cluster.name)
        guard !seen.contains(where: { $0.name == name }) else { return nil }
        var claim = KubeObject(
            .persistentVolumeClaim, namespace: cluster.namespace, name: name)
        claim.labels = [
            "app.kubernetes.io/name": "keelson-backup",
            "app.kubernetes.io/managed-by": "keelson-operator",
        ]
        var wanted: [(String, JSONValue)] = [
            ("accessModes", ["ReadWriteOnce"]),
            ("resources", ["requests": ["storage": .string(volume.size.description)]]),
        ]
        if !volume.storageClassName.isEmpty {
            wanted.append(("storageClassName", .string(volume.storageClassName)))
        }
        claim["spec"] = .object(wanted)
        return claim
    }

    /// Not a member's labels: services and budgets must pass it by.
    static func labels(_ cluster: String, _ key: String, _ name: String) -> KubeMap {
        [
            "app.kubernetes.io/name": "keelson-backup",
            "app.kubernetes.io/instance": cluster,
            "app.kubernetes.io/managed-by": "keelson-operator",
            Names.clusterLabel: cluster,
            key: name,
        ]
    }

    /// `spec` of a Job.
    func jobSpec() -> JSONValue {
        [
            "backoffLimit": .integer(Int64(spec.backoffLimit)),
            "activeDeadlineSeconds": .integer(
                Int64(spec.timeoutSeconds) * Int64(spec.backoffLimit + 1)),
            "template": ["metadata": ["labels": labels.json], "spec": podSpec()],
        ]
    }

    private func podSpec() -> JSONValue {
        var volumes: [JSONValue] = [
            [
                "name": "backups",
                "persistentVolumeClaim": [
                    "claimName": .string(Self.claimName(spec.destination, cluster: cluster.name))
                ],
            ],
            ["name": "tmp", "emptyDir": [:]],
        ]
        var mounts: [JSONValue] = [
            ["name": "backups", "mountPath": .string(Self.mountPath)],
            ["name": "tmp", "mountPath": "/tmp"],
        ]
        if let secret = clientSecret {
            volumes.append(["name": "tls", "secret": ["secretName": .string(secret)]])
            mounts.append(["name": "tls", "mountPath": "/etc/keelson/tls", "readOnly": true])
        }
        var members: [(String, JSONValue)] = [
            ("restartPolicy", "Never"), ("automountServiceAccountToken", false),
            ("enableServiceLinks", false),
            ("serviceAccountName", .string(cluster.name)),
            (
                "securityContext",
                [
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch",
                    "seccompProfile": ["type": "RuntimeDefault"],
                ]
            ),
            ("containers", [container(mounts)]), ("volumes", .array(volumes)),
        ]
        if let secrets = cluster.spec["imagePullSecrets"] {
            members.append(("imagePullSecrets", secrets))
        }
        return .object(members)
    }

    private func container(_ mounts: [JSONValue]) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", "backup"), ("image", .string(cluster.image)),
            ("command", .array(command().map(JSONValue.string))),
            ("volumeMounts", .array(mounts)),
            ("terminationMessagePath", "/dev/termination-log"),
            ("terminationMessagePolicy", "File"),
            ("resources", ["requests": ["cpu": "100m", "memory": "64Mi"]]),
            (
                "securityContext",
                [
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": ["drop": ["ALL"]],
                ]
            ),
        ]
        if let policy = cluster.spec["imagePullPolicy"] {
            members.append(("imagePullPolicy", policy))
        }
        return .object(members)
    }

    private var clientSecret: String? { cluster.operatorSecretName }

    func command() -> [String] {
        let members = (0..<max(1, cluster.replicas)).map { cluster.clientURL(cluster.podName($0)) }
        let folder = Self.folder(spec.destination)
        var command = [
            "keelsonctl", "backup", "--endpoints=\(members.joined(separator: ","))",
            "--dir=\(folder.isEmpty ? Self.mountPath : "\(Self.mountPath)/\(folder)")",
            "--cluster=\(cluster.name)", "--name=\(name)",
            "--from=\(spec.from == .leader ? "leader" : "follower")",
            "--verify=\(verification)", "--termination-log=/dev/termination-log", "--progress",
        ]
        if !uid.isEmpty { command.append("--uid=\(uid)") }
        if clientSecret != nil {
            let path = "/etc/keelson/tls"
            command += [
                "--cacert=\(path)/ca.crt", "--cert=\(path)/tls.crt", "--key=\(path)/tls.key",
            ]
        }
        return command + retentionFlags()
    }

    private var verification: String {
        switch spec.verify {
        case .full: "full"
        case .checksum: "checksum"
        case .none: "none"
        }
    }

    private func retentionFlags() -> [String] {
        guard let retention else { return [] }
        var flags = [
            "--keep-last=\(retention.keepLast)", "--keep-hourly=\(retention.hourly)",
            "--keep-daily=\(retention.daily)", "--keep-weekly=\(retention.weekly)",
            "--keep-monthly=\(retention.monthly)",
            "--min-verified=\(max(1, retention.minVerified))",
        ]
        if let age = retention.maxAge { flags.append("--max-age=\(age.components.seconds)s") }
        return flags
    }
}
