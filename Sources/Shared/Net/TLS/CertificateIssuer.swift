// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
internal import Posix

/// What a certificate shall say.
package struct CertificateWish: Equatable, Sendable {
    package var commonName: String
    package var dnsNames: [String]
    /// In digits.
    package var addresses: [String]
    /// It may sign others.
    package var isAuthority: Bool
    package var validity: Duration
    package var key: Key

    package enum Key: Sendable {
        case p256, p384, rsa2048, rsa4096
    }

    package init(
        commonName: String, dnsNames: [String] = [], addresses: [String] = [],
        isAuthority: Bool = false, validity: Duration, key: Key = .p256
    ) {
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.addresses = addresses
        self.isAuthority = isAuthority
        self.validity = validity
        self.key = key
    }
}

/// A certificate with its key, both as PEM.
package struct CertificatePair: Equatable, Sendable {
    package var certificate: [UInt8]
    package var key: [UInt8]

    package init(certificate: [UInt8], key: [UInt8]) {
        self.certificate = certificate
        self.key = key
    }
}

/// Makes certificates: authorities that vouch for themselves, and what they vouch for. A certificate
/// begins five minutes ago, for clocks differ.
package enum CertificateIssuer {
    private static let skewSeconds = -300
    private static let longest = Duration.seconds(86_400 * 3650)

    /// Without a signer the certificate signs itself.
    package static func issue(
        _ wish: CertificateWish, signedBy signer: CertificatePair? = nil
    ) throws(NetError) -> CertificatePair {
        ERR_clear_error()
        guard let key = unsafe newKey(wish.key), let made = unsafe X509_new() else {
            throw .session("tls: \(TLSFailure.reason())")
        }
        defer {
            unsafe EVP_PKEY_free(key)
            unsafe X509_free(made)
        }
        guard let signer else {
            try unsafe fill(made, wish, key: key, issuer: made, issuerKey: key)
            return unsafe pair(made, key)
        }
        let texts = ["signer": signer.certificate, "signer key": signer.key]
        var chain = try unsafe TLSFiles.certificates("signer", texts)
        defer { while let rest = unsafe chain.popLast() { unsafe X509_free(rest) } }
        let issuerKey = try unsafe TLSFiles.key("signer key", texts)
        defer { unsafe EVP_PKEY_free(issuerKey) }
        guard let issuer = unsafe chain.first,
            unsafe X509_check_private_key(issuer, issuerKey) == 1
        else { throw .session("tls: the signer's key does not belong to its certificate") }
        try unsafe fill(made, wish, key: key, issuer: issuer, issuerKey: issuerKey)
        return unsafe pair(made, key)
    }

    private static func newKey(_ kind: CertificateWish.Key) -> OpaquePointer? {
        switch kind {
        case .p256: unsafe keelson_new_p256_key()
        case .p384: unsafe keelson_new_p384_key()
        case .rsa2048: unsafe keelson_new_rsa_key(2048)
        case .rsa4096: unsafe keelson_new_rsa_key(4096)
        }
    }

    private static func fill(
        _ made: OpaquePointer, _ wish: CertificateWish, key: OpaquePointer,
        issuer: OpaquePointer, issuerKey: OpaquePointer
    ) throws(NetError) {
        let number: UInt64
        do throws(PosixError) {
            number = try SecureRandom.number()
        } catch {
            throw .system(error)
        }
        let serial = unsafe X509_get_serialNumber(made)
        let name = unsafe X509_get_subject_name(made)
        let commonName = Array(wish.commonName.utf8.prefix(64))
        let seconds = Int(min(wish.validity, longest).components.seconds)
        let isFilled =
            unsafe X509_set_version(made, 2) == 1
            && ASN1_INTEGER_set_uint64(serial, max(1, number >> 1)) == 1
            && X509_gmtime_adj(X509_getm_notBefore(made), skewSeconds) != nil
            && X509_gmtime_adj(X509_getm_notAfter(made), seconds) != nil
            && X509_NAME_add_entry_by_txt(
                name, "CN", MBSTRING_UTF8, commonName, Int32(commonName.count), -1, 0) == 1
            && X509_set_pubkey(made, key) == 1
            && X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1
        guard isFilled else { throw failure() }
        for (nid, value) in extensions(wish) {
            guard unsafe keelson_add_extension(made, issuer, nid, value) == 1 else {
                throw failure()
            }
        }
        guard unsafe X509_sign(made, issuerKey, EVP_sha256()) > 0 else { throw failure() }
    }

    private static func extensions(_ wish: CertificateWish) -> [(Int32, String)] {
        guard !wish.isAuthority else {
            return [
                (NID_basic_constraints, "critical,CA:TRUE"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"),
                (NID_subject_key_identifier, "hash"),
            ]
        }
        let names =
            wish.dnsNames.filter(isPlain).map { "DNS:" + $0 }
            + wish.addresses.filter { SocketAddress(host: $0, port: 0) != nil }.map { "IP:" + $0 }
        var extensions = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_key_usage, "critical,digitalSignature,keyEncipherment"),
            (NID_ext_key_usage, "serverAuth,clientAuth"),
            // Tells authorities of one name apart.
            (NID_authority_key_identifier, "keyid"),
        ]
        if !names.isEmpty {
            extensions.append((NID_subject_alt_name, names.joined(separator: ",")))
        }
        return extensions
    }

    /// Nothing that would mean something else in OpenSSL's notation.
    private static func isPlain(_ host: String) -> Bool {
        !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !",;@".utf8.contains($0) }
    }

    private static func failure() -> NetError {
        .session("tls: making a certificate: \(TLSFailure.reason())")
    }

    private static func pair(_ certificate: OpaquePointer, _ key: OpaquePointer) -> CertificatePair
    {
        CertificatePair(
            certificate: unsafe text { unsafe PEM_write_bio_X509($0, certificate) },
            key: unsafe text { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) })
    }

    private static func text(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return [] }
        defer { unsafe _ = BIO_free(memory) }
        let code = unsafe write(memory)
        invariant(code == 1, "OpenSSL does not print what it made")
        let count = unsafe BIO_ctrl_pending(memory)
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, unsafe Int(BIO_read(memory, buffer.baseAddress, Int32(count))))
        }
    }
}
