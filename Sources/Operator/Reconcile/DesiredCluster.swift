// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Formats
package import Kube

/// What the user asked for, with every default filled in.
package struct DesiredCluster: Equatable, Sendable {
    package var name: String
    package var namespace: String
    package var uid: String
    package var generation: Int64
    package var replicas: Int
    package var allowsEvenReplicas: Bool
    package var version: String
    package var image: String
    package var storageSize: String
    package var storageClassName: String?
    package var accessModes: [String]
    package var isInMemory: Bool
    package var deletesClaimsWhenScaled: Bool
    package var tlsMode: ClusterTLS.Mode
    package var tls: ClusterTLS
    package var maintenance: Maintenance
    package var isPaused: Bool
    package var isHibernating: Bool
    package var fencedPods: [String]
    package var deletionPolicy: DeletionPolicy
    package var progressDeadline: Duration
    package var repairsByItself: Bool
    package var podUnavailableTimeout: Duration
    package var maxRecreates: Int
    package var recreateWindow: Duration
    package var replacesOnLostNodes: Bool
    package var recoversByItself: Bool
    package var recoveryAfter: Duration
    /// The cluster ID in the approval annotation.
    package var approvedRecovery: String
    package var defragMode: String
    package var defragMinSizeBytes: Int64
    package var defragRatioPercent: Int64
    package var defragsSingleMember: Bool
    package var rollsSupervised: Bool
    package var approvedRoll: String
    package var pauseBetweenPods: Duration
    package var quotaBytes: Int64
    package var allowsDowngrade: Bool
    package var restore: JSONValue?
    package var refusesExistingClaims: Bool
    package var hasDisruptionBudget: Bool
    package var restartedAt: String
    package var replaceMember: String
    package var moveLeaderTo: String
    package var defragNow: String
    package var rotateCertificates: String
    package var rotateAuthorities: String
    package var spec: JSONValue

    package init(_ cluster: KubeObject, defaults: ClusterDefaults = ClusterDefaults()) {
        let spec = cluster["spec"] ?? .object([])
        let notes = cluster.annotations
        self.spec = spec
        name = cluster.name
        namespace = cluster.namespace
        uid = cluster.uid
        generation = cluster.generation
        replicas = Int(clamping: spec["replicas"]?.int64 ?? 3)
        allowsEvenReplicas = spec["allowEvenReplicas"]?.bool ?? false
        version = spec["version"]?.string ?? defaults.version
        image = spec["image"]?.string ?? defaults.image
        let storage = spec["storage"]
        storageSize = storage?["size"]?.string ?? "8Gi"
        storageClassName = storage?["storageClassName"]?.string
        accessModes =
            storage?["accessModes"]?.array?.compactMap(\.string) ?? ["ReadWriteOnce"]
        isInMemory = storage?["medium"]?.string == "Memory"
        let retention = storage?["retentionPolicy"]
        deletesClaimsWhenScaled = retention?["whenScaled"]?.string != "Retain"
        let mode = spec["tls"]?["mode"]?.string ?? defaults.tlsMode
        tlsMode = ClusterTLS.Mode(rawValue: mode) ?? .auto
        tls = ClusterTLS.decode(spec["tls"])
        maintenance = Maintenance.decode(spec["maintenance"])
        isPaused =
            spec["paused"]?.bool ?? false || notes["keelson.dev/reconcile"] == "disabled"
        isHibernating = spec["hibernate"]?.bool ?? false
        fencedPods = (notes["keelson.dev/fenced"] ?? "").split(separator: ",").map(String.init)
        let policy = spec["deletionPolicy"]?.string ?? "Retain"
        deletionPolicy = DeletionPolicy(rawValue: policy) ?? .retain
        progressDeadline = .seconds(spec["progressDeadlineSeconds"]?.int64 ?? 600)
        let repair = spec["repair"]
        repairsByItself = repair?["mode"]?.string != "Manual"
        podUnavailableTimeout = Self.duration(repair?["podUnavailableTimeout"], .seconds(300))
        maxRecreates = Int(clamping: repair?["maxRecreates"]?.int64 ?? 3)
        recreateWindow = Self.duration(repair?["recreateWindow"], .seconds(3600))
        replacesOnLostNodes = repair?["nodeLost"]?.string == "Replace"
        let recovery = spec["quorumRecovery"]
        recoversByItself = recovery?["mode"]?.string == "Automatic"
        recoveryAfter = Self.duration(recovery?["after"], .seconds(900))
        approvedRecovery = notes["keelson.dev/approve-quorum-recovery"] ?? ""
        let defrag = spec["defrag"]
        defragMode = defrag?["mode"]?.string ?? "Auto"
        defragMinSizeBytes = Self.bytes(defrag?["minSize"], 128 << 20)
        defragRatioPercent = defrag?["fragmentationRatio"]?.int64 ?? 45
        defragsSingleMember = defrag?["allowSingleMember"]?.bool ?? false
        let strategy = spec["updateStrategy"]
        rollsSupervised = strategy?["type"]?.string == "Supervised"
        approvedRoll = notes["keelson.dev/approve-roll"] ?? ""
        pauseBetweenPods = Self.duration(strategy?["pauseBetween"], .seconds(10))
        quotaBytes = Self.bytes(spec["options"]?["quotaBackendBytes"], 2 << 30)
        allowsDowngrade = notes["keelson.dev/allow-downgrade"] != nil
        restore = spec["bootstrap"]?["restore"]
        refusesExistingClaims =
            spec["bootstrap"]?["existingClaims"]?.string == "Refuse"
        hasDisruptionBudget = spec["podDisruptionBudget"]?["enabled"]?.bool ?? true
        restartedAt = notes["keelson.dev/restartedAt"] ?? ""
        replaceMember = notes["keelson.dev/replace-member"] ?? ""
        moveLeaderTo = notes["keelson.dev/move-leader"] ?? ""
        defragNow = notes["keelson.dev/defrag-now"] ?? ""
        rotateCertificates = notes["keelson.dev/rotate-certificates"] ?? ""
        rotateAuthorities = notes["keelson.dev/rotate-authorities"] ?? ""
    }

    /// Whether it is time for what can wait.
    func isMaintained(_ now: Instant) -> Bool {
        maintenance.isOpen(at: now.nanoseconds / 1_000_000_000)
    }

    private static func duration(_ json: JSONValue?, _ fallback: Duration) -> Duration {
        guard let text = json?.string, let parsed = GoDuration.parse(text) else { return fallback }
        return .nanoseconds(parsed)
    }

    private static func bytes(_ json: JSONValue?, _ fallback: Int64) -> Int64 {
        if let number = json?.int64 { return number }
        guard let text = json?.string, let quantity = Quantity(text) else { return fallback }
        return quantity.units
    }
}

