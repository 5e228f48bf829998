// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import KubeClient
internal import Posix
internal import Program

/// The threads of the operator and what they share.
enum Wiring {
    /// Runs until SIGTERM or SIGINT.
    static func run(_ settings: OperatorSettings) throws(KubeError) -> Int32 {
        let signals = try posix { () throws(PosixError) in try Signals([.terminate, .interrupt]) }
        let log = try logger(settings)
        let access = try KubeAccess.find(
            kubeconfig: settings.kubeconfig, context: settings.context,
            environment: ChildProcess.environment)
        let seed = try posix { () throws(PosixError) in try SecureRandom.number() }
        let parts = Parts(settings, access, log, seed: seed)
        log.info(
            "starting",
            [
                "version": .string(BuildInfo.keelsonVersion),
                "server": .string(access.cluster.server), "identity": .string(settings.identity),
            ])
        let poller = try posix { () throws(PosixError) in try Poller() }
        try posix { () throws(PosixError) in
            try poller.add(signals.descriptor, .read, token: 1)
        }
        try parts.start()
        defer { parts.stop() }
        try posix { () throws(PosixError) in try waitForEnd(signals, poller) }
        log.info("stopping")
        return 0
    }

    private static func waitForEnd(_ signals: Signals, _ poller: Poller) throws(PosixError) {
        while true {
            _ = try poller.wait(nil)
            let signal = try signals.next()
            if signal == .terminate || signal == .interrupt { return }
        }
    }

    private static func logger(_ settings: OperatorSettings) throws(KubeError) -> Logger {
        let file = try posix { () throws(PosixError) in
            try File(copying: 2, name: "standard error")
        }
        let sink = LineSink(file)
        return Logger(
            level: settings.logLevel, format: settings.logFormat,
            clock: { WallClock.nanoseconds }, sink: { sink.write($0) })
    }

    static func posix<Result>(
        _ body: () throws(PosixError) -> Result
    ) throws(KubeError) -> Result {
        do throws(PosixError) {
            return try body()
        } catch {
            throw .broken("\(error)")
        }
    }
}

/// Lines of all threads, one after the other.
private final class LineSink: @unchecked Sendable {
    private let lock = Lock()
    private let file: File

    init(_ file: File) {
        self.file = file
    }

    /// A line that cannot be written is lost: there is nobody to tell.
    func write(_ line: [UInt8]) {
        lock.withLock { _ = try? file.append(line) }
    }
}

/// What is made before the threads, and outlives them.
private final class Parts {
    private let settings: OperatorSettings
    private let access: KubeAccess
    private let log: Logger
    private let seed: UInt64
    private let store: ClusterStore
    private let lead = Lead()
    private let metrics: OperatorMetrics
    private let events: EventSink
    private let stopWatching = KubeStop()
    private var threads: [Joined] = []

    init(_ settings: OperatorSettings, _ access: KubeAccess, _ log: Logger, seed: UInt64) {
        self.settings = settings
        self.access = access
        self.log = log
        self.seed = seed
        store = ClusterStore(namespaces: settings.namespaces, seed: seed)
        metrics = OperatorMetrics(store: store, lead: lead)
        events = EventSink(instance: settings.identity, log: log)
    }

    func start() throws(KubeError) {
        try startHealth()
        for index in 0..<store.watchCount { try startReflector(index) }
        for number in 0..<settings.workerCount { try startWorker(number) }
        if settings.electsLeader {
            try startLeader()
        } else {
            lead.setAlways()
            store.setLeads(true)
        }
    }

    /// Workers finish their pass; watches end; the Lease is given back last.
    func stop() {
        store.stop()
        stopWatching.stop()
        for thread in threads { thread.join() }
    }

    private static func client(
        _ access: KubeAccess, _ given: OperatorSettings, _ stop: KubeStop?
    ) throws(KubeError) -> KubeClient {
        var settings = KubeClientSettings(
            userAgent: "keelson-operator/\(BuildInfo.keelsonVersion)")
        settings.requestsPerSecond = given.requestsPerSecond
        settings.burst = given.requestsPerSecond * 2
        settings.lookup = NameLookup(hostsFile: OperatorSettings.variable("KEELSON_HOSTS"))
        return try KubeClient(access, settings, stop: stop)
    }

    private func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(KubeError) {
        do throws(PosixError) {
            threads.append(Joined(try Thread(name: name, body)))
        } catch {
            throw .broken("\(error)")
        }
    }

    private func startReflector(_ index: Int) throws(KubeError) {
        let (access, store, log, stop) = (access, store, log, stopWatching)
        let settings = settings
        try start("watch-\(index)") {
            do throws(KubeError) {
                let client = try Self.client(access, settings, stop)
                var reflector = Reflector(
                    store: store, index: index, client: client, log: log)
                reflector.run()
            } catch {
                log.error("no client", ["error": .string("\(error)")])
            }
        }
    }

    private func startWorker(_ number: Int) throws(KubeError) {
        let (access, store, log, settings) = (access, store, log, settings)
        let (metrics, events, lead) = (metrics, events, lead)
        try start("worker-\(number)") {
            do throws(KubeError) {
                let client = try Self.client(access, settings, nil)
                let prober = MemberProber(timeout: settings.probeTimeout)
                let executor = Executor(
                    client: client, store: store, events: events, prober: prober,
                    mayWrite: { lead.isOurs }, log: log)
                ControllerLoop(
                    store: store,
                    observer: Observer(prober: prober, nodeImage: settings.nodeImage),
                    executor: executor, metrics: metrics, resync: settings.resync, log: log
                ).run()
            } catch {
                log.error("no client", ["error": .string("\(error)")])
            }
        }
    }

    private func startLeader() throws(KubeError) {
        let (access, store, log, lead, stop) = (access, store, log, lead, stopWatching)
        let (settings, seed) = (settings, seed)
        var namespace = settings.leaseNamespace
        if namespace.isEmpty { namespace = OperatorSettings.variable("POD_NAMESPACE") ?? "" }
        if namespace.isEmpty { namespace = access.namespace }
        let chosen = namespace.isEmpty ? "default" : namespace
        try start("leader") {
            do throws(KubeError) {
                LeaderLoop(
                    client: try Self.client(access, settings, stop),
                    farewell: try Self.client(access, settings, nil),
                    store: store, lead: lead, log: log, namespace: chosen,
                    name: settings.leaseName, identity: settings.identity,
                    timing: settings.leaseTiming, seed: seed
                ).run()
            } catch {
                log.error("no client", ["error": .string("\(error)")])
            }
        }
    }

    private func startHealth() throws(KubeError) {
        guard !settings.listen.isEmpty, settings.listen != "0" else { return }
        let text =
            settings.listen.hasPrefix(":")
            ? "0.0.0.0" + settings.listen : settings.listen
        guard let endpoint = HostPort(text),
            let address = SocketAddress(host: endpoint.host, port: endpoint.port)
        else { throw .badServer("--listen \(settings.listen): no address") }
        // Nothing starts if the port is taken.
        _ = try Wiring.posix { () throws(PosixError) in try Socket.listen(address) }
        let server = HealthServer(
            store: store, metrics: metrics, addresses: [address], log: log)
        try Wiring.posix { () throws(PosixError) in
            try Thread.start(name: "health") { server.run() }
        }
    }
}

/// A thread that may stand in an array.
final class Joined {
    private var thread: Thread?

    init(_ thread: consuming Thread) {
        self.thread = consume thread
    }

    func join() {
        thread.take()?.join()
    }
}
