// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
internal import Posix

/// TLS on one connection. What is written waits as plain bytes until output is taken, so that the
/// small writes of a turn share a record.
@safe
package final class TLSSession: TransportSession {
    /// The most that a record carries.
    private static let recordByteCount = 16 * 1024
    /// Beyond so much before the handshake is over, the other side is not serious.
    private static let handshakeInputMax = 512 * 1024

    private let context: TLSContext
    private let session: OpaquePointer
    /// Owned by the session: bytes from the wire, bytes for the wire.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var plain: [[UInt8]] = []
    private var wire: [[UInt8]] = []
    private var isFirst = true
    private var endsOutput = false
    private var isGoodbyeSaid = false
    private var hasFailed = false
    private var handshakeInput = 0

    package private(set) var isHandshaking = true
    package private(set) var isPaused = false
    package private(set) var isInputOver = false
    package private(set) var pendingBytes = 0
    /// Of the other side, once the handshake is over; nil if it showed none, or none was verified.
    package private(set) var peerCertificate: PeerCertificate?
    /// What both sides agreed upon; nil without the extension.
    package private(set) var applicationProtocol: String?

    /// `host` is whom a client wants to reach: what the server's certificate must be good for.
    /// `pauses`: a server's handshake stops once on its way, and waits for `goOn`.
    package init(
        _ context: TLSContext, host: String? = nil, pauses: Bool = false
    ) throws(NetError) {
        self.context = context
        guard let session = unsafe SSL_new(context.context),
            let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem())
        else { throw .session("tls: \(TLSFailure.reason())") }
        unsafe self.session = session
        unsafe self.incoming = incoming
        unsafe self.outgoing = outgoing
        unsafe SSL_set_bio(session, incoming, outgoing)
        switch context.role {
        case .server:
            unsafe SSL_set_accept_state(session)
            if pauses { unsafe keelson_tls_pause_once(session) }
        case .client:
            unsafe SSL_set_connect_state(session)
            if let host { try expect(host) }
            try handshake()
        }
    }

    deinit {
        unsafe SSL_free(session)
    }

    private func expect(_ host: String) throws(NetError) {
        let parameters = unsafe SSL_get0_param(session)
        // An address is asked for by no name (RFC 6066).
        let isAddress = unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1
        ERR_clear_error()
        if isAddress { return }
        let isTaken =
            unsafe keelson_tls_set_server_name(session, host) == 1
            && X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1
        guard isTaken else { throw .session("tls: \"\(host)\" is no host name") }
        unsafe X509_VERIFY_PARAM_set_hostflags(parameters, TLSContext.hostFlags)
    }

    // MARK: In

    package func receive(_ bytes: UnsafeRawBufferPointer) throws(NetError) {
        if hasFailed { return }
        if isFirst, let first = unsafe bytes.first {
            isFirst = false
            if context.role == .server { try unsafe refuseHTTP(first, bytes) }
        }
        let code = unsafe BIO_write(incoming, bytes.baseAddress, Int32(clamping: bytes.count))
        invariant(code == bytes.count, "OpenSSL took \(code) of \(bytes.count) bytes")
        guard isHandshaking else { return }
        handshakeInput += bytes.count
        if handshakeInput > TLSSession.handshakeInputMax {
            throw fail("tls: the handshake is too long")
        }
        if !isPaused { try handshake() }
    }

    /// As Go's servers, so that whoever forgot the "s" of https learns it.
    private func refuseHTTP(_ first: UInt8, _ bytes: UnsafeRawBufferPointer) throws(NetError) {
        // A method, or the preface of HTTP/2, which is one, too.
        guard (65...90).contains(first) else { return }
        let body = "Client sent an HTTP request to an HTTPS server.\n"
        let isVersion2 = unsafe bytes.starts(with: Array("PRI * HTTP/2".utf8))
        if !isVersion2 {
            wire.append(Array("HTTP/1.0 400 Bad Request\r\n\r\n\(body)".utf8))
        }
        throw fail("tls: the client speaks HTTP, not TLS")
    }

    private func handshake() throws(NetError) {
        ERR_clear_error()
        let code = unsafe SSL_do_handshake(session)
        if code == 1 { return established() }
        let error = unsafe SSL_get_error(session, code)
        if error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE { return }
        isPaused = error == SSL_ERROR_WANT_X509_LOOKUP
        if isPaused { return }
        throw failed()
    }

    package func goOn() throws(NetError) {
        guard isPaused, !hasFailed else { return }
        isPaused = false
        try handshake()
    }

    private func established() {
        isHandshaking = false
        // What does not have to prove itself is not believed.
        let isVerified = unsafe SSL_get_verify_mode(session) != SSL_VERIFY_NONE
        if isVerified, let certificate = unsafe SSL_get0_peer_certificate(session) {
            peerCertificate = unsafe PeerCertificate(certificate)
        }
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(session, &start, &count)
        if count > 0 {
            applicationProtocol = unsafe String(
                decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
        }
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(NetError) -> Int {
        if isHandshaking || isInputOver || hasFailed { return 0 }
        ERR_clear_error()
        let code = unsafe SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        if code > 0 { return Int(code) }
        switch unsafe SSL_get_error(session, code) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return 0
        case SSL_ERROR_ZERO_RETURN:
            isInputOver = true
            return 0
        default: throw failed()
        }
    }

    // MARK: Out

    package func write(_ bytes: [UInt8]) {
        if endsOutput || hasFailed || bytes.isEmpty { return }
        pendingBytes += bytes.count
        let last = plain.count - 1
        if last >= 0, plain[last].count + bytes.count <= TLSSession.recordByteCount {
            plain[last].append(contentsOf: bytes)
        } else {
            plain.append(bytes)
        }
    }

    package func endOutput() {
        endsOutput = true
    }

    package var hasOutput: Bool {
        if unsafe BIO_ctrl_pending(outgoing) > 0 || !wire.isEmpty { return true }
        if isHandshaking || hasFailed { return false }
        return pendingBytes > 0 || (endsOutput && !isGoodbyeSaid)
    }

    package func takeOutput() throws(NetError) -> [[UInt8]] {
        if !isHandshaking, !hasFailed {
            for chunk in plain { try encrypt(chunk) }
            plain = []
            pendingBytes = 0
            if endsOutput, !isGoodbyeSaid {
                isGoodbyeSaid = true
                ERR_clear_error()
                unsafe _ = SSL_shutdown(session)
            }
        }
        drain()
        defer { wire = [] }
        return wire
    }

    private func encrypt(_ chunk: [UInt8]) throws(NetError) {
        var done = 0
        while done < chunk.count {
            let count = min(TLSSession.recordByteCount, chunk.count - done)
            ERR_clear_error()
            let code = unsafe chunk.withUnsafeBytes { bytes in
                unsafe SSL_write(session, bytes.baseAddress.map { unsafe $0 + done }, Int32(count))
            }
            if code != count {
                // Memory takes everything, so this is no matter of trying again.
                plain = []
                pendingBytes = 0
                throw failed()
            }
            done += count
            drain()
        }
    }

    /// Moves what OpenSSL has for the wire.
    private func drain() {
        let count = unsafe BIO_ctrl_pending(outgoing)
        if count == 0 { return }
        wire.append(
            unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                let code = unsafe BIO_read(outgoing, buffer.baseAddress, Int32(count))
                initialized = max(0, Int(code))
            })
    }

    // MARK: Failure

    private func failed() -> NetError {
        let verdict = unsafe SSL_get_verify_result(session)
        let text: String
        if isHandshaking, verdict != Int(X509_V_OK) {
            text = "tls: failed to verify certificate: " + explain(verdict)
            ERR_clear_error()
        } else {
            text = unsafe TLSFailure.describe(session)
        }
        return fail(text)
    }

    /// The alert, if there is one, is still sent.
    private func fail(_ text: String) -> NetError {
        hasFailed = true
        drain()
        return .session(text)
    }

    private func explain(_ verdict: Int) -> String {
        switch Int32(verdict) {
        case X509_V_ERR_CERT_REJECTED:
            switch context.policy.admission {
            case .commonNames(let names):
                return "its common name is none of \(names.joined(separator: ", "))"
            case .hostNames(let names):
                return "it is good for none of the hosts \(names.joined(separator: ", "))"
            case .anyone: break
            }
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "x509: it is good for \(offeredHosts), not for \(wantedHost)"
        default: break
        }
        return TLSFailure.verdict(verdict)
    }

    private var wantedHost: String {
        let parameters = unsafe SSL_get0_param(session)
        if let name = unsafe X509_VERIFY_PARAM_get0_host(parameters, 0) {
            return unsafe String(cString: name)
        }
        guard let address = unsafe X509_VERIFY_PARAM_get1_ip_asc(parameters) else { return "us" }
        defer { unsafe CRYPTO_free(address, "", 0) }
        return unsafe String(cString: address)
    }

    private var offeredHosts: String {
        guard let peer = context.lastRefused else { return "nobody" }
        let hosts = peer.dnsNames + peer.addresses.map(PeerCertificate.digits)
        return hosts.isEmpty ? "no host" : hosts.prefix(16).joined(separator: ", ")
    }
}
