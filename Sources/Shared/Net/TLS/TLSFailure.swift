// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// What OpenSSL has to say, in words that people who know etcd's logs recognise.
internal enum TLSFailure {
    /// The error that waits in this thread's queue, which is emptied.
    static func take() -> (code: UInt, reason: String)? {
        let code = ERR_peek_error()
        ERR_clear_error()
        if code == 0 { return nil }
        let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
        return (UInt(code), text ?? "error \(code)")
    }

    static func reason() -> String { take()?.reason ?? "unknown error" }

    /// Why a handshake or a record failed; `verification` is OpenSSL's verdict on the certificate.
    static func describe(_ session: OpaquePointer) -> String {
        guard let (code, reason) = take() else { return "tls: the connection failed" }
        let number = Int(keelson_error_reason(code))
        if keelson_error_library(code) == ERR_LIB_SSL {
            // Alerts that came are counted from 1000.
            if number >= SSL_AD_REASON_OFFSET, number < SSL_AD_REASON_OFFSET + 256 {
                return "remote error: tls: \(alert(number - Int(SSL_AD_REASON_OFFSET)))"
            }
            if let known = own[Int32(number)] { return "tls: \(known)" }
        }
        return "tls: \(reason)"
    }

    private static let own: [Int32: String] = [
        SSL_R_HTTP_REQUEST: "the client speaks HTTP, not TLS",
        SSL_R_HTTPS_PROXY_REQUEST: "the client speaks HTTP, not TLS",
        SSL_R_WRONG_VERSION_NUMBER: "first record does not look like a TLS handshake",
        SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: "client didn't provide a certificate",
        SSL_R_NO_SHARED_CIPHER: "no cipher suite supported by both client and server",
        SSL_R_UNSUPPORTED_PROTOCOL: "client offered only unsupported versions",
        SSL_R_NO_PROTOCOLS_AVAILABLE: "no supported versions satisfy the oldest and newest allowed",
    ]

    /// A verdict on a certificate other than "fine".
    static func verdict(_ code: Int) -> String {
        switch Int32(code) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
            "x509: certificate signed by unknown authority"
        case X509_V_ERR_CERT_HAS_EXPIRED: "x509: certificate has expired"
        case X509_V_ERR_CERT_NOT_YET_VALID: "x509: certificate is not yet valid"
        case X509_V_ERR_INVALID_PURPOSE:
            "x509: certificate specifies an incompatible key usage"
        case X509_V_ERR_CERT_REVOKED: "x509: certificate is revoked"
        default:
            unsafe "x509: " + String(cString: X509_verify_cert_error_string(code))
        }
    }

    /// By their numbers in RFC 8446, in Go's words.
    private static func alert(_ number: Int) -> String {
        switch number {
        case 10: "unexpected message"
        case 20: "bad record MAC"
        case 22: "record overflow"
        case 40: "handshake failure"
        case 42: "bad certificate"
        case 43: "unsupported certificate"
        case 44: "revoked certificate"
        case 45: "expired certificate"
        case 46: "unknown certificate"
        case 47: "illegal parameter"
        case 48: "unknown certificate authority"
        case 49: "access denied"
        case 50: "error decoding message"
        case 51: "error decrypting message"
        case 70: "protocol version not supported"
        case 71: "insufficient security level"
        case 80: "internal error"
        case 90: "user canceled"
        case 109: "missing extension"
        case 112: "unrecognized name"
        case 116: "certificate required"
        case 120: "no application protocol"
        default: "alert \(number)"
        }
    }
}