/// What the operator was started with, for fields that a cluster leaves out.
package struct ClusterDefaults: Equatable, Sendable {
    package var version: String
    package var image: String
    package var tlsMode: String

    package init(
        version: String = "", image: String = "keelson:dev", tlsMode: String = "Auto"
    ) {
        self.version = version
        self.image = image
        self.tlsMode = tlsMode
    }
}

/// Names of a cluster's objects.
extension DesiredCluster {
    package func podName(_ ordinal: Int) -> String { "\(name)-\(ordinal)" }
    package func claimName(_ ordinal: Int) -> String { "data-\(name)-\(ordinal)" }
    package var peersName: String { "\(name)-peers" }
    package var membershipName: String { "\(name)-membership" }
    package var adminName: String { "\(name)-admin" }
    package var usesTLS: Bool { tlsMode != .disabled }
    package var scheme: String { usesTLS ? "https" : "http" }

    package func host(_ podName: String) -> String { "\(podName).\(peersName).\(namespace).svc" }
    package func peerURL(_ podName: String) -> String { "\(scheme)://\(host(podName)):2380" }
    package func clientURL(_ podName: String) -> String { "\(scheme)://\(host(podName)):2379" }

    /// The ordinal in a pod's name; nil if it is not one of this cluster's.
    package func ordinal(ofPod pod: String) -> Int? {
        Self.number(after: "\(name)-", in: pod)
    }

    package func ordinal(ofClaim claim: String) -> Int? {
        Self.number(after: "data-\(name)-", in: claim)
    }

    /// Our pod that a peer URL belongs to, whatever its scheme.
    package func podName(ofPeerURL url: String) -> String? {
        guard let mark = url.range(ofText: "://") else { return nil }
        let host = url[mark...].prefix { $0 != ":" && $0 != "/" }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 3, labels[1] == peersName, labels[2] == namespace else { return nil }
        let pod = String(labels[0])
        return ordinal(ofPod: pod) == nil ? nil : pod
    }

    private static func number(after prefix: String, in text: String) -> Int? {
        guard text.hasPrefix(prefix) else { return nil }
        let digits = text.dropFirst(prefix.count)
        guard !digits.isEmpty, digits.utf8.count <= 4,
            digits.allSatisfy({ ("0"..."9").contains($0) }),
            digits == "0" || !digits.hasPrefix("0")
        else { return nil }
        return Int(digits)
    }
}

extension String {
    /// What is behind the first occurrence of `mark`.
    fileprivate func range(ofText mark: String) -> String.Index? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(mark) { return rest.dropFirst(mark.count).startIndex }
            rest = rest.dropFirst()
        }
        return nil
    }
}
