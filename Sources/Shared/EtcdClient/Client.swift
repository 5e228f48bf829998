// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import HTTP
internal import Net
internal import Posix

/// See the map of the room.
package final class Client {
    let settings: ClientSettings
    private let endpoints: [Endpoint]
    private let reactor: Reactor
    private let dialer: Dialer
    /// The endpoint in use.
    private var current = 0
    private var channel: Channel?
    /// Goes along with each call; nil before the first login, and for nobody.
    var token: String?
    /// The server has said that it wants no login.
    var needsNoLogin = false

    /// Connects to nobody yet. From here on a write to a broken pipe is an error in this process
    /// and no longer ends it.
    package init(_ settings: ClientSettings) throws(ClientError) {
        self.settings = settings
        guard !settings.endpoints.isEmpty else {
            throw .badEndpoint("", reason: "no endpoints available; give at least one host:port")
        }
        var endpoints: [Endpoint] = []
        for text in settings.endpoints { endpoints.append(try Endpoint(text)) }
        self.endpoints = endpoints
        Signals.ignoreBrokenPipes()
        do throws(NetError) {
            reactor = try Reactor()
            dialer = try Dialer(on: reactor, lookup: settings.lookup)
        } catch {
            throw .unreachable(endpoint: settings.endpoints[0], reason: "\(error)")
        }
        dialer.certificates = try settings.certificates(for: endpoints)
    }

    deinit {
        channel?.close()
        reactor.shutDown()
    }

    /// The endpoint that the last call went to.
    package var endpointInUse: String { endpoints[current].text }

    // MARK: Unary calls

    /// `timeout` counts for all attempts together; nil means that of the settings.
    package func call<Request: WireMessage, Response: WireMessage>(
        _ rpc: RPC, _ request: Request, timeout: Duration? = nil, isRead: Bool? = nil
    ) throws(ClientError) -> Response {
        let answer = try call(
            path: rpc.path, request.encoded(), timeout: timeout, isRead: isRead ?? rpc.isRead)
        do throws(WireError) {
            return try Response(decoding: answer)
        } catch {
            throw .malformedAnswer(endpoint: endpointInUse, reason: "\(error)")
        }
    }

    /// The same with messages as bytes.
    package func call(
        path: String, _ request: [UInt8], timeout: Duration? = nil, isRead: Bool = false
    ) throws(ClientError) -> [UInt8] {
        let limit = timeout ?? settings.callTimeout
        let deadline = limit.map { MonotonicClock.now + $0 }
        let (size, most) = (request.count, settings.maxRequestBytes)
        if size > most {
            throw .status(
                code: 8, message: "trying to send message larger than max (\(size) vs. \(most))",
                endpoint: endpointInUse)
        }
        return try withLogin(path) { () throws(ClientError) in
            try call(path, request, deadline, limit, isRead)
        }
    }

    private func call(
        _ path: String, _ request: [UInt8], _ deadline: Instant?, _ limit: Duration?,
        _ isRead: Bool
    ) throws(ClientError) -> [UInt8] {
        var failure: ClientError?
        // Each endpoint once, and once more the first: its connection may just have been stale.
        for _ in 0...endpoints.count {
            let channel = try open(until: deadline, limit, after: failure)
            let (answer, maySendAgain) = try attempt(channel, path, request, deadline, limit)
            switch answer {
            case .success(let bytes): return bytes
            case .failure(let error):
                guard maySendAgain || isRead && error.isTransient else { throw error }
                failure = failure ?? error
                moveOn(from: channel)
            }
        }
        throw failure ?? .connectionLost(endpoint: endpointInUse)
    }

    /// One try on one connection; whether the server certainly saw nothing of it comes along.
    private func attempt(
        _ channel: Channel, _ path: String, _ request: [UInt8], _ deadline: Instant?,
        _ limit: Duration?
    ) throws(ClientError) -> (Result<[UInt8], ClientError>, Bool) {
        let endpoint = channel.endpoint.text
        let left = deadline.map { max(Duration.milliseconds(1), $0 - MonotonicClock.now) }
        guard let (id, call) = channel.start(path, metadata: metadata(for: path), timeout: left)
        else {
            return (.failure(.connectionLost(endpoint: endpoint)), true)
        }
        channel.send(id, request, halfClose: true)
        while call.status == nil {
            if let deadline, MonotonicClock.now >= deadline {
                channel.cancel(id)
                try? turn(until: MonotonicClock.now)
                throw .timedOut(endpoint: endpoint, after: limit ?? .zero)
            }
            try turn(until: deadline)
        }
        if call.isLost, let stranger = channel.stranger {
            // Who said nothing may have been an etcd that died.
            let maySendAgain = call.isUnseen || stranger != .silent
            return (.failure(.notEtcd(endpoint: endpoint, stranger)), maySendAgain)
        }
        return (answer(of: call, endpoint), call.isUnseen)
    }

    private func answer(of call: Call, _ endpoint: String) -> Result<[UInt8], ClientError> {
        guard let status = call.status, !call.isLost else {
            return .failure(.connectionLost(endpoint: endpoint))
        }
        guard status.code == .ok else { return .failure(error(status, endpoint)) }
        guard call.messages.count == 1 else {
            let reason = "\(call.messages.count) messages in answer to a call that has one"
            return .failure(.malformedAnswer(endpoint: endpoint, reason: reason))
        }
        return .success(call.messages[0])
    }

    func error(_ status: GRPCStatus, _ endpoint: String) -> ClientError {
        .status(code: status.code.number, message: status.message, endpoint: endpoint)
    }

    // MARK: Connections

    /// The connection in use, or one to the next endpoint that takes one. Each is tried once.
    private func open(
        until deadline: Instant?, _ limit: Duration?, after failure: ClientError?
    ) throws(ClientError) -> Channel {
        // What happened since the last call: the server may have said goodbye.
        try turn(until: MonotonicClock.now)
        if let channel, channel.isOpen { return channel }
        var first = failure
        for _ in endpoints {
            let made = connection(to: endpoints[current])
            channel = made
            while made.state == .dialing {
                if let deadline, MonotonicClock.now >= deadline {
                    moveOn(from: made)
                    throw first ?? .timedOut(endpoint: made.endpoint.text, after: limit ?? .zero)
                }
                try turn(until: deadline)
            }
            guard case .closed(let reason) = made.state else { return made }
            let error = ClientError.unreachable(endpoint: made.endpoint.text, reason: reason)
            first = first ?? error
            moveOn(from: made)
        }
        throw first ?? .unreachable(endpoint: endpointInUse, reason: "no endpoint answers")
    }

    /// Further ones, over all endpoints in turn; all of them stand.
    func connections(_ count: Int) throws(ClientError) -> [Channel] {
        let made = (0..<count).map { connection(to: endpoints[$0 % endpoints.count]) }
        let deadline = MonotonicClock.now + settings.dialTimeout
        while made.contains(where: { $0.state == .dialing }), MonotonicClock.now < deadline {
            try turn(until: deadline)
        }
        for channel in made where channel.state != .open {
            for other in made { other.close() }
            guard case .closed(let reason) = channel.state else { continue }
            throw .unreachable(endpoint: channel.endpoint.text, reason: reason)
        }
        return made
    }

    private func connection(to endpoint: Endpoint) -> Channel {
        Channel(
            endpoint, on: reactor, dialer: dialer, settings: settings,
            keepAlive: (max(settings.keepAliveTime, .seconds(10)), settings.keepAliveTimeout),
            maxAnswerBytes: settings.maxAnswerBytes)
    }

    /// Leaves the endpoint for the next one.
    func moveOn(from used: Channel) {
        used.close()
        guard channel === used else { return }
        channel = nil
        current = (current + 1) % endpoints.count
    }

    /// Waits for something to happen, `deadline` at the latest, and lets it happen.
    func turn(until deadline: Instant?) throws(ClientError) {
        do throws(NetError) {
            try reactor.runTurn(timeout: deadline.map { max(.zero, $0 - MonotonicClock.now) })
        } catch {
            throw .unreachable(endpoint: endpointInUse, reason: "\(error)")
        }
    }

    /// A stream that stays open; nobody sees to it but its owner.
    func stream(
        _ rpc: RPC, metadata: [HeaderField] = []
    ) throws(ClientError) -> OpenStream {
        let limit = settings.dialTimeout * (endpoints.count + 1)
        try logIn()
        let channel = try open(until: MonotonicClock.now + limit, limit, after: nil)
        let fields = metadata + self.metadata(for: rpc.path)
        guard let (id, call) = channel.start(rpc.path, metadata: fields) else {
            moveOn(from: channel)
            throw .connectionLost(endpoint: channel.endpoint.text)
        }
        channel.startProbing()
        return OpenStream(channel: channel, id: id, call: call)
    }
}

