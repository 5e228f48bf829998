// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Formats
internal import Kube
internal import Posix
internal import Reconcile

/// Which of our objects: a cluster, a backup, a schedule or a restore.
struct ClusterKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    var kind = ResourceKind.etcdCluster
    var namespace: String
    var name: String

    var description: String {
        (kind == .etcdCluster ? "" : "\(kind.singular) ") + "\(namespace)/\(name)"
    }
    var object: ObjectKey { ObjectKey(kind, namespace: namespace, name: name) }

    static func < (left: ClusterKey, right: ClusterKey) -> Bool {
        left.object < right.object
    }
}

/// One kind, in one namespace or in all.
struct WatchedKind: Sendable {
    var kind: ResourceKind
    /// Only what carries the cluster's label: there may be many others.
    var isLabelled: Bool
    /// It may be forbidden: then what it tells is unknown, and the operator works on.
    var isOptional: Bool

    static let all: [WatchedKind] = [
        WatchedKind(kind: .etcdCluster, isLabelled: false, isOptional: false),
        WatchedKind(kind: .etcdBackup, isLabelled: false, isOptional: false),
        WatchedKind(kind: .etcdBackupSchedule, isLabelled: false, isOptional: false),
        WatchedKind(kind: .etcdRestore, isLabelled: false, isOptional: false),
        WatchedKind(kind: .statefulSet, isLabelled: true, isOptional: false),
        WatchedKind(kind: .pod, isLabelled: true, isOptional: false),
        WatchedKind(kind: .persistentVolumeClaim, isLabelled: false, isOptional: false),
        WatchedKind(kind: .configMap, isLabelled: true, isOptional: false),
        WatchedKind(kind: .secret, isLabelled: true, isOptional: false),
        WatchedKind(kind: .service, isLabelled: true, isOptional: false),
        WatchedKind(kind: .serviceAccount, isLabelled: true, isOptional: false),
        // Kubernetes 1.20 has neither of policy/v1 nor CronJobs of batch/v1.
        WatchedKind(kind: .podDisruptionBudget, isLabelled: true, isOptional: true),
        WatchedKind(kind: .job, isLabelled: true, isOptional: false),
        WatchedKind(kind: .cronJob, isLabelled: true, isOptional: true),
        WatchedKind(kind: .certificate, isLabelled: true, isOptional: true),
        WatchedKind(kind: .node, isLabelled: false, isOptional: true),
        WatchedKind(kind: .persistentVolume, isLabelled: false, isOptional: true),
        WatchedKind(kind: .storageClass, isLabelled: false, isOptional: true),
        // Where the Prometheus operator is installed.
        WatchedKind(kind: .serviceMonitor, isLabelled: true, isOptional: true),
        WatchedKind(kind: .prometheusRule, isLabelled: true, isOptional: true),
    ]
}

/// What the threads share: caches, the work queue, and how the last steps ended.
final class ClusterStore: @unchecked Sendable {
    private let lock = Lock()
    private var watches: [ListWatch]
    private let wanted: [WatchedKind]
    /// Has been answered once, be it with a refusal.
    private var isTried: [Bool]
    private var queue: WorkQueue<ClusterKey>
    private var writes = OwnWrites()
    private var outcomes: [ClusterKey: StepOutcome] = [:]
    private var leads = false
    private var isStopping = false

    init(namespaces: [String], seed: UInt64) {
        var watches: [ListWatch] = []
        var wanted: [WatchedKind] = []
        let labelled = LabelSelector([.init(key: Names.clusterLabel, .exists)])
        for kind in WatchedKind.all {
            for namespace in kind.kind.isNamespaced ? namespaces : [""] {
                watches.append(
                    ListWatch(
                        kind.kind, namespace: namespace,
                        labelSelector: kind.isLabelled ? labelled : nil,
                        seed: seed &+ UInt64(watches.count)))
                wanted.append(kind)
            }
        }
        isTried = watches.map { _ in false }
        self.watches = watches
        self.wanted = wanted
        queue = WorkQueue(
            backoff: Backoff(first: .milliseconds(200), longest: .seconds(60)), seed: seed)
    }

    var watchCount: Int { wanted.count }

    // MARK: Reflectors

    func step(_ index: Int, now: Instant) -> ListWatch.Step {
        lock.withLock { watches[index].step(now: now) }
    }

    func isOptional(_ index: Int) -> Bool { wanted[index].isOptional }

    func label(_ index: Int) -> String { wanted[index].kind.qualifiedName }

