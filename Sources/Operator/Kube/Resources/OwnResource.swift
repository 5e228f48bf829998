// SPDX-License-Identifier: Apache-2.0
internal import Formats

package typealias EtcdCluster = OwnResource<EtcdClusterSpec, EtcdClusterStatus>
package typealias EtcdBackup = OwnResource<EtcdBackupSpec, EtcdBackupStatus>
package typealias EtcdBackupSchedule =
    OwnResource<EtcdBackupScheduleSpec, EtcdBackupScheduleStatus>
package typealias EtcdRestore = OwnResource<EtcdRestoreSpec, EtcdRestoreStatus>

/// One of our resources, read from the object that came from the server. The object keeps what the
/// types do not know.
package struct OwnResource<Spec: Record, Status: Record>: Equatable, Sendable {
    package private(set) var object: KubeObject
    package var spec: Spec
    package var status: Status
    /// Values of a wrong type, and required ones that are missing, in the spec.
    package private(set) var problems: [FieldProblem]

    package init(_ object: KubeObject) {
        var problems: [FieldProblem] = []
        self.object = object
        spec = Spec.decode(object["spec"] ?? .object([]), at: "spec", problems: &problems)
        status = Status.decode(object["status"], at: "status")
        self.problems = problems
    }

    /// A new one, to be created. An empty spec, and one that says only defaults, is written out.
    package init(_ kind: ResourceKind, namespace: String, name: String, spec: Spec) {
        object = KubeObject(kind, namespace: namespace, name: name)
        object["spec"] = .object(spec.encoded)
        self.spec = spec
        status = Status()
        problems = []
    }

    package var name: String { object.name }
    package var namespace: String { object.namespace }
    package var uid: String { object.uid }

    /// The object with this status, for the status subresource.
    package var withStatus: KubeObject {
        var written = object
        written["status"] = .object(status.encoded)
        return written
    }

    /// Whether writing the status would change anything.
    package var statusDiffers: Bool {
        object["status"] != JSONValue.object(status.encoded)
            && Status.decode(object["status"], at: "status") != status
    }
}
