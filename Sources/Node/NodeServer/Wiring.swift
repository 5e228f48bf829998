// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import Net
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Replicated
internal import Storage

/// The whole object graph of a member, bottom floor first.
final class Wiring {
    /// Descriptors that clients cannot take: for peers, files and the process itself.
    private static let reservedDescriptors = 150
    private static let leastBuffer = 16 << 20

    private let config: NodeConfig
    private let logger: Logger
    private let logSwitch: LogSwitch
    private let reactor: Reactor
    private let lookup = HostsFile.lookup()
    private let dialer: Dialer
    private let directory: DataDirectory
    private let security: NodeSecurity
    private let metrics: NodeMetrics
    private var member: LocalMember?
    private let passwords = WorkThread(limit: Authenticator.waitingLimit)
    private var clients: ClientPort?
    private var metricsPort: ClientPort?
    private var peers: PeerPort?
    private var exitCode: Int32 = 0
    private var isStopping = false
    private var isServing = false
    /// It was the leader when it was told to stop.
    private var isHandingOver = false

    init(config: NodeConfig, logger: Logger) throws(StartFailure) {
        self.config = config
        logSwitch = LogSwitch(logger.level)
        self.logger = logSwitch.attach(logger)
        metrics = NodeMetrics(isExtensive: config.metricsAreExtensive)
        do throws(NetError) {
            reactor = try Reactor()
            dialer = try Dialer(on: reactor, lookup: lookup)
        } catch {
            throw .refused("\(error)")
        }
        directory = try DataDirectory(
            path: config.dataDirectory, walPath: config.logDirectory, syncs: config.syncsToDisk)
        security = try NodeSecurity(config: config, logger: logger)
        dialer.certificates = security.dial
    }

    /// Until the member is told to stop, or cannot go on. Returns the exit code.
    func run() throws(StartFailure) -> Int32 {
        let salt = try secure()
        // Before any other thread starts: it would not have the signals blocked.
        try attachSignals()
        let start = try Bootstrap(
            config: config, directory: directory, reactor: reactor, dialer: dialer, logger: logger,
            salt: salt, isStopping: { [unowned self] in self.isStopping }
        ).begin()
        try build(start, seed: salt)
        if isStopping { member?.receive(.stopping) }
        do throws(NetError) {
            try reactor.run()
        } catch {
            throw .refused("\(error)")
        }
        return exitCode
    }

    private func secure() throws(StartFailure) -> UInt64 {
        do throws(PosixError) {
            return try SecureRandom.number()
        } catch {
            throw .posix(error)
        }
    }

    // MARK: Build

    private func build(_ start: Bootstrap.Start, seed: UInt64) throws(StartFailure) {
        let found = start.recovered
        let settings = nodeSettings(found, seed: seed)
        let authenticator = try authenticator()
        let node = Node(
            settings: settings, ledger: found.ledger, restored: found.restored,
            now: reactor.now)
        do throws(NetError) {
            let mailbox = try Mailbox<CoreLetter>()
            let disk = DiskThread(core: mailbox, quickSync: .milliseconds(1))
            let keeper = WorkThread()
            let member = LocalMember(
                reactor: reactor, node: node, disk: disk, keeper: keeper, files: start.files,
                mailbox: mailbox, metrics: metrics, logger: logger)
            self.member = member
            metrics.watch(member, startedAt: WallClock.nanoseconds)
            try startThreads(disk, keeper, found.log)
            try openPeers(member, start)
            try member.start()
            try openClients(member, authenticator)
            listen(to: member)
        } catch {
            throw .refused("\(error)")
        }
        logger.info(
            "starting member",
            [
                "name": .string(config.name), "local-member-id": .string("\(found.memberID)"),
                "cluster-id": .string("\(found.clusterID)"),
                "applied-index": .unsigned(found.ledger.appliedIndex.number),
                "last-index": .unsigned(node.raft.lastIndex.number),
                "data-dir": .string(config.dataDirectory),
            ])
    }

    private func startThreads(
        _ disk: DiskThread, _ keeper: WorkThread, _ log: Log
    ) throws(NetError) {
        do throws(PosixError) {
            try disk.start(log)
            try keeper.start(name: "keeper")
            try passwords.start(name: "passwords")
        } catch {
            throw .system(error)
        }
    }

