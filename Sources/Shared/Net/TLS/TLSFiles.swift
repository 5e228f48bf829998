// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Posix

/// The files of a policy, read and taken apart. Errors name the file and what is wrong with it.
internal enum TLSFiles {
    /// Bundles of authorities are large; nothing of ours is larger.
    private static let limit = 4 << 20
    private static let certificatesMax = 4096

    static func fail(_ file: String, _ reason: String) -> NetError {
        .session("\(file): \(reason)")
    }

    /// Runs the body with the file's bytes, or those that stand for it, in a reader of OpenSSL's.
    private static func withText<Result>(
        _ file: String, _ texts: [String: [UInt8]],
        _ body: (OpaquePointer) throws(NetError) -> Result
    ) throws(NetError) -> Result {
        let bytes: [UInt8]
        do throws(PosixError) {
            if let text = texts[file] {
                bytes = text
            } else {
                bytes = try File(file, .read).readAll(limit: limit)
            }
        } catch {
            throw .session("open \(file): \(error.reason)")
        }
        ERR_clear_error()
        guard let text = unsafe BIO_new(BIO_s_mem()) else { throw fail(file, "out of memory") }
        defer { unsafe _ = BIO_free(text) }
        unsafe _ = BIO_write(text, bytes, Int32(bytes.count))
        return try unsafe body(text)
    }

    /// The certificates of a file, at least one; the caller owns them.
    static func certificates(
        _ file: String, _ texts: [String: [UInt8]] = [:]
    ) throws(NetError) -> [OpaquePointer] {
        unsafe try withText(file, texts) { text throws(NetError) in
            var found: [OpaquePointer] = unsafe []
            while let certificate = unsafe keelson_read_certificate(text) {
                unsafe found.append(certificate)
                if unsafe found.count > certificatesMax { break }
            }
            // Reading ends with "no start line", which is no error behind a certificate.
            let failure = TLSFailure.take()
            if let failure, !isEnd(failure.code) {
                while let certificate = unsafe found.popLast() { unsafe X509_free(certificate) }
                throw fail(file, "a certificate in it cannot be read (\(failure.reason))")
            }
            if unsafe found.isEmpty { throw fail(file, "it holds no certificate in PEM form") }
            return unsafe found
        }
    }

    private static func isEnd(_ code: UInt) -> Bool {
        keelson_error_library(code) == ERR_LIB_PEM
            && keelson_error_reason(code) == PEM_R_NO_START_LINE
    }

    /// No decoder knew what to do with it.
    private static func isNothingFound(_ code: UInt) -> Bool {
        keelson_error_library(code) == ERR_LIB_OSSL_DECODER
    }

    /// The caller owns it.
    static func key(
        _ file: String, _ texts: [String: [UInt8]] = [:]
    ) throws(NetError) -> OpaquePointer {
        unsafe try withText(file, texts) { text throws(NetError) in
            if let key = unsafe keelson_read_key(text) { return unsafe key }
            let failure = TLSFailure.take()
            if let failure, isEnd(failure.code) || isNothingFound(failure.code) {
                throw fail(file, "it holds no private key in PEM form")
            }
            throw fail(
                file,
                "the private key in it cannot be read (\(failure?.reason ?? "unknown error")); "
                    + "keys with a passphrase are not supported")
        }
    }

    /// The serial numbers that the lists in the file (PEM, or one in DER) name.
    static func revokedSerials(_ file: String) throws(NetError) -> Set<String> {
        unsafe try withText(file, [:]) { text throws(NetError) in
            var serials: Set<String> = []
            var count = 0
            while let list = unsafe PEM_read_bio_X509_CRL(text, nil, nil, nil) {
                unsafe add(list, to: &serials)
                count += 1
            }
            let failure = TLSFailure.take()
            if let failure, !isEnd(failure.code) {
                throw fail(file, "a revocation list in it cannot be read (\(failure.reason))")
            }
            if count > 0 { return serials }
            return try inDER(file)
        }
    }

    private static func inDER(_ file: String) throws(NetError) -> Set<String> {
        unsafe try withText(file, [:]) { text throws(NetError) in
            guard let list = unsafe d2i_X509_CRL_bio(text, nil) else {
                ERR_clear_error()
                throw fail(file, "it holds no certificate revocation list")
            }
            var serials: Set<String> = []
            unsafe add(list, to: &serials)
            return serials
        }
    }

    private static func add(_ list: OpaquePointer, to serials: inout Set<String>) {
        for index in 0..<max(0, unsafe keelson_revoked_count(list)) {
            guard let serial = unsafe keelson_revoked_serial(list, index) else { continue }
            serials.insert(unsafe PeerCertificate.hexadecimal(serial))
        }
        unsafe X509_CRL_free(list)
    }
}
