// SPDX-License-Identifier: Apache-2.0

/// Who asks.
package struct Identity: Equatable, Sendable {
    package var name: String
    package var groups: [String]
    package var uid: String

    package init(name: String, groups: [String] = [], uid: String = "") {
        self.name = name
        self.groups = groups
        self.uid = uid
    }

    /// May do everything, with or without RBAC.
    package static let administrator = Identity(
        name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"])
    package static let anonymous = Identity(
        name: "system:anonymous", groups: ["system:unauthenticated"])

    package static func serviceAccount(_ name: String, namespace: String, uid: String) -> Identity {
        Identity(
            name: "system:serviceaccount:\(namespace):\(name)",
            groups: [
                "system:serviceaccounts", "system:serviceaccounts:\(namespace)",
                "system:authenticated",
            ], uid: uid)
    }
}

/// How this Kubernetes behaves.
package struct Settings: Sendable {
    /// What a clock on the wall shows when the monotonic clock shows 0; nanoseconds since 1970.
    package var epoch: Int64
    /// Of UIDs and generated names.
    package var seed: UInt64
    /// Without it everybody may do everything.
    package var evaluatesRBAC = false
    /// How many revisions a watch may be behind. Older ones are compacted: 410.
    package var historyLimit: Int64 = 10_000
    package var bookmarkInterval: Duration = .seconds(60)
    /// Watches end after this time unless their client asks for less.
    package var watchTimeout: Duration = .seconds(1800)
    package var eventLifetime: Duration = .seconds(3600)
    /// Bytes of watch lines that were not taken; a watch with more is closed.
    package var watchBacklogLimit = 16 << 20
    /// The minor version claimed by `/version`.
    package var minorVersion = 34
    /// Services get addresses of this network: `127.96.0.0/16`.
    package var serviceNetwork = "127.96"
    /// Pods get a projected volume with a token, as in a real cluster; the runner must provide it.
    package var mountsServiceAccounts = false
    /// PEM; every namespace gets it in its `kube-root-ca.crt`.
    package var rootCertificate = ""

    package init(epoch: Int64, seed: UInt64) {
        self.epoch = epoch
        self.seed = seed
    }

    /// Claims a current version, and that this is no real cluster.
    package var gitVersion: String { "v1.\(minorVersion).0+keelson-sandbox" }
}
