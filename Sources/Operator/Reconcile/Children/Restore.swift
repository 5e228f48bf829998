// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Where a new cluster's data comes from.
struct RestoreSource {
    /// The claim's name in a pod.
    static let volumeName = "restore"

    var claimName: String?
    /// As the member's container sees it.
    var path: String
    var sum: String
    var problem: String?

    init(_ json: JSONValue?) {
        let source = json?["source"] ?? json
        let volume = source?["pvc"] ?? source?["persistentVolumeClaim"]
        claimName = volume?["claimName"]?.string
        let file = source?["path"]?.string ?? volume?["path"]?.string ?? ""
        path = "/restore/\(file.hasPrefix("/") ? String(file.dropFirst()) : file)"
        sum = volume?["sha256"]?.string ?? source?["sha256"]?.string ?? ""
        if claimName == nil { problem = "bootstrap.restore names no claim" }
        if file.isEmpty || file.split(separator: "/").contains("..") {
            problem = "bootstrap.restore names no file"
        }
    }
}

/// The Job that judges an artefact before anything is made from it.
enum RestoreCheck {
    static func job(
        _ desired: DesiredCluster, _ source: RestoreSource, owner: KubeObject
    ) -> KubeObject {
        var job = Child.object(.job, "\(desired.name)-restore-check", desired, owner)
        let command =
            ["keelsonctl", "backup", "check", source.path]
            + (source.sum.isEmpty ? [] : ["--sha256=\(source.sum)"])
            + ["--termination-log=/dev/termination-log"]
        job["spec"] = [
            "backoffLimit": 2,
            "template": [
                "metadata": ["labels": Child.labels(desired).json],
                "spec": [
                    "restartPolicy": "Never", "automountServiceAccountToken": false,
                    "containers": [
                        [
                            "name": "check", "image": .string(desired.image),
                            "command": .array(command.map(JSONValue.string)),
                            "volumeMounts": [
                                [
                                    "name": .string(RestoreSource.volumeName),
                                    "mountPath": "/restore", "readOnly": true,
                                ]
                            ],
                        ]
                    ],
                    "volumes": [
                        [
                            "name": .string(RestoreSource.volumeName),
                            "persistentVolumeClaim": [
                                "claimName": .string(source.claimName ?? ""), "readOnly": true,
                            ],
                        ]
                    ],
                ],
            ],
        ]
        // Its label must not make it a member for the services.
        job["spec", "template", "metadata", "labels"] = [
            "app.kubernetes.io/name": "keelson-restore",
            "app.kubernetes.io/instance": .string(desired.name),
            Names.clusterLabel: .string(desired.name),
        ]
        return job
    }
}
