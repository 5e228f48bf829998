// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
internal import Posix

/// A certificate that nobody but itself vouches for, with its key, for members that are told to
/// encrypt without being given certificates.
package enum SelfSignedCertificate {
    /// Longer than anybody keeps a data directory, and no overflow anywhere.
    private static let yearsMax = 1000

    /// Makes cert.pem and key.pem in the folder unless both are there already. `hosts` are names
    /// and addresses in digits.
    package static func ensure(
        in folder: String, hosts: [String], years: Int
    ) throws(NetError) -> TLSPolicy.Credentials {
        let files = TLSPolicy.Credentials(
            certificateFile: "\(folder)/cert.pem", keyFile: "\(folder)/key.pem")
        if Directory.exists(files.certificateFile), Directory.exists(files.keyFile) { return files }
        let pair = try make(hosts: hosts, years: years)
        do throws(PosixError) {
            try Directory.make(folder)
            // The key first: a certificate is never there without it.
            try write(pair.key, to: files.keyFile, permissions: 0o600)
            try write(pair.certificate, to: files.certificateFile, permissions: 0o644)
        } catch {
            throw .system(error)
        }
        return files
    }

    private static func write(
        _ bytes: [UInt8], to path: String, permissions: UInt32
    ) throws(PosixError) {
        let draft = "\(path).tmp"
        let file = try File(draft, .replace, permissions: permissions)
        try file.write(at: 0, bytes)
        file.close()
        try Directory.rename(draft, to: path)
    }

    /// Both as PEM.
    private static func make(
        hosts: [String], years: Int
    ) throws(NetError) -> (certificate: [UInt8], key: [UInt8]) {
        ERR_clear_error()
        guard let key = unsafe keelson_new_p256_key(), let certificate = unsafe X509_new() else {
            throw .session("tls: \(TLSFailure.reason())")
        }
        defer {
            unsafe EVP_PKEY_free(key)
            unsafe X509_free(certificate)
        }
        let isMade =
            unsafe try setSerial(certificate) && setTimes(certificate, years)
            && setNames(certificate, hosts) && X509_set_version(certificate, 2) == 1
            && X509_set_pubkey(certificate, key) == 1
            && X509_sign(certificate, key, EVP_sha256()) > 0
        guard isMade else { throw .session("tls: making a certificate: \(TLSFailure.reason())") }
        return (
            unsafe text { unsafe PEM_write_bio_X509($0, certificate) },
            unsafe text { unsafe PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        )
    }

    private static func setSerial(_ certificate: OpaquePointer) throws(NetError) -> Bool {
        let number: UInt64
        do throws(PosixError) {
            number = try SecureRandom.number()
        } catch {
            throw .system(error)
        }
        let serial = unsafe X509_get_serialNumber(certificate)
        return unsafe ASN1_INTEGER_set_uint64(serial, max(1, number)) == 1
    }

    private static func setTimes(_ certificate: OpaquePointer, _ years: Int) -> Bool {
        let days = Int32(clamping: min(years, yearsMax) * 365)
        let begins = unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), 0)
        let ends = unsafe X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, nil)
        return unsafe begins != nil && ends != nil
    }

    private static func setNames(_ certificate: OpaquePointer, _ hosts: [String]) -> Bool {
        let name = unsafe X509_get_subject_name(certificate)
        let organization = Array("etcd".utf8)
        var isDone =
            unsafe X509_NAME_add_entry_by_txt(
                name, "O", MBSTRING_UTF8, organization, Int32(organization.count), -1, 0) == 1
            && X509_set_issuer_name(certificate, name) == 1
        var extensions = [
            (NID_key_usage, "critical,digitalSignature,keyEncipherment"),
            (NID_ext_key_usage, "serverAuth,clientAuth"),
            (NID_basic_constraints, "critical,CA:FALSE"),
        ]
        let names = hosts.filter(isPlain).map { host in
            (SocketAddress(host: host, port: 0) == nil ? "DNS:" : "IP:") + host
        }
        if !names.isEmpty {
            extensions.append((NID_subject_alt_name, names.joined(separator: ",")))
        }
        for (nid, value) in extensions {
            let code = unsafe keelson_add_extension(certificate, certificate, nid, value)
            isDone = isDone && code == 1
        }
        return isDone
    }

    /// Nothing that would mean something else in OpenSSL's notation.
    private static func isPlain(_ host: String) -> Bool {
        !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !",;@".utf8.contains($0) }
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