    /// Tells a watch what happened, and puts the clusters in line that are concerned.
    func tell(_ index: Int, _ news: (inout ListWatch) -> [CacheChange]) {
        lock.withLock {
            let changes = news(&watches[index])
            isTried[index] = true
            for change in changes {
                for key in clusters(concernedBy: change) { queue.add(key) }
            }
            writes.prune(watches[index].cache, namespace: watches[index].namespace)
            if !changes.isEmpty { lock.signalAll() }
        }
    }

    private func clusters(concernedBy change: CacheChange) -> [ClusterKey] {
        guard let object = change.new ?? change.old else { return [] }
        let namespace = object.namespace
        switch change.key.kind {
        case .etcdCluster:
            return [ClusterKey(namespace: namespace, name: object.name)]
                + followers(of: .etcdCluster, object)
        case .etcdBackup, .etcdBackupSchedule, .etcdRestore:
            return [ClusterKey(kind: change.key.kind, namespace: namespace, name: object.name)]
                + followers(of: change.key.kind, object)
        case .persistentVolumeClaim:
            return Self.cluster(ofClaim: object.name).map {
                [ClusterKey(namespace: namespace, name: $0)]
            } ?? []
        case .node: return isHeartbeat(change) ? [] : allClusters()
        case .persistentVolume, .storageClass: return []
        default:
            guard let name = object.labels[Names.clusterLabel] else { return [] }
            return [ClusterKey(namespace: namespace, name: name)] + makers(of: object)
        }
    }

    /// Whose Job, CronJob or pod it is.
    private func makers(of object: KubeObject) -> [ClusterKey] {
        let kinds: [(String, ResourceKind)] = [
            (BackupReconciler.backupLabel, .etcdBackup),
            (BackupReconciler.scheduleLabel, .etcdBackupSchedule),
            (BackupReconciler.restoreLabel, .etcdRestore),
        ]
        return kinds.compactMap { label, kind in
            object.labels[label].map {
                ClusterKey(kind: kind, namespace: object.namespace, name: $0)
            }
        }
    }

    /// Whoever waits for something of this object.
    private func followers(of kind: ResourceKind, _ object: KubeObject) -> [ClusterKey] {
        let namespace = object.namespace
        switch kind {
        case .etcdCluster:
            return [ResourceKind.etcdBackup, .etcdBackupSchedule, .etcdRestore].flatMap { kind in
                objects(kind, namespace: namespace).map {
                    ClusterKey(kind: kind, namespace: namespace, name: $0.name)
                }
            }
        case .etcdBackup:
            let waiting = objects(.etcdCluster, namespace: namespace).filter {
                $0.string("spec", "bootstrap", "restore", "backupRef", "name") == object.name
            }
            let own = object.string("spec", "clusterRef", "name") ?? ""
            return waiting.map { ClusterKey(namespace: namespace, name: $0.name) }
                + known(own, namespace)
                + objects(.etcdRestore, namespace: namespace).map {
                    ClusterKey(kind: .etcdRestore, namespace: namespace, name: $0.name)
                }
        case .etcdBackupSchedule:
            let own = object.string("spec", "backupTemplate", "clusterRef", "name") ?? ""
            return known(object.controller?.name ?? own, namespace)
        default: return []
        }
    }

    private func known(_ name: String, _ namespace: String) -> [ClusterKey] {
        let key = ClusterKey(namespace: namespace, name: name)
        return object(key.object) == nil ? [] : [key]
    }

    /// `data-demo-0` belongs to `demo`.
    private static func cluster(ofClaim name: String) -> String? {
        guard name.hasPrefix("data-"), let dash = name.lastIndex(of: "-") else { return nil }
        let start = name.index(name.startIndex, offsetBy: 5)
        return start < dash ? String(name[start..<dash]) : nil
    }

    private func isHeartbeat(_ change: CacheChange) -> Bool {
        guard let old = change.old, let new = change.new else { return false }
        return old["spec"] == new["spec"]
            && old.condition("Ready")?.status == new.condition("Ready")?.status
    }

    private func allClusters() -> [ClusterKey] {
        objects(.etcdCluster, namespace: "").map {
            ClusterKey(namespace: $0.namespace, name: $0.name)
        }
    }

    private func allKeys() -> [ClusterKey] {
        let kinds: [ResourceKind] = [
            .etcdCluster, .etcdBackup, .etcdBackupSchedule, .etcdRestore,
        ]
        return kinds.flatMap { kind in
            objects(kind, namespace: "").map {
                ClusterKey(kind: kind, namespace: $0.namespace, name: $0.name)
            }
        }
    }

    // MARK: Reading, with the lock held

    private func objects(_ kind: ResourceKind, namespace: String) -> [KubeObject] {
        watches.filter { $0.kind == kind }.flatMap { $0.cache.list(namespace: namespace) }
    }

