// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Posix

/// An authority of our own: makes its certificate, and signs those of servers and clients.
@safe
package final class CertificateAuthority {
    /// What a certificate says.
    package struct Wish: Equatable, Sendable {
        package var commonName: String
        package var organization: String
        /// "DNS:one.example", "IP:127.0.0.1"
        package var names: [String]
        package var isServer: Bool
        package var isClient: Bool
        package var lifetime: Duration

        package init(
            commonName: String, organization: String = "", names: [String] = [],
            isServer: Bool = false, isClient: Bool = false, lifetime: Duration = .seconds(31_536_000)
        ) {
            self.commonName = commonName
            self.organization = organization
            self.names = names
            self.isServer = isServer
            self.isClient = isClient
            self.lifetime = lifetime
        }
    }

    /// Both as PEM.
    package struct Pair: Equatable, Sendable {
        package var certificate: [UInt8]
        package var key: [UInt8]
    }

    private let certificate: OpaquePointer
    private let key: OpaquePointer

    /// A new one, signed by itself.
    package init(commonName: String, lifetime: Duration) throws(NetError) {
        ERR_clear_error()
        guard let key = unsafe keelson_new_p256_key() else { throw CertificateAuthority.failure() }
        unsafe self.key = key
        let wish = Wish(commonName: commonName, lifetime: lifetime)
        do throws(NetError) {
            unsafe certificate = try CertificateAuthority.make(
                wish, key, issuer: nil, key, isAuthority: true)
        } catch {
            unsafe EVP_PKEY_free(key)
            throw error
        }
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    /// The authority's own, for those who are to trust it.
    package var pair: Pair {
        unsafe Pair(
            certificate: CertificateAuthority.text { unsafe PEM_write_bio_X509($0, certificate) },
            key: CertificateAuthority.text(ofKey: key))
    }

    package func issue(_ wish: Wish) throws(NetError) -> Pair {
        ERR_clear_error()
        guard let own = unsafe keelson_new_p256_key() else {
            throw CertificateAuthority.failure()
        }
        defer { unsafe EVP_PKEY_free(own) }
        let made = try unsafe CertificateAuthority.make(
            wish, own, issuer: certificate, key, isAuthority: false)
        defer { unsafe X509_free(made) }
        return unsafe Pair(
            certificate: CertificateAuthority.text { unsafe PEM_write_bio_X509($0, made) },
            key: CertificateAuthority.text(ofKey: own))
    }

    // MARK: OpenSSL

    private static func failure() -> NetError {
        .session("tls: making a certificate: \(TLSFailure.reason())")
    }

    private static func make(
        _ wish: Wish, _ subjectKey: OpaquePointer, issuer: OpaquePointer?,
        _ issuerKey: OpaquePointer, isAuthority: Bool
    ) throws(NetError) -> OpaquePointer {
        let serial: UInt64
        do throws(PosixError) {
            serial = try SecureRandom.number() | 1
        } catch {
            throw .system(error)
        }
        guard let made = unsafe X509_new() else { throw failure() }
        let signer = unsafe issuer ?? made
        let seconds = wish.lifetime.components.seconds
        let days = Int32(clamping: seconds / 86_400)
        let rest = Int(seconds % 86_400)
        // A clock that is a little slow must not find it too young.
        let isDated =
            unsafe X509_gmtime_adj(X509_getm_notBefore(made), -300) != nil
            && X509_time_adj_ex(X509_getm_notAfter(made), days, rest, nil) != nil
        let isNamed = unsafe setSubject(made, wish)
        let isMade =
            unsafe X509_set_version(made, 2) == 1
            && ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial) == 1 && isDated
            && isNamed && X509_set_issuer_name(made, X509_get_subject_name(signer)) == 1
            && X509_set_pubkey(made, subjectKey) == 1
            && setExtensions(made, signer, wish, isAuthority: isAuthority)
            && X509_sign(made, issuerKey, EVP_sha256()) > 0
        guard isMade else {
            let error = failure()
            unsafe X509_free(made)
            throw error
        }
        return unsafe made
    }

    private static func setSubject(_ certificate: OpaquePointer, _ wish: Wish) -> Bool {
        let name = unsafe X509_get_subject_name(certificate)
        for (field, text) in [("O", wish.organization), ("CN", wish.commonName)] where text != "" {
            let bytes = Array(text.utf8)
            let code = unsafe X509_NAME_add_entry_by_txt(
                name, field, MBSTRING_UTF8, bytes, Int32(clamping: bytes.count), -1, 0)
            if code != 1 { return false }
        }
        return true
    }

    private static func setExtensions(
        _ certificate: OpaquePointer, _ signer: OpaquePointer, _ wish: Wish, isAuthority: Bool
    ) -> Bool {
        var list: [(Int32, String)] = [
            (NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE"),
            (
                NID_key_usage,
                isAuthority
                    ? "critical,keyCertSign,cRLSign,digitalSignature"
                    : "critical,digitalSignature,keyEncipherment"
            ),
            (NID_subject_key_identifier, "hash"),
        ]
        let usages = [wish.isServer ? "serverAuth" : "", wish.isClient ? "clientAuth" : ""]
            .filter { !$0.isEmpty }
        if !usages.isEmpty { list.append((NID_ext_key_usage, usages.joined(separator: ","))) }
        let names = wish.names.filter(isPlain)
        if !names.isEmpty { list.append((NID_subject_alt_name, names.joined(separator: ","))) }
        for (nid, value) in list {
            if unsafe keelson_add_extension(certificate, signer, nid, value) != 1 { return false }
        }
        return true
    }

    /// Nothing that would mean something else in OpenSSL's notation.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !",;@".utf8.contains($0) }
    }

    private static func text(ofKey key: OpaquePointer) -> [UInt8] {
        unsafe text { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func text(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return [] }
        defer { unsafe _ = BIO_free(memory) }
        _ = unsafe write(memory)
        let count = unsafe BIO_ctrl_pending(memory)
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = max(0, unsafe Int(BIO_read(memory, buffer.baseAddress, Int32(count))))
        }
    }
}
