// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// Where another member is reached: its peer URLs, one of them in use until it fails.
final class PeerAddress {
    let id: MemberID
    private(set) var urls: [String]
    private var picked = 0

    init(_ id: MemberID, urls: [String]) {
        self.id = id
        self.urls = urls
    }

    var current: String { urls.isEmpty ? "" : urls[picked % urls.count] }

    func update(_ urls: [String]) {
        guard urls != self.urls else { return }
        self.urls = urls
        picked = 0
    }

    /// Goes on to the next URL, unless someone else already has.
    func failed(_ url: String) {
        if url == current { picked = (picked + 1) % max(1, urls.count) }
    }
}

/// A peer URL that can be dialled.
struct DialTarget: Equatable {
    let text: String
    private let host: String
    private let port: UInt16
    private let isUnix: Bool
    private let isSecure: Bool

    /// Nil for what cannot be dialled.
    init?(_ text: String) {
        guard let url = try? ServiceURL(text) else { return nil }
        self.text = text
        isSecure = url.scheme.isSecure
        host = url.host
        port = UInt16(clamping: url.port)
        isUnix = url.scheme.isUnix
    }

    /// For the Host header.
    var authority: String { isUnix ? "localhost" : "\(HostPort(host: host, port: port))" }

    func dial(
        with dialer: Dialer, timeout: Duration, _ completion: @escaping Dialer.Completion
    ) -> Dial {
        isUnix
            ? dialer.dial(.unix(path: host), timeout: timeout, completion: completion)
            : dialer.dial(host: host, port: port, timeout: timeout, completion: completion)
    }

    /// The connection on a socket that `dial` gave, with TLS if the URL wants it.
    func connect(
        _ socket: Socket, on reactor: Reactor, with dialer: Dialer,
        delegate: any ConnectionDelegate
    ) throws(NetError) -> Connection {
        guard isSecure else {
            return try Connection(on: reactor, socket: socket, delegate: delegate)
        }
        guard let certificates = dialer.certificates else {
            throw .session(
                "tls: \(text) cannot be dialled without TLS files; give --peer-trusted-ca-file")
        }
        let session = try certificates.clientSession(
            host: isUnix ? "localhost" : host, now: reactor.now)
        return try Connection(on: reactor, socket: socket, session: session, delegate: delegate)
    }
}
