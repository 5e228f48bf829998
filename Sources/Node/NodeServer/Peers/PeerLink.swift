// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import Net
internal import NodeCore
internal import Program
internal import Raft

/// Another member of the cluster: the streams it opened to us (we write), the streams we opened to
/// it (we read), and the pipeline for when there are none.
final class PeerLink: StreamReaderOwner {
    let id: MemberID
    let address: PeerAddress
    private unowned let port: PeerPort
    private let member: LocalMember
    private let pipeline: PeerPipeline
    private var readers: [StreamReader] = []
    private var served: [StreamKind: ServedStream] = [:]
    private var failures = FailureLog()
    private var sentBytes = 0
    private var receivedBytes = 0
    private var snapshot: SnapshotSender?
    private(set) var isActive = false

    init(_ id: MemberID, urls: [String], port: PeerPort) {
        self.id = id
        self.port = port
        member = port.member
        address = PeerAddress(id, urls: urls)
        pipeline = PeerPipeline(
            address, reactor: member.reactor, dialer: port.dialer, identity: port.identity)
        pipeline.onResult = { [weak self] result in self?.posted(result) }
        readers = StreamKind.allCases.map { kind in
            StreamReader(
                kind, address, reactor: member.reactor, dialer: port.dialer,
                identity: port.identity, dialTimeout: port.dialTimeout, owner: self)
        }
    }

    func start() {
        for reader in readers { reader.start() }
    }

    func stop() {
        for reader in readers { reader.stop() }
        for kind in StreamKind.allCases { served[kind]?.finish() }
        served = [:]
        pipeline.close()
        snapshot?.cancel()
        snapshot = nil
        setActive(false)
    }

    // MARK: Out

    /// Appends have a stream of their own, so that nothing short waits behind them.
    func send(_ message: Message) {
        let streams: [StreamKind] = message.kind == .append ? [.append, .message] : [.message]
        for kind in streams {
            guard let stream = served[kind], stream.isOpen else { continue }
            if let count = stream.send(message) {
                sentBytes += count
            } else {
                dropped()
            }
            return
        }
        if !pipeline.send(message) { dropped() }
    }

    private func dropped() {
        member.metrics.peers.sendFailed(to: id)
        member.receive(.peerUnreachable(id))
    }

    func attach(_ stream: ServedStream) {
        let old = served.updateValue(stream, forKey: stream.kind)
        old?.close()
        member.logger.info(
            "established TCP streaming connection with remote peer",
            [
                "stream-writer-type": .string(stream.kind.rawValue),
                "remote-peer-id": .string("\(id)"),
            ])
    }

    func detach(_ stream: ServedStream) {
        guard served[stream.kind] === stream else { return }
        served[stream.kind] = nil
    }

    /// Each link heartbeat interval.
    func beat(now: Instant) {
        for kind in StreamKind.allCases { served[kind]?.beat(now: now) }
        if sentBytes > 0 { member.metrics.peers.sent(sentBytes, to: id) }
        if receivedBytes > 0 { member.metrics.peers.received(receivedBytes, from: id) }
        sentBytes = 0
        receivedBytes = 0
    }

    private func posted(_ result: Result<Void, PeerError>) {
        switch result {
        case .success: reached()
        case .failure(let error):
            dropped()
            failed(error)
        }
    }

    // MARK: Snapshots

    var isSendingSnapshot: Bool { snapshot != nil }

    func send(_ sender: SnapshotSender) {
        snapshot = sender
        sender.start(to: address) { [weak self] result in self?.snapshotEnded(result) }
    }

    private func snapshotEnded(_ result: Result<Int64, PeerError>) {
        snapshot = nil
        switch result {
        case .success(let byteCount):
            sentBytes += Int(byteCount)
            reached()
            port.snapshotEnded(to: id, succeeded: true)
        case .failure(let error):
            failed(error)
            member.logger.warn(
                "failed to send database snapshot",
                ["to": .string("\(id)"), "error": .string("\(error)")])
            port.snapshotEnded(to: id, succeeded: false)
        }
    }

    // MARK: In

    func streamOpened(_ kind: StreamKind) {
        member.logger.info(
            "established TCP streaming connection with remote peer",
            [
                "stream-reader-type": .string(kind.rawValue), "remote-peer-id": .string("\(id)"),
            ])
        reached()
    }

    func streamReceived(_ message: Message, byteCount: Int, on kind: StreamKind) {
        receivedBytes += byteCount
        port.receive(message)
    }

    func streamFailed(_ kind: StreamKind, _ error: PeerError) {
        failed(error)
    }

    func streamRefusedAsRemoved() {
        port.toldRemoved(by: id)
    }

    // MARK: Presence

    private func reached() {
        if failures.recovered(), !isActive {
            member.logger.info("peer is reachable", ["remote-peer-id": .string("\(id)")])
        }
        setActive(true)
    }

    private func failed(_ error: PeerError) {
        if !readers.contains(where: \.isOpen) { setActive(false) }
        guard failures.shouldTell(error, now: member.reactor.now) else { return }
        member.logger.warn(
            "peer cannot be reached; will keep trying",
            [
                "remote-peer-id": .string("\(id)"), "url": .string(address.current),
                "error": .string("\(error)"),
            ])
    }

    private func setActive(_ isActive: Bool) {
        guard isActive != self.isActive else { return }
        self.isActive = isActive
        member.metrics.peers.setActive(isActive, id, own: port.identity.memberID)
        member.receive(.peerConnected(id, isActive))
    }
}
