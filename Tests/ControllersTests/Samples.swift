// SPDX-License-Identifier: Apache-2.0
import Bytes
import Kube

@testable import Controllers

/// Seconds after the beginning of the test.
func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

func pod(_ name: String, _ version: Int, uid: String = "u", owner: String = "") -> KubeObject {
    var pod = KubeObject(.pod, namespace: "ns", name: name)
    pod.resourceVersion = "\(version)"
    pod.uid = "\(uid)-\(name)"
    if !owner.isEmpty {
        pod.ownerReferences = [
            OwnerReference(apiVersion: "apps/v1", kind: "StatefulSet", name: "demo", uid: owner)
        ]
    }
    return pod
}