    private func authenticator() throws(StartFailure) -> Authenticator {
        Authenticator(
            settings: .init(
                signer: try config.authToken.signer(), bcryptCost: config.bcryptCost,
                trustsCertificates: config.clientSecurity.wantsClientCertificate),
            passwords: passwords)
    }

    private func nodeSettings(_ found: Recovered, seed: UInt64) -> NodeSettings {
        var settings = NodeSettings(
            memberID: found.memberID, clusterID: found.clusterID, name: config.name,
            clientURLs: config.advertiseClientURLs.map(\.description),
            startedAt: UInt64(max(0, WallClock.nanoseconds / 1_000_000)), seed: seed)
        settings.version = NodeProgram.version
        settings.heartbeatInterval = config.heartbeatInterval
        settings.electionTicks = config.electionTicks
        settings.preVote = config.preVote
        settings.hastensFirstElection = config.advancesElectionTicks
        settings.snapshotCount = config.snapshotCount
        settings.catchUpEntries = config.snapshotCatchUpEntries
        settings.quotaBytes = config.quotaBytes ?? -1
        settings.maxRequestBytes = config.maxRequestBytes
        settings.maxTxnOps = config.maxTxnOps
        settings.maxLearners = config.maxLearners
        settings.strictReconfigCheck = config.strictReconfigCheck
        settings.progressNotifyInterval = config.watchProgressInterval
        settings.compactionBatch = config.compactionBatchLimit
        settings.slicesLists = true
        settings.tokenLife = config.authTokenLife
        settings.autoCompaction =
            switch config.autoCompaction {
            case .off: .off
            case .periodic(let time): .periodic(time)
            case .revisions(let count): .revisions(count)
            }
        return settings
    }

    // MARK: Ports

    private func openPeers(
        _ member: LocalMember, _ start: Bootstrap.Start
    ) throws(NetError) {
        let peers = PeerPort(
            member: member, dialer: dialer,
            ownPeerURLs: config.advertisePeerURLs.map(\.description))
        peers.onRemovedByPeers = { [unowned self] in
            self.stopAtOnce("the member has been permanently removed from the cluster", code: 0)
        }
        for (urls, certificates) in doors(config.listenPeerURLs, security.peer) {
            try peers.listen(
                on: try addresses(urls), certificates,
                checksAddresses: !config.peerSecurity.skipsAddressCheck)
        }
        peers.start()
        peers.setRemotes(start.remotes)
        self.peers = peers
        member.peers = peers
    }

    private func openClients(
        _ member: LocalMember, _ authenticator: Authenticator
    ) throws(NetError) {
        var settings = ClientPort.Settings()
        settings.maxRequestBytes = config.maxRequestBytes
        settings.maxConcurrentStreams = Int(config.maxConcurrentStreams)
        settings.keepAliveMinTime = config.keepalive.minimumTime
        settings.keepAliveInterval = config.keepalive.interval
        settings.keepAliveTimeout = config.keepalive.timeout
        settings.maxConnections = max(
            16, ThisProcess.descriptorLimit - Wiring.reservedDescriptors)
        if let told = NodeEnvironment.value("KEELSON_CLIENT_BUFFER_BYTES").flatMap({ Int($0) }) {
            settings.maxBufferedBytes = max(told, Wiring.leastBuffer)
            settings.maxConnectionBytes = min(
                settings.maxConnectionBytes, settings.maxBufferedBytes / 4)
        }
        settings.gateway = config.servesGateway ? Gateway() : nil
        settings.access = AccessControl(
            origins: config.corsOrigins, hosts: config.hostWhitelist)
        let endpoints = HTTPEndpoints(member: member, logSwitch: logSwitch)
        let clients = ClientPort(
            member: member, endpoints: endpoints, authenticator: authenticator, settings: settings)
        if config.servesSecondAPI { clients.second = V2Endpoints(member, authenticator) }
        try listen(clients, config.listenClientURLs)
        // The kernel takes connections from now on; they are served when the member is known.
        clients.pause()
        self.clients = clients
        if !config.listenMetricsURLs.isEmpty {
            settings.servesGRPC = false
            settings.maxConnections = Wiring.reservedDescriptors / 3
            settings.gateway = nil
            settings.access = nil
            let port = ClientPort(
                member: member, endpoints: endpoints, authenticator: authenticator,
                settings: settings)
            try listen(port, config.listenMetricsURLs)
            metricsPort = port
        }
    }

