// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// A policy made ready for connections: everything that its files hold is in memory, and the files
/// may change or go. Sessions keep the context they began with.
@safe
package final class TLSContext {
    package let policy: TLSPolicy
    package let role: TLSPolicy.Role
    internal let context: OpaquePointer
    private let revoked: Set<String>
    /// The last peer whose own certificate was found bad, for the words about it.
    internal private(set) var lastRefused: PeerCertificate?
    /// In wire form with a zero behind; OpenSSL reads it as long as the context lives.
    private let protocols: UnsafeMutablePointer<UInt8>

    /// Reads the files. The error names the file and what is wrong with it.
    package init(_ policy: TLSPolicy, _ role: TLSPolicy.Role) throws(NetError) {
        self.policy = policy
        self.role = role
        revoked = try policy.revocationFile.map(TLSFiles.revokedSerials) ?? []
        guard let made = unsafe SSL_CTX_new(TLS_method()) else {
            throw .session("tls: \(TLSFailure.reason())")
        }
        unsafe context = made
        let list = policy.applicationProtocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        unsafe protocols = .allocate(capacity: list.count + 1)
        for index in list.indices { unsafe protocols[index] = list[index] }
        unsafe protocols[list.count] = 0
        unsafe keelson_tls_harden(context)
        try setVersions()
        try setCiphers()
        try loadCredentials()
        try loadAuthorities()
        setProtocols(list)
        setVerification()
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe protocols.deallocate()
    }

    // MARK: Parts

    private func setVersions() throws(NetError) {
        let low =
            CipherSuites.list(policy.cipherSuites) == nil ? .tls13 : policy.oldestVersion
        let high = policy.newestVersion
        if let high, high < low {
            throw .session("tls: no version is allowed by oldest \(low) and newest \(high)")
        }
        let code = unsafe keelson_tls_set_versions(
            context, Int32(low.rawValue), Int32(high?.rawValue ?? 0))
        invariant(code == 1, "OpenSSL takes versions \(low) to \(String(describing: high))")
    }

    private func setCiphers() throws(NetError) {
        if let complaint = CipherSuites.complaint(policy.cipherSuites) { throw .session(complaint) }
        guard let list = CipherSuites.list(policy.cipherSuites) else { return }
        if unsafe SSL_CTX_set_cipher_list(context, list) != 1 {
            throw .session("tls: cipher suites \(list): \(TLSFailure.reason())")
        }
    }

    private func loadCredentials() throws(NetError) {
        guard let files = policy.credentials else {
            if role == .server { throw .session("tls: a server needs a certificate and a key") }
            return
        }
        var chain = try unsafe TLSFiles.certificates(files.certificateFile, policy.texts)[...]
        defer { while let rest = unsafe chain.popLast() { unsafe X509_free(rest) } }
        let key = try unsafe TLSFiles.key(files.keyFile, policy.texts)
        defer { unsafe EVP_PKEY_free(key) }
        if let own = unsafe chain.first, unsafe SSL_CTX_use_certificate(context, own) != 1 {
            throw TLSFiles.fail(files.certificateFile, TLSFailure.reason())
        }
        if unsafe SSL_CTX_use_PrivateKey(context, key) != 1 {
            throw TLSFiles.fail(
                files.keyFile,
                "the key does not belong to the certificate \(files.certificateFile) "
                    + "(\(TLSFailure.reason()))")
        }
        if let own = unsafe chain.popFirst() { unsafe X509_free(own) }
        while let next = unsafe chain.first {
            guard unsafe keelson_tls_add_chain(context, next) == 1 else {
                throw TLSFiles.fail(files.certificateFile, TLSFailure.reason())
            }
            unsafe _ = chain.popFirst()
        }
    }

    private func loadAuthorities() throws(NetError) {
        guard let file = policy.authorityFile else {
            if role == .client || policy.requiresClientCertificate {
                unsafe _ = SSL_CTX_set_default_verify_paths(context)
                ERR_clear_error()
            }
            return
        }
        let store = unsafe SSL_CTX_get_cert_store(context)
        var authorities = try unsafe TLSFiles.certificates(file, policy.texts)
        while let authority = unsafe authorities.popLast() {
            unsafe _ = X509_STORE_add_cert(store, authority)
            if role == .server { unsafe _ = SSL_CTX_add_client_CA(context, authority) }
            unsafe X509_free(authority)
        }
        // As in Go, whatever is in the file is trusted, root or not.
        unsafe _ = X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    private func setProtocols(_ list: [UInt8]) {
        if list.isEmpty { return }
        switch role {
        case .server: unsafe keelson_tls_choose_protocol(context, protocols)
        case .client:
            let code = unsafe SSL_CTX_set_alpn_protos(context, list, UInt32(list.count))
            invariant(code == 0, "OpenSSL takes the protocols \(policy.applicationProtocols)")
        }
    }

    private func setVerification() {
        let mode: Int32 =
            switch role {
            case .server where policy.requiresClientCertificate:
                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            case .server where policy.asksForClientCertificate: SSL_VERIFY_PEER
            case .client where policy.verifiesServer: SSL_VERIFY_PEER
            case .client, .server: SSL_VERIFY_NONE
            }
        // Never retained: the context outlives its sessions, which are those that ask.
        unsafe _ = SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque())
        guard mode != SSL_VERIFY_NONE else {
            unsafe SSL_CTX_set_verify(context, mode, nil)
            return
        }
        unsafe SSL_CTX_set_verify(context, mode) { isGood, store in
            unsafe TLSContext.judge(isGood, store)
        }
    }

    // MARK: Judgement

    /// OpenSSL asks for each certificate of a chain, the peer's own last.
    private static func judge(_ isGood: Int32, _ store: OpaquePointer?) -> Int32 {
        guard let store = unsafe store,
            let certificate = unsafe X509_STORE_CTX_get_current_cert(store),
            let session = unsafe X509_STORE_CTX_get_ex_data(
                store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let data = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(OpaquePointer(session)), 0)
        else { return isGood }
        let own = unsafe Unmanaged<TLSContext>.fromOpaque(data).takeUnretainedValue()
        let isLeaf = unsafe X509_STORE_CTX_get_error_depth(store) == 0
        if isGood != 1 {
            if isLeaf { own.lastRefused = unsafe PeerCertificate(certificate) }
            return 0
        }
        let refusal = unsafe own.refusal(of: certificate, isLeaf: isLeaf)
        guard let refusal else { return 1 }
        unsafe X509_STORE_CTX_set_error(store, refusal)
        return 0
    }

    private func refusal(of certificate: OpaquePointer, isLeaf: Bool) -> Int32? {
        if !revoked.isEmpty, let serial = unsafe X509_get0_serialNumber(certificate),
            revoked.contains(unsafe PeerCertificate.hexadecimal(serial))
        {
            return X509_V_ERR_CERT_REVOKED
        }
        guard isLeaf else { return nil }
        let isAdmitted =
            switch policy.admission {
            case .anyone: true
            case .commonNames(let names):
                names.contains(unsafe PeerCertificate(certificate).commonName)
            case .hostNames(let names):
                names.contains { unsafe TLSContext.isGood(certificate, for: $0) }
            }
        return isAdmitted ? nil : X509_V_ERR_CERT_REJECTED
    }

    private static func isGood(_ certificate: OpaquePointer, for host: String) -> Bool {
        // -2 says that the host is no address in digits.
        let code = unsafe X509_check_ip_asc(certificate, host, 0)
        if code != -2 { return code == 1 }
        return unsafe X509_check_host(
            certificate, host, host.utf8.count, TLSContext.hostFlags, nil) == 1
    }

    /// The subject alternative names alone count, and `*` stands for one whole label.
    internal static let hostFlags =
        UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
}
