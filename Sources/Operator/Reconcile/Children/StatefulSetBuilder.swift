// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The stateful set and the pod of a member.
struct StatefulSetBuilder {
    let desired: DesiredCluster
    let owner: KubeObject
    /// While a restore is under way its artefact is mounted.
    let restore: RestoreSource?

    func build(replicas: Int) -> KubeObject {
        var set = Child.object(.statefulSet, desired.name, desired, owner)
        var spec: [(String, JSONValue)] = [
            ("replicas", .integer(Int64(replicas))),
            ("serviceName", .string(desired.peersName)),
            ("podManagementPolicy", "Parallel"),
            ("updateStrategy", ["type": "OnDelete"]),
            ("selector", ["matchLabels": Child.selector(desired).json]),
            ("template", template()),
        ]
        if !desired.isInMemory { spec.append(("volumeClaimTemplates", [claim()])) }
        set["spec"] = .object(spec)
        return set
    }

    private func claim() -> JSONValue {
        var spec: [(String, JSONValue)] = [
            ("accessModes", .array(desired.accessModes.map(JSONValue.string))),
            ("resources", ["requests": ["storage": .string(desired.storageSize)]]),
        ]
        if let name = desired.storageClassName { spec.append(("storageClassName", .string(name))) }
        return [
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": ["name": "data", "labels": Child.labels(desired).json],
            "spec": .object(spec),
        ]
    }

    private func template() -> JSONValue {
        let wanted = desired.spec["podTemplate"]
        var labels = Child.labels(desired)
        labels = KubeMap(wanted?["metadata"]?["labels"]).merging(labels)
        var notes = KubeMap(wanted?["metadata"]?["annotations"])
        if !desired.restartedAt.isEmpty { notes["keelson.dev/restartedAt"] = desired.restartedAt }
        var metadata: [(String, JSONValue)] = [("labels", labels.json)]
        if !notes.isEmpty { metadata.append(("annotations", notes.json)) }
        // The user's fields below ours: what the operator owns wins.
        let merged = MergePatch.apply(podSpec(wanted?["spec"]), to: wanted?["spec"])
        return ["metadata": .object(metadata), "spec": merged]
    }

    private func podSpec(_ wanted: JSONValue?) -> JSONValue {
        var spec: [(String, JSONValue)] = [
            ("serviceAccountName", .string(desired.name)),
            ("automountServiceAccountToken", false), ("enableServiceLinks", false),
            ("terminationGracePeriodSeconds", 60),
            ("containers", .array([container()] + (wanted?["containers"]?.array ?? []))),
            ("volumes", .array(volumes() + (wanted?["volumes"]?.array ?? []))),
        ]
        if wanted?["securityContext"] == nil {
            spec.append(
                (
                    "securityContext",
                    [
                        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                        "fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch",
                        "seccompProfile": ["type": "RuntimeDefault"],
                    ]
                ))
        }
        if let secrets = desired.spec["imagePullSecrets"] {
            spec.append(("imagePullSecrets", secrets))
        }
        if wanted?["affinity"] == nil, let affinity = affinity() {
            spec.append(("affinity", affinity))
        }
        if wanted?["topologySpreadConstraints"] == nil,
            desired.spec["podPlacement"]?["zoneSpread"]?.bool ?? true
        {
            spec.append(
                (
                    "topologySpreadConstraints",
                    [
                        [
                            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
                            "whenUnsatisfiable": "ScheduleAnyway",
                            "labelSelector": ["matchLabels": Child.selector(desired).json],
                        ]
                    ]
                ))
        }
        return .object(spec)
    }

