// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Foundation
internal import Posix

/// A certificate authority for tests. It signs whatever it is asked to, good or bad, and writes
/// PEM files.
@safe
package final class TestAuthority {
    package struct Wish {
        package var commonName = ""
        package var organization = "keelson-test"
        /// "DNS:one.example", "IP:127.0.0.1"
        package var names: [String] = []
        package var usages = "serverAuth,clientAuth"
        package var isAuthority = false
        /// Seconds from now.
        package var begins = -3600
        package var ends = 86_400

        package init() {}

        package init(
            _ commonName: String, _ names: [String] = [], usages: String = "serverAuth,clientAuth"
        ) {
            self.commonName = commonName
            self.names = names
            self.usages = usages
        }
    }

    package struct Issued {
        package var certificateFile: String
        package var keyFile: String
        package var serial: UInt64
    }

    package let folder: String
    package let name: String
    package let certificateFile: String
    private let certificate: OpaquePointer
    private let key: OpaquePointer
    private var issuedCount = 0
    private var revoked: [UInt64] = []

    /// Signed by itself, or by another authority.
    package init(_ name: String, in folder: String, signedBy parent: TestAuthority? = nil) throws {
        self.folder = folder
        self.name = name
        certificateFile = "\(folder)/\(name).crt"
        var wish = Wish(name)
        wish.isAuthority = true
        wish.usages = ""
        unsafe key = try TestAuthority.newKey()
        unsafe certificate = try TestAuthority.make(
            wish, unsafe key, issuer: parent?.certificate, unsafe parent?.key ?? key,
            serial: try TestAuthority.randomSerial())
        try TestAuthority.write(certificateFile, unsafe text(of: certificate))
        try TestAuthority.write("\(folder)/\(name).key", unsafe TestAuthority.text(ofKey: key))
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    /// Writes FILE.crt and FILE.key.
    @discardableResult
    package func issue(_ file: String, _ wish: Wish) throws -> Issued {
        let path = file.hasPrefix("/") ? file : "\(folder)/\(file)"
        let own = try unsafe TestAuthority.newKey()
        defer { unsafe EVP_PKEY_free(own) }
        let serial = try TestAuthority.randomSerial()
        let made = try unsafe TestAuthority.make(
            wish, own, issuer: certificate, key, serial: serial)
        defer { unsafe X509_free(made) }
        let issued = Issued(
            certificateFile: "\(path).crt", keyFile: "\(path).key", serial: serial)
        try TestAuthority.write(issued.keyFile, unsafe TestAuthority.text(ofKey: own))
        try TestAuthority.write(issued.certificateFile, unsafe text(of: made))
        return issued
    }

    /// Writes the list of all that this authority has revoked so far, and this one.
    package func revoke(_ serials: [UInt64], into file: String) throws {
        revoked += serials
        guard let list = unsafe X509_CRL_new() else { throw TestFailure("X509_CRL_new") }
        defer { unsafe X509_CRL_free(list) }
        let now = unsafe X509_gmtime_adj(nil, 0)
        let later = unsafe X509_gmtime_adj(nil, 86_400)
        defer {
            unsafe ASN1_STRING_free(now)
            unsafe ASN1_STRING_free(later)
        }
        unsafe _ = X509_CRL_set_version(list, 1)
        unsafe _ = X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate))
        unsafe _ = X509_CRL_set1_lastUpdate(list, now)
        unsafe _ = X509_CRL_set1_nextUpdate(list, later)
        for serial in revoked {
            let number = unsafe ASN1_INTEGER_new()
            unsafe _ = ASN1_INTEGER_set_uint64(number, serial)
            let entry = unsafe X509_REVOKED_new()
            unsafe _ = X509_REVOKED_set_serialNumber(entry, number)
            unsafe _ = X509_REVOKED_set_revocationDate(entry, now)
            // The list takes the entry over.
            unsafe _ = X509_CRL_add0_revoked(list, entry)
            unsafe ASN1_INTEGER_free(number)
        }
        unsafe _ = X509_CRL_sign(list, key, EVP_sha256())
        let text = unsafe TestAuthority.printed { unsafe PEM_write_bio_X509_CRL($0, list) }
        try TestAuthority.write(file, text)
    }

    /// Puts the content in place in one step, as tools that rotate certificates do.
    package static func write(_ path: String, _ bytes: [UInt8]) throws {
        try Directory.make(Directory.parent(of: path))
        let draft = "\(path).new"
        let file = try File(draft, .replace)
        try file.write(at: 0, bytes)
        file.close()
        try Directory.rename(draft, to: path)
    }

    // MARK: OpenSSL

    private static func randomSerial() throws -> UInt64 {
        try SecureRandom.number() | 1
    }

    private static func newKey() throws -> OpaquePointer {
        guard let key = unsafe keelson_new_p256_key() else { throw TestFailure("no key") }
        return unsafe key
    }

    private static func make(
        _ wish: Wish, _ subjectKey: OpaquePointer, issuer: OpaquePointer?,
        _ issuerKey: OpaquePointer, serial: UInt64
    ) throws -> OpaquePointer {
        guard let made = unsafe X509_new() else { throw TestFailure("X509_new") }
        unsafe _ = X509_set_version(made, 2)
        unsafe _ = ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial)
        unsafe _ = X509_gmtime_adj(X509_getm_notBefore(made), wish.begins)
        unsafe _ = X509_gmtime_adj(X509_getm_notAfter(made), wish.ends)
        let name = unsafe X509_get_subject_name(made)
        for (field, text) in [("O", wish.organization), ("CN", wish.commonName)] where text != "" {
            let bytes = Array(text.utf8)
            unsafe _ = X509_NAME_add_entry_by_txt(
                name, field, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0)
        }
        let signer = unsafe issuer ?? made
        unsafe _ = X509_set_issuer_name(made, X509_get_subject_name(signer))
        unsafe _ = X509_set_pubkey(made, subjectKey)
        for (nid, value) in extensions(wish) {
            guard unsafe keelson_add_extension(made, signer, nid, value) == 1 else {
                throw TestFailure("extension \(value)")
            }
        }
        guard unsafe X509_sign(made, issuerKey, EVP_sha256()) > 0 else {
            throw TestFailure("X509_sign")
        }
        return unsafe made
    }

    private static func extensions(_ wish: Wish) -> [(Int32, String)] {
        var list = [(NID_basic_constraints, "critical,CA:" + (wish.isAuthority ? "TRUE" : "FALSE"))]
        list.append(
            (
                NID_key_usage,
                wish.isAuthority
                    ? "critical,keyCertSign,cRLSign,digitalSignature"
                    : "critical,digitalSignature,keyEncipherment"
            ))
        list.append((NID_subject_key_identifier, "hash"))
        if wish.usages != "" { list.append((NID_ext_key_usage, wish.usages)) }
        if !wish.names.isEmpty {
            list.append((NID_subject_alt_name, wish.names.joined(separator: ",")))
        }
        return list
    }

    private func text(of certificate: OpaquePointer) -> [UInt8] {
        unsafe TestAuthority.printed { unsafe PEM_write_bio_X509($0, certificate) }
    }

    private static func text(ofKey key: OpaquePointer) -> [UInt8] {
        unsafe printed { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func printed(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return [] }
        defer { unsafe _ = BIO_free(memory) }
        unsafe _ = write(memory)
        var bytes = [UInt8](repeating: 0, count: unsafe BIO_ctrl_pending(memory))
        unsafe _ = BIO_read(memory, &bytes, Int32(bytes.count))
        return bytes
    }
}
