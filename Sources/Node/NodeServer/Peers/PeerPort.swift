// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import MVCC
internal import Net
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Replicated

/// The peer port: etcd's peer protocol over HTTP/1.1, both sides of it.
///
///     Listener ─► PeerConnection ─┬─► ServedStream ◄─ PeerLink ◄─ send(Message)
///                                 ├─► SnapshotReceiver ─► checkpoint file
///                                 └─► PeerEndpoints
///     Dialer  ─► StreamReader ─► PeerLink ─► receive(Message) ─► LocalMember
///                PeerPipeline, SnapshotSender, VersionPoll, LeaderCalls
///
/// Data on a stream flows from the side that was dialled to the side that dialled, so each pair of
/// members keeps four of them. A sender that membership does not know yet is a remote: it gets
/// answers by the pipeline alone, which lets a joining member and its cluster find each other.
final class PeerPort: PeerTransport {
    let member: LocalMember
    let dialer: Dialer
    let identity: PeerIdentity
    let dialTimeout: Duration
    var onRemovedByPeers: () -> Void = {}

    private var listeners: [Listener] = []
    private var receptions: [TLSReception] = []
    private lazy var refusals = RefusalLog(member.logger, listener: "peer")
    private lazy var admission = PeerAdmission(reactor: member.reactor, dialer: dialer)
    private var connections: [ObjectIdentifier: PeerConnection] = [:]
    private var lastSerial: UInt64 = 0
    private var links = SortedMap<MemberID, PeerLink>()
    private var remotes = SortedMap<MemberID, Remote>()
    private lazy var versions = VersionPoll(port: self)
    private lazy var leaderCalls = LeaderCalls(port: self)
    private lazy var hashPoll = HashPoll(port: self)
    private lazy var prober = PeerProber(port: self)
    private(set) lazy var endpoints = PeerEndpoints(port: self)
    private var timers: [TimerID] = []
    private var receiving: Set<LogIndex> = []
    private(set) var isStopped = false

    private struct Remote {
        var address: PeerAddress
        var pipeline: PeerPipeline
    }

    private static let linkHeartbeatInterval = Duration.nanoseconds(1_666_666_667)
    /// Connections of others, members or not.
    private static let connectionsLimit = 512
    /// Bytes of messages that are not all there, of all connections together.
    static let heldLimit = 256 << 20
    var heldBytes = 0
    private static let remotesLimit = 64
    private static let snapshotsLimit = 16

    init(member: LocalMember, dialer: Dialer, ownPeerURLs: [String]) {
        self.member = member
        self.dialer = dialer
        let settings = member.node.settings
        identity = PeerIdentity(
            memberID: settings.memberID, clusterID: settings.clusterID, version: settings.version,
            peerURLs: ownPeerURLs)
        dialTimeout = .seconds(1) + settings.heartbeatInterval * settings.electionTicks
    }

    /// With certificates the addresses speak TLS; `checksAddresses` says whether a peer's
    /// certificate must be for the host it comes from.
    func listen(
        on addresses: [SocketAddress], _ certificates: CertificateReload? = nil,
        checksAddresses: Bool = true
    ) throws(NetError) {
        let reception = certificates.map { makeReception($0, checksAddresses) }
        if let reception { receptions.append(reception) }
        listeners.append(
            try Listener(on: member.reactor, addresses: addresses) { [unowned self] socket in
                if self.isStopped { return }
                guard self.hasRoom else { return socket.close() }
                if let reception { reception.accept(socket) } else { self.accept(socket) }
            })
    }

    func start() {
        timers.append(
            member.reactor.every(PeerPort.linkHeartbeatInterval) { [unowned self] in
                for link in self.links.values { link.beat(now: self.member.reactor.now) }
            })
        timers.append(
            member.reactor.every(.seconds(1)) { [unowned self] in
                let now = self.member.reactor.now
                for connection in self.openConnections where connection.isOverdue(at: now) {
                    connection.close()
                }
            })
        prober.start()
        versions.start()
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        for listener in listeners { listener.close() }
        for reception in receptions { reception.close() }
        for timer in timers { member.reactor.cancel(timer) }
        prober.stop()
        versions.stop()
        for link in links.values { link.stop() }
        for remote in remotes.values { remote.pipeline.close() }
        links.removeAll()
        remotes.removeAll()
        for connection in openConnections { connection.close() }
    }

    // MARK: Connections

    private var openConnections: [PeerConnection] {
        connections.values.sorted { $0.serial < $1.serial }
    }

    private var hasRoom: Bool { connections.count < PeerPort.connectionsLimit }

    private func accept(_ socket: Socket) {
        do throws(NetError) {
            serve(try Connection(on: member.reactor, socket: socket))
        } catch {
            member.logger.warn("could not take a peer's connection", ["error": .string("\(error)")])
        }
    }

    private func serve(_ connection: Connection) {
        lastSerial += 1
        let peer = PeerConnection(connection, port: self, serial: lastSerial)
        connections[ObjectIdentifier(peer)] = peer
        connection.delegate = peer
    }