    private func listen(_ port: ClientPort, _ urls: [ServiceURL]) throws(NetError) {
        for (urls, certificates) in doors(urls, security.client) {
            try port.listen(on: try addresses(urls), Socket.ListenOptions(), certificates)
        }
    }

    /// The plain URLs and the others, with what the others need.
    private func doors(
        _ urls: [ServiceURL], _ certificates: CertificateReload?
    ) -> [(urls: [ServiceURL], certificates: CertificateReload?)] {
        let plain = urls.filter { !$0.scheme.isSecure }
        let secure = urls.filter(\.scheme.isSecure)
        return [(plain, nil), (secure, certificates)].filter { !$0.urls.isEmpty }
    }

    private func addresses(_ urls: [ServiceURL]) throws(NetError) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for url in urls {
            if url.scheme.isUnix {
                addresses.append(.unix(path: url.host))
                continue
            }
            do throws(NameLookupError) {
                addresses += try lookup.addressesToListen(
                    on:
                        HostPort(host: url.host, port: UInt16(url.port)))
            } catch {
                throw .lookup(error)
            }
        }
        return addresses
    }

    // MARK: Life

    private func listen(to member: LocalMember) {
        member.onPublished = { [unowned self] in self.serve() }
        member.onRemoved = { [unowned self] in
            // Others may still need this member's last messages: as etcd does, a second of grace.
            self.reactor.after(.seconds(1)) {
                self.stopAtOnce("the member has been removed from the cluster", code: 0)
            }
        }
        member.onFailure = { [unowned self] reason, code in
            self.logger.log(.error, "the member cannot go on", ["error": .string(reason)])
            self.stopAtOnce(reason, code: code)
        }
        member.onHandedOver = { [unowned self] in self.drain() }
    }

    private func serve() {
        guard !isServing else { return }
        isServing = true
        clients?.resume()
        logger.info("ready to serve client requests")
        for url in config.listenClientURLs {
            logger.info(
                url.scheme.isSecure
                    ? "serving client traffic securely"
                    : "serving client traffic insecurely; this is strongly discouraged!",
                ["traffic": .string("grpc+http"), "address": .string("\(url.host):\(url.port)")])
        }
    }

    private func attachSignals() throws(StartFailure) {
        let signals: Signals
        do throws(PosixError) {
            signals = try Signals([.terminate, .interrupt])
        } catch {
            throw .posix(error)
        }
        do throws(NetError) {
            try reactor.attach(signals) { [unowned self] signal in self.stop("\(signal)") }
        } catch {
            throw .refused("\(error)")
        }
    }

    /// In order: no new connections, leadership to someone else, open calls to their end, the log
    /// closed. A second signal ends the process without waiting.
    private func stop(_ signal: String) {
        guard !isStopping else {
            stopAtOnce("told to stop twice", code: 1)
            return
        }
        isStopping = true
        isHandingOver = member?.node.isLeader == true
        logger.info("received signal; shutting down", ["signal": .string(signal)])
        clients?.pause()
        member?.receive(.stopping)
    }

    private func drain() {
        guard let clients else { return }
        let handedOver = reactor.now
        clients.drain(within: .seconds(5)) { [unowned self] in
            // The others learn of the new leader within a few heartbeats. What they still send to
            // the old one is passed on until then.
            let grace = self.config.heartbeatInterval * (self.isHandingOver ? 5 : 0)
            let left = max(.zero, handedOver + grace - self.reactor.now)
            self.reactor.after(left) { self.close() }
        }
    }

    private func close() {
        peers?.stop()
        member?.disk.stop()
        member?.keeper.stop()
        passwords.stop(waits: false)
        logger.info("closed the member")
        reactor.stop()
    }

    private func stopAtOnce(_ reason: String, code: Int32) {
        logger.warn("stopping", ["reason": .string(reason)])
        exitCode = code
        peers?.stop()
        if code != ExitCode.diskFailed { member?.disk.stop() }
        reactor.stop()
    }
}