    private func affinity() -> JSONValue? {
        let placement = desired.spec["podPlacement"]
        let term: JSONValue = [
            "topologyKey": placement?["topologyKey"] ?? "kubernetes.io/hostname",
            "labelSelector": ["matchLabels": Child.selector(desired).json],
        ]
        switch placement?["antiAffinity"]?.string ?? "Preferred" {
        case "None": return nil
        case "Required":
            return ["podAntiAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": [term]]]
        default:
            return [
                "podAntiAffinity": [
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        ["weight": 100, "podAffinityTerm": term]
                    ]
                ]
            ]
        }
    }

    // MARK: The container

    private func container() -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", "etcd"), ("image", .string(desired.image)),
            ("command", ["keelson-node"]),
            ("args", .array(arguments().map(JSONValue.string))),
            ("env", .array(environment())),
            (
                "ports",
                [port("client", 2379), port("peer", 2380), port("metrics", 2381)]
            ),
            ("startupProbe", probe("/livez", period: 5, failures: 720)),
            ("livenessProbe", probe("/livez", period: 10, failures: 6)),
            ("readinessProbe", probe("/readyz", period: 5, failures: 3)),
            (
                "lifecycle",
                ["preStop": ["exec": ["command": ["keelsonctl", "hand-over"]]]]
            ),
            ("volumeMounts", .array(mounts())),
            ("terminationMessagePath", "/dev/termination-log"),
            ("terminationMessagePolicy", "File"),
            (
                "securityContext",
                [
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": ["drop": ["ALL"]],
                ]
            ),
        ]
        if let policy = desired.spec["imagePullPolicy"] {
            members.append(("imagePullPolicy", policy))
        }
        let resources: JSONValue = ["requests": ["cpu": "250m", "memory": "512Mi"]]
        members.append(("resources", desired.spec["resources"] ?? resources))
        return .object(members)
    }

    private func arguments() -> [String] {
        let me = "$(POD_NAME).\(desired.peersName).\(desired.namespace).svc"
        let scheme = desired.scheme
        var arguments = [
            "--name=$(POD_NAME)", "--data-dir=/var/lib/etcd",
            "--listen-client-urls=\(scheme)://$(POD_IP):2379",
            "--advertise-client-urls=\(scheme)://\(me):2379",
            "--listen-peer-urls=\(scheme)://$(POD_IP):2380",
            "--initial-advertise-peer-urls=\(scheme)://\(me):2380",
            "--listen-metrics-urls=http://$(POD_IP):2381",
            "--ticket-dir=/etc/keelson/tickets", "--admin-token-file=/etc/keelson/admin/token",
            "--termination-log=/dev/termination-log",
        ]
        if desired.usesTLS {
            for (flag, folder) in [("", "server"), ("peer-", "peer")] {
                let path = "/etc/keelson/tls/\(folder)"
                arguments += [
                    "--\(flag)cert-file=\(path)/tls.crt", "--\(flag)key-file=\(path)/tls.key",
                    "--\(flag)trusted-ca-file=\(path)/ca.crt", "--\(flag)client-cert-auth=true",
                ]
            }
            // The peers' authority is this cluster's own: whoever has its certificate is a member,
            // and where a pod's address has no name (yet) its certificate is as good.
            if desired.tlsMode == .auto {
                arguments.append("--peer-skip-client-san-verification=true")
            }
            // Their issuer may have signed for others: members are told by common name.
            if desired.tlsMode == .certManager {
                arguments += [
                    "--peer-skip-client-san-verification=true",
                    "--peer-cert-allowed-cn=\(desired.peerCommonName)",
                ]
            }
        }
        return arguments + options()
    }

    private func options() -> [String] {
        let options = desired.spec["options"]
        var arguments = ["--quota-backend-bytes=\(desired.quotaBytes)"]
        let flags = [
            ("autoCompactionMode", "auto-compaction-mode"),
            ("autoCompactionRetention", "auto-compaction-retention"),
            ("snapshotCount", "snapshot-count"), ("maxRequestBytes", "max-request-bytes"),
            ("maxTxnOps", "max-txn-ops"), ("logLevel", "log-level"),
        ]
        for (field, flag) in flags {
            guard let value = options?[field] else { continue }
            arguments.append("--\(flag)=\(value.string ?? value.description)")
        }
        for (field, flag) in [
            ("heartbeatInterval", "heartbeat-interval"), ("electionTimeout", "election-timeout"),
        ] {
            guard let value = options?[field] else { continue }
            // The node takes milliseconds.
            let spelt = value.string.flatMap { GoDuration.parse($0) }.map { "\($0 / 1_000_000)" }
            arguments.append("--\(flag)=\(spelt ?? value.description)")
        }
        return arguments + (options?["extraArgs"]?.array ?? []).compactMap(\.string)
    }

    private func environment() -> [JSONValue] {
        let fields = [
            ("POD_NAME", "metadata.name"), ("POD_NAMESPACE", "metadata.namespace"),
            ("POD_UID", "metadata.uid"), ("POD_IP", "status.podIP"),
        ]
        let own: [JSONValue] = fields.map { name, path in
            ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(path)]]]
        }
        return own + clientEnvironment().map { ["name": .string($0), "value": .string($1)] }
    }

    /// With these `kubectl exec` of etcdctl, and the hook that hands leadership over, need no
    /// flags. A hook's arguments are not expanded and the image has no shell, so flags could not
    /// name the pod.
    private func clientEnvironment() -> [(String, String)] {
        // By name: that is what the certificate is good for.
        let me = "$(POD_NAME).\(desired.peersName).\(desired.namespace).svc"
        var pairs = [
            ("ETCDCTL_API", "3"), ("ETCDCTL_ENDPOINTS", "\(desired.scheme)://\(me):2379"),
        ]
        if desired.usesTLS {
            let path = "/etc/keelson/tls/server"
            pairs += [
                ("ETCDCTL_CACERT", "\(path)/ca.crt"), ("ETCDCTL_CERT", "\(path)/tls.crt"),
                ("ETCDCTL_KEY", "\(path)/tls.key"),
            ]
        }
        return pairs
    }

    private func probe(_ path: String, period: Int64, failures: Int64) -> JSONValue {
        [
            "httpGet": ["path": .string(path), "port": "metrics"],
            "periodSeconds": .integer(period), "failureThreshold": .integer(failures),
            "timeoutSeconds": 5,
        ]
    }

    private func port(_ name: String, _ number: Int64) -> JSONValue {
        ["name": .string(name), "containerPort": .integer(number), "protocol": "TCP"]
    }

    // MARK: Volumes

    private func mounts() -> [JSONValue] {
        var mounts = [
            mount("data", "/var/lib/etcd", readOnly: false),
            mount("tickets", "/etc/keelson/tickets"),
            mount("admin", "/etc/keelson/admin"), mount("tmp", "/tmp", readOnly: false),
        ]
        if desired.usesTLS {
            mounts.append(mount("server-tls", "/etc/keelson/tls/server"))
            mounts.append(mount("peer-tls", "/etc/keelson/tls/peer"))
        }
        if restore?.claimName != nil { mounts.append(mount(RestoreSource.volumeName, "/restore")) }
        return mounts
    }

    private func mount(_ name: String, _ path: String, readOnly: Bool = true) -> JSONValue {
        readOnly
            ? ["name": .string(name), "mountPath": .string(path), "readOnly": true]
            : ["name": .string(name), "mountPath": .string(path)]
    }

    private func volumes() -> [JSONValue] {
        var volumes: [JSONValue] = [
            [
                "name": "tickets",
                "configMap": ["name": .string(desired.membershipName), "optional": true],
            ],
            ["name": "admin", "secret": ["secretName": .string(desired.adminName)]],
            ["name": "tmp", "emptyDir": [:]],
        ]
        if desired.isInMemory {
            volumes.append(["name": "data", "emptyDir": ["medium": "Memory"]])
        }
        if desired.usesTLS {
            let isGiven = desired.tlsMode == .secret
            let server = isGiven ? desired.tls.client?.secretName : nil
            let peer = isGiven ? desired.tls.peer?.secretName : nil
            for (volume, name) in [
                ("server-tls", server ?? desired.serverSecretName),
                ("peer-tls", peer ?? desired.peerSecretName),
            ] {
                volumes.append(
                    ["name": .string(volume), "secret": ["secretName": .string(name)]])
            }
        }
        if let claim = restore?.claimName {
            volumes.append(
                [
                    "name": .string(RestoreSource.volumeName),
                    "persistentVolumeClaim": ["claimName": .string(claim), "readOnly": true],
                ])
        }
        return volumes
    }
}
