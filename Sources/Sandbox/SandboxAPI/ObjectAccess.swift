// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

/// The API without HTTP: what built-in controllers and the runner use. Every rule of the API holds
/// here too (conflicts, finalizers, generation, no-op writes, immutable fields); only permissions
/// are not asked.
///
/// The API itself collects garbage by owner references, empties namespaces that are being deleted,
/// guards claims in use (`kubernetes.io/pvc-protection`), gives services their addresses and every
/// namespace its `default` service account. Controllers need do nothing about those.
package protocol ObjectAccess {
    /// The time of the last `receive` or `tick`.
    var now: Instant { get }
    /// What a clock on the wall shows at `now`, in nanoseconds since 1970.
    var unixNanoseconds: Int64 { get }

    func get(_ key: ObjectKey) -> KubeObject?
    /// Nil is every namespace. Sorted by namespace and name, bytewise.
    func list(_ kind: ResourceKind, namespace: String?) -> [KubeObject]

    /// The object as it was stored. `generateName` is honoured.
    @discardableResult
    mutating func create(_ object: KubeObject) throws(StatusError) -> KubeObject
    /// Everything but the status. 409 if the object names a resourceVersion that is not the newest.
    @discardableResult
    mutating func update(_ object: KubeObject) throws(StatusError) -> KubeObject
    /// The status alone. 409 as above.
    @discardableResult
    mutating func updateStatus(_ object: KubeObject) throws(StatusError) -> KubeObject
    /// A pod with a grace period only gets its deletionTimestamp; the kubelet deletes it again with
    /// grace 0 when its process is gone.
    mutating func delete(_ key: ObjectKey, _ options: DeleteOptions) throws(StatusError)
}

extension ObjectAccess {
    /// `now` as Kubernetes writes it: whole seconds.
    package var timestamp: String { Timestamp.seconds(unixNanoseconds / 1_000_000_000) }

    /// How long ago a timestamp of the API was; nil if it is none.
    package func age(of timestamp: String?) -> Duration? {
        guard let timestamp, let then = Timestamp.parse(timestamp) else { return nil }
        return .nanoseconds(unixNanoseconds - then)
    }
}
