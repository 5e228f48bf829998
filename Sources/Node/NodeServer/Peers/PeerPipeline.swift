// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Raft

/// Messages one by one, `POST /raft` each: for a member that has no stream open to us. A few at a
/// time, a few more waiting; what is beyond that is dropped.
final class PeerPipeline {
    private let address: PeerAddress
    private let lanes: [PeerClient]
    private let headers: [HeaderField]
    private var queue: [Message] = []

    /// Told after each message whether it arrived.
    var onResult: (Result<Void, PeerError>) -> Void = { _ in }

    private static let laneCount = 4
    private static let queueLimit = 64
    private static let timeout = Duration.seconds(5)

    init(_ address: PeerAddress, reactor: Reactor, dialer: Dialer, identity: PeerIdentity) {
        self.address = address
        lanes = (0..<PeerPipeline.laneCount).map { _ in
            PeerClient(reactor: reactor, dialer: dialer, keepsConnection: true)
        }
        headers = identity.headers + [HeaderField("content-type", "application/protobuf")]
    }

    /// False if the message was dropped.
    func send(_ message: Message) -> Bool {
        guard queue.count < PeerPipeline.queueLimit else { return false }
        queue.append(message)
        startLanes()
        return true
    }

    func close() {
        queue = []
        onResult = { _ in }
        for lane in lanes { lane.close() }
    }

    private func startLanes() {
        for lane in lanes where !lane.isBusy {
            if queue.isEmpty { return }
            post(queue.removeFirst(), on: lane)
        }
    }

    private func post(_ message: Message, on lane: PeerClient) {
        let url = address.current
        lane.send(
            "POST", "/raft", to: url, headers: headers, body: MessageCodec.encode(message),
            timeout: PeerPipeline.timeout
        ) { [weak self] result in
            self?.ended(result, url)
        }
    }

    private func ended(_ result: Result<HTTPResponse, PeerError>, _ url: String) {
        switch result {
        case .success(let response) where response.head.status == 204: onResult(.success(()))
        case .success(let response):
            address.failed(url)
            onResult(.failure(.status(response.head.status, text: response.bodyText)))
        case .failure(let error):
            address.failed(url)
            onResult(.failure(error))
        }
        startLanes()
    }
}