    private func makeReception(
        _ certificates: CertificateReload, _ checksAddresses: Bool
    ) -> TLSReception {
        TLSReception(
            on: member.reactor, certificates, HandshakeLimits(),
            established: { [unowned self] connection in
                guard checksAddresses else { return self.serve(connection) }
                self.admission.check(connection) { [weak self] refusal in
                    guard let self, !self.isStopped else { return connection.close() }
                    guard let refusal else { return self.serve(connection) }
                    self.refuse(connection.peerAddress, refusal)
                    connection.close()
                }
            },
            refused: { [unowned self] address, error in self.refuse(address, "\(error)") })
    }

    private func refuse(_ address: SocketAddress?, _ reason: String) {
        refusals.tell(address, reason, now: member.reactor.now)
    }

    func forget(_ connection: PeerConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }

    // MARK: Members

    var peers: [PeerLink] { links.values }
    func link(to id: MemberID) -> PeerLink? { links[id] }

    func membersChanged() {
        guard !isStopped else { return }
        let members = member.node.ledger.members
        for id in links.keys where !members.contains(id) {
            links[id]?.stop()
            links[id] = nil
        }
        for other in members.list where MemberID(other.id) != identity.memberID {
            let id = MemberID(other.id)
            if let link = links[id] {
                link.address.update(other.peerURLs)
                continue
            }
            let link = PeerLink(id, urls: other.peerURLs, port: self)
            links[id] = link
            link.start()
        }
        for id in remotes.keys where links[id] != nil || members.isRemoved(id) {
            remotes[id]?.pipeline.close()
            remotes[id] = nil
        }
    }

    func setRemotes(_ members: [EtcdAPI.Member]) {
        for other in members { addRemote(MemberID(other.id), urls: other.peerURLs) }
    }

    /// A sender that is no member (yet) as far as we know.
    func addRemote(_ id: MemberID, urls: [String]) {
        guard id != identity.memberID, id != .none, links[id] == nil, !urls.isEmpty,
            !member.node.ledger.members.isRemoved(id)
        else { return }
        if let known = remotes[id] {
            known.address.update(urls)
            return
        }
        guard remotes.count < PeerPort.remotesLimit else { return }
        let address = PeerAddress(id, urls: urls)
        remotes[id] = Remote(
            address: address,
            pipeline: PeerPipeline(
                address, reactor: member.reactor, dialer: dialer, identity: identity))
    }

    func leaderChanged(_ leader: MemberID?) {
        if leader == identity.memberID { versions.pollSoon() }
    }

    func toldRemoved(by peer: MemberID) {
        // One that has applied its own removal is ending already, and takes its time for it.
        guard !member.node.isRemoved else { return }
        member.logger.warn(
            "a peer says that this member was removed from the cluster",
            ["remote-peer-id": .string("\(peer)")])
        onRemovedByPeers()
    }

    // MARK: Messages

    func send(_ message: Message) {
        guard !isStopped, message.to != .none else { return }
        if let link = links[message.to] {
            link.send(message)
        } else if let remote = remotes[message.to] {
            _ = remote.pipeline.send(message)
        }
    }

    /// From a peer; false if it is not for us or from a removed member.
    @discardableResult
    func receive(_ message: Message) -> Bool {
        guard message.to == identity.memberID,
            !member.node.ledger.members.isRemoved(message.from)
        else { return false }
        member.receive(.received(message))
        return true
    }

    func forward(
        _ request: ForwardedRequest, to leader: MemberID, token: String?,
        then: @escaping (Answer) -> Void
    ) {
        leaderCalls.forward(request, token: token, then)
    }

    func askHashes(at revision: Int64, then: @escaping ([MemberID: KeyspaceHash]) -> Void) {
        pollHashes(at: revision) { answers in then(answers.compactMapValues(\.hash)) }
    }

    func pollHashes(at revision: Int64, then: @escaping ([MemberID: HashPoll.Outcome]) -> Void) {
        hashPoll.ask(at: revision, then: then)
    }

    // MARK: Snapshots

    func sendSnapshot(_ message: Message, _ view: LedgerView) {
        let id = message.to
        let underWay = links.values.count(where: \.isSendingSnapshot)
        guard let link = links[id], !isStopped, !link.isSendingSnapshot,
            underWay < PeerPort.snapshotsLimit
        else {
            // Not within the call that asked for it.
            member.reactor.soon { [weak member] in
                member?.receive(.snapshotSent(to: id, succeeded: false))
            }
            return
        }
        link.send(SnapshotSender(message, view, port: self))
    }

    func snapshotEnded(to id: MemberID, succeeded: Bool) {
        member.metrics.peers.snapshotSent(to: id, succeeded)
        member.receive(.snapshotSent(to: id, succeeded: succeeded))
    }

    /// One upload at a time for each index: they would write the same file.
    func beginReceiving(_ index: LogIndex) -> Bool { receiving.insert(index).inserted }
    func endReceiving(_ index: LogIndex) { receiving.remove(index) }
}
