// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import HTTP
package import Kube
internal import Net
package import Posix

// Sends the requests of Kube to an API server, over HTTP/1.1 with or without TLS.
//
//   KubeClient        one request at a time; waits for the answer, or for events of a watch
//   KubeExchange      the same as a protocol, for whoever needs no more
//   Credentials       tokens and certificates: from the config, from files, from programs
//   KubeLine          one connection
//   RequestRate       no more requests than the server likes
//   KubeAccess.find   which kubeconfig: the flag, $KUBECONFIG, the pod's own, ~/.kube/config
//   KubeStop          ends from another thread what a client waits for
//
// A client belongs to one thread, and each thread has a client of its own: no locks, and nobody
// waits for another's answer. It keeps one connection between requests; a watch has its own.

/// How a client works, apart from whom it asks.
package struct KubeClientSettings: Sendable {
    /// Who we say we are: `keelson-operator/0.1.0`.
    package var userAgent: String
    package var lookup = NameLookup()
    package var dialTimeout: Duration = .seconds(10)
    /// Requests per second on the long run, and how many at once.
    package var requestsPerSecond = 20
    package var burst = 40

    package init(userAgent: String) {
        self.userAgent = userAgent
    }
}

/// See the map at the head of this file.
package final class KubeClient: KubeExchange {
    /// An idle connection is not used again after so long: servers close them, and a request that
    /// meets the closing is lost.
    private static let idleMax: Duration = .seconds(20)
    /// Refusals to wait for (429) that one `send` takes.
    private static let waitsMax = 5

    package let access: KubeAccess
    private let settings: KubeClientSettings
    private let server: ServerURL
    private let reactor: Reactor
    private let dialer: Dialer
    private let credentials: Credentials
    private var certificates: CertificateReload?
    private var certificatesOf: Credentials.Certificate?
    private var rate: RequestRate
    private var line: KubeLine?
    private let stopper: KubeStop?

    package init(
        _ access: KubeAccess, _ settings: KubeClientSettings, stop: KubeStop? = nil
    ) throws(KubeError) {
        Signals.ignoreBrokenPipes()
        self.access = access
        self.settings = settings
        server = try ServerURL(access.cluster.server)
        do throws(NetError) {
            reactor = try Reactor()
            dialer = try Dialer(on: reactor, lookup: settings.lookup)
        } catch {
            throw .unreachable("\(error)")
        }
        credentials = Credentials(access)
        rate = RequestRate(perSecond: settings.requestsPerSecond, burst: settings.burst)
        stopper = stop
        stop?.add(reactor.handle)
    }

    deinit {
        stopper?.remove(reactor.handle)
        reactor.shutDown()
    }

    // MARK: One answer

    package func send(
        _ request: KubeRequest, within limit: Duration = .seconds(30)
    ) throws(KubeError) -> KubeResponse {
        let deadline = MonotonicClock.now + limit
        var waits = 0
        var hasRenewed = false
        while true {
            let response = try attempt(request, deadline)
            if response.code == 401, !hasRenewed, credentials.canRenew {
                hasRenewed = true
                credentials.forget()
                continue
            }
            guard response.code == 429, waits < Self.waitsMax,
                let seconds = response.header("retry-after").flatMap({ Int($0) }),
                (0...300).contains(seconds)
            else { return response }
            waits += 1
            let later = MonotonicClock.now + .seconds(max(1, seconds))
            if later >= deadline { return response }
            try pause(until: later)
        }
    }

    /// A connection that was kept may be dead by now: then, once, again on a new one. Only what
    /// changes nothing may be sent twice.
    private func attempt(
        _ request: KubeRequest, _ deadline: Instant
    ) throws(KubeError) -> KubeResponse {
        let wasKept = line != nil
        do throws(KubeError) {
            return try exchange(request, deadline)
        } catch {
            guard case .broken = error, wasKept, request.method == "GET" else { throw error }
            return try exchange(request, deadline)
        }
    }

    private func exchange(
        _ request: KubeRequest, _ deadline: Instant
    ) throws(KubeError) -> KubeResponse {
        try takeTurn(deadline)
        let http = try http(request, deadline)
        let line: KubeLine
        if let kept = keptLine() { line = kept } else { line = try open(deadline) }
        self.line = nil
        line.begin(http)
        var body: [UInt8] = []
        while true {
            body += line.takeBody()
            if let failure = line.failure {
                line.close()
                throw failure
            }
            if body.count > KubeLine.bodyByteMax {
                line.close()
                throw .broken("the answer does not end")
            }
            if line.isEnded, let head = line.head {
                if line.isReusable { self.line = line } else { line.close() }
                return KubeResponse(
                    code: head.status, headers: head.headers.map { ($0.name, $0.value) },
                    body: body)
            }
            do throws(KubeError) {
                try turn(until: deadline)
            } catch {
                line.close()
                throw error
            }
        }
    }

    // MARK: A stream of events

    /// Tells each event until the server ends the watch, or `each` returns false. Errors of the
    /// watch are told as events; a watch that does not begin throws. `started` runs once it has.
    package func watch(
        _ request: KubeRequest, started: () -> Void = {}, each: (WatchEvent) -> Bool
    ) throws(KubeError) {
        let begun = MonotonicClock.now + .seconds(30)
        try takeTurn(begun)
        let http = try http(request, begun)
        let line = try open(begun)
        defer { line.close() }
        line.begin(http)
        while line.head == nil {
            if let failure = line.failure { throw failure }
            try turn(until: begun)
        }
        guard let status = line.head?.status, (200..<300).contains(status) else {
            throw .status(try refusal(line, begun))
        }
        started()
        try follow(line, silence: Self.silence(request), each)
    }

    private func follow(
        _ line: KubeLine, silence: Duration, _ each: (WatchEvent) -> Bool
    ) throws(KubeError) {
        var decoder = WatchDecoder()
        var heardAt = MonotonicClock.now
        while true {
            let bytes = line.takeBody()
            if !bytes.isEmpty { heardAt = MonotonicClock.now }
            for event in decoder.receive(bytes) {
                if !each(event) { return }
                if stopper?.isStopped == true { throw .stopped }
            }
            if line.isEnded { return }
            if let failure = line.failure { throw failure }
            try turn(until: heardAt + silence)
        }
    }

    /// The server ends a watch after the time that was asked for, so more silence than that is a
    /// server that vanished.
    private static func silence(_ request: KubeRequest) -> Duration {
        let seconds = request.query("timeoutSeconds").flatMap { Int($0) } ?? 3600
        return .seconds(min(max(seconds, 1), 86_400) + 30)
    }

    private func refusal(_ line: KubeLine, _ deadline: Instant) throws(KubeError) -> StatusError {
        var body: [UInt8] = []
        while !line.isEnded, line.failure == nil, body.count < 1 << 20 {
            body += line.takeBody()
            try turn(until: deadline)
        }
        body += line.takeBody()
        let head = line.head
        if head?.status == 401 { credentials.forget() }
        let response = KubeResponse(
            code: head?.status ?? 500,
            headers: (head?.headers ?? []).map { ($0.name, $0.value) }, body: body)
        do throws(StatusError) {
            _ = try response.json()
        } catch {
            return error
        }
        return .internalError("the server answered \(response.code)")
    }

    // MARK: Waiting

    /// Waits, unless stopped before.
    package func pause(until end: Instant) throws(KubeError) {
        while MonotonicClock.now < end {
            do throws(KubeError) {
                try turn(until: end)
            } catch {
                guard case .timedOut = error else { throw error }
                return
            }
        }
    }

    private func takeTurn(_ deadline: Instant) throws(KubeError) {
        let begin = rate.next(now: MonotonicClock.now)
        if begin >= deadline { throw .timedOut }
        try pause(until: begin)
        if stopper?.isStopped == true { throw .stopped }
    }

    private func turn(until end: Instant) throws(KubeError) {
        if stopper?.isStopped == true { throw .stopped }
        let left = end - MonotonicClock.now
        if left <= .zero { throw .timedOut }
        do throws(NetError) {
            try reactor.runTurn(timeout: left)
        } catch {
            throw .broken("\(error)")
        }
        if stopper?.isStopped == true { throw .stopped }
    }

    // MARK: Connections

    private func keptLine() -> KubeLine? {
        guard let line else { return nil }
        if line.isReusable, MonotonicClock.now - line.usedAt < Self.idleMax { return line }
        line.close()
        self.line = nil
        return nil
    }

    private func http(
        _ request: KubeRequest, _ deadline: Instant
    ) throws(KubeError) -> HTTPRequest {
        let proof = try credentials.proof(now: MonotonicClock.now, deadline: deadline)
        if proof.certificate != certificatesOf {
            // What was opened with the old certificate is somebody else's.
            certificates = nil
            line?.close()
            line = nil
        }
        certificatesOf = proof.certificate
        var fields = request.headers.map { HeaderField($0.0.lowercased(), $0.1) }
        fields.append(HeaderField("user-agent", settings.userAgent))
        if !proof.authorization.isEmpty {
            fields.append(HeaderField("authorization", proof.authorization))
        }
        return HTTPRequest(
            head: HTTPRequestHead(
                method: request.method, target: server.basePath + request.target,
                authority: server.authority, headers: fields), body: request.body)
    }

    private func open(_ deadline: Instant) throws(KubeError) -> KubeLine {
        let line = KubeLine(reactor)
        var session: TLSSession?
        if server.isSecure {
            do throws(NetError) {
                let name = access.cluster.tlsServerName
                session = try reload().clientSession(
                    host: name.isEmpty ? server.host : name, now: MonotonicClock.now)
            } catch {
                throw .credentials("\(error)")
            }
        }
        line.dial(
            dialer, server, session,
            timeout: min(settings.dialTimeout, deadline - MonotonicClock.now))
        do throws(KubeError) {
            while !line.isOpen {
                if let failure = line.failure { throw failure }
                try turn(until: deadline)
            }
        } catch {
            line.close()
            throw error
        }
        return line
    }

    private func reload() throws(NetError) -> CertificateReload {
        if let certificates { return certificates }
        let made = try CertificateReload(
            credentials.policy(certificatesOf ?? .none), .client
        ) { _ in }
        certificates = made
        return made
    }
}