    private func object(_ key: ObjectKey) -> KubeObject? {
        for watch in watches where watch.kind == key.kind {
            if let object = watch.cache[key] { return object }
        }
        return nil
    }

    /// The objects of one cluster as they are now; nil if there is no such cluster.
    func view(_ key: ClusterKey) -> ClusterView? {
        lock.withLock {
            guard let cluster = object(key.object) else { return nil }
            var view = ClusterView(cluster)
            view.outcome = outcomes[key]
            for kind in wanted where !kind.isOptional {
                view.objects[kind.kind] = objects(kind.kind, namespace: key.namespace)
            }
            for kind in wanted where kind.isOptional {
                let isKnown = watches.contains { $0.kind == kind.kind && $0.isSynced }
                let namespace = kind.kind.isNamespaced ? key.namespace : ""
                view.optional[kind.kind] =
                    isKnown
                    ? .known(objects(kind.kind, namespace: namespace))
                    : .unknown("\(kind.kind.qualifiedName) cannot be listed")
            }
            return view
        }
    }

    /// Every kind that must be known has been listed once; the others were asked for.
    var isSynced: Bool { lock.withLock { synced } }

    private var synced: Bool {
        watches.indices.allSatisfy { index in
            watches[index].isSynced || (wanted[index].isOptional && isTried[index])
        }
    }

    /// By key, for metrics.
    func objects(of kind: ResourceKind) -> [KubeObject] {
        lock.withLock { objects(kind, namespace: "") }
    }

    var queueDepth: Int { lock.withLock { queue.depth } }

    // MARK: Work

    /// The next cluster to work on; waits for one, for the lead and for the caches. Nil: stop.
    func takeWork() -> ClusterKey? {
        lock.withLock {
            while !isStopping {
                let now = MonotonicClock.now
                if leads, synced, let key = queue.next(now: now) { return key }
                let limit = now + .seconds(1)
                _ = lock.wait(until: min(queue.nextAppointment ?? limit, limit))
            }
            return nil
        }
    }

    func done(_ key: ClusterKey) { lock.withLock { queue.done(key) } }

    func later(_ key: ClusterKey, _ wait: Duration) {
        lock.withLock {
            queue.forget(key)
            if wait <= .zero {
                queue.add(key)
            } else {
                queue.add(key, at: MonotonicClock.now + wait)
            }
            lock.signalAll()
        }
    }

    func retry(_ key: ClusterKey) -> Duration {
        lock.withLock { queue.retry(key, now: MonotonicClock.now) }
    }

    /// Whether we wrote something in its namespace that has not come back yet. Only caches of that
    /// namespace can tell: in another nothing may happen for hours.
    func isBehind(_ key: ClusterKey) -> Bool {
        lock.withLock {
            watches.contains {
                ($0.namespace.isEmpty || $0.namespace == key.namespace)
                    && writes.isAhead(of: $0.cache, namespace: key.namespace)
            }
        }
    }

    func wrote(_ object: KubeObject, as kind: ResourceKind) {
        lock.withLock {
            guard watches.contains(where: { $0.kind == kind }) else { return }
            writes.wrote(object.key(as: kind), version: object.resourceVersion)
        }
    }

    func note(_ outcome: StepOutcome?, for key: ClusterKey) {
        lock.withLock { outcomes[key] = outcome }
    }

    // MARK: Lead and end

    func setLeads(_ value: Bool) {
        lock.withLock {
            guard leads != value else { return }
            leads = value
            if value { for key in allKeys() { queue.add(key) } }
            lock.signalAll()
        }
    }

    func stop() {
        lock.withLock {
            isStopping = true
            lock.signalAll()
        }
    }

    var isStopped: Bool { lock.withLock { isStopping } }
}

/// The objects of one cluster's namespace at one moment.
struct ClusterView: Sendable {
    var cluster: KubeObject
    var objects: [ResourceKind: [KubeObject]] = [:]
    var optional: [ResourceKind: Seen<[KubeObject]>] = [:]
    var outcome: StepOutcome?

    init(_ cluster: KubeObject) {
        self.cluster = cluster
    }

    func all(_ kind: ResourceKind) -> [KubeObject] { objects[kind] ?? [] }

    /// Those with the cluster's label.
    func own(_ kind: ResourceKind) -> [KubeObject] {
        all(kind).filter { $0.labels[Names.clusterLabel] == cluster.name }
    }

    func named(_ kind: ResourceKind, _ name: String) -> KubeObject? {
        all(kind).first { $0.name == name }
    }
}