/// A call that goes on, with the connection it runs on.
struct OpenStream {
    let channel: Channel
    let id: StreamID
    let call: Call

    var endpoint: String { channel.endpoint.text }

    func send(_ message: some WireMessage, halfClose: Bool = false) {
        channel.send(id, message.encoded(), halfClose: halfClose)
    }

    func cancel() {
        channel.cancel(id)
    }
}

extension ClientError {
    /// Another attempt may do better.
    fileprivate var isTransient: Bool {
        switch self {
        case .unreachable, .connectionLost: true
        case .status: isUnavailable
        case .badEndpoint, .timedOut, .notEtcd, .malformedAnswer, .stopped: false
        }
    }
}

extension RPC {
    /// It changes nothing, so it may be sent twice.
    var isRead: Bool {
        switch self {
        case .range, .rangeStream, .watch, .leaseTimeToLive, .leaseLeases, .memberList, .status,
            .hash, .hashKV, .snapshot, .authStatus, .userGet, .userList, .roleGet, .roleList,
            .electionLeader, .electionObserve, .healthCheck, .healthWatch, .healthList:
            true
        case .put, .deleteRange, .txn, .compact, .leaseGrant, .leaseRevoke, .leaseKeepAlive,
            .memberAdd, .memberRemove, .memberUpdate, .memberPromote, .alarm, .defragment,
            .moveLeader, .downgrade, .authEnable, .authDisable, .authenticate, .userAdd,
            .userDelete, .userChangePassword, .userGrantRole, .userRevokeRole, .roleAdd,
            .roleDelete, .roleGrantPermission, .roleRevokePermission, .lock, .unlock,
            .electionCampaign, .electionProclaim, .electionResign:
            false
        }
    }
}
