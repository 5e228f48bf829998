// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// How JSON web tokens are signed (RFC 7518, section 3.1).
package enum SigningMethod: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    enum Family {
        case hmac, rsa, pss, elliptic, edwards
    }

    var family: Family {
        switch self {
        case .hs256, .hs384, .hs512: .hmac
        case .rs256, .rs384, .rs512: .rsa
        case .ps256, .ps384, .ps512: .pss
        case .es256, .es384, .es512: .elliptic
        case .edDSA: .edwards
        }
    }

    /// A static table of OpenSSL's; nil where the method hashes by itself.
    var digest: OpaquePointer? {
        switch self {
        case .hs256, .rs256, .ps256, .es256: unsafe EVP_sha256()
        case .hs384, .rs384, .ps384, .es384: unsafe EVP_sha384()
        case .hs512, .rs512, .ps512, .es512: unsafe EVP_sha512()
        case .edDSA: nil
        }
    }

    /// Bits of the curve an elliptic method stands for.
    var curveBits: Int32? {
        switch self {
        case .es256: 256
        case .es384: 384
        case .es512: 521
        default: nil
        }
    }
}

/// Why a key cannot be used.
package enum SigningKeyError: Error, Equatable, Sendable {
    /// Neither a public nor a private key was given.
    case missing
    case unreadable
    /// It is not a key for this method.
    case wrongKind
    /// The public key does not belong to the private one.
    case mismatch
}

/// A key for one signing method; with a public key alone it can only verify.
@safe
package final class SigningKey {
    package let method: SigningMethod
    package let canSign: Bool
    private let secret: [UInt8]
    private let key: OpaquePointer?

    /// PEM texts; for the HMAC methods the bytes of the private key are the secret.
    package init(
        _ method: SigningMethod, publicKey: [UInt8], privateKey: [UInt8]
    ) throws(SigningKeyError) {
        self.method = method
        if case .hmac = method.family {
            guard !privateKey.isEmpty else { throw .missing }
            secret = privateKey
            unsafe key = nil
            canSign = true
            return
        }
        secret = []
        let open = unsafe try SigningKey.read(publicKey, isPrivate: false)
        // The one that is used is held once more.
        defer { unsafe EVP_PKEY_free(open) }
        let own = unsafe try SigningKey.read(privateKey, isPrivate: true)
        if let own = unsafe own, let open = unsafe open, unsafe EVP_PKEY_eq(own, open) != 1 {
            unsafe EVP_PKEY_free(own)
            throw .mismatch
        }
        if unsafe own == nil { _ = unsafe open.map { unsafe EVP_PKEY_up_ref($0) } }
        guard let chosen = unsafe own ?? open else { throw .missing }
        guard unsafe SigningKey.fits(chosen, method) else {
            unsafe EVP_PKEY_free(chosen)
            throw .wrongKind
        }
        canSign = unsafe own != nil
        unsafe key = chosen
    }

    deinit {
        unsafe EVP_PKEY_free(key)
    }

    private static func read(
        _ text: [UInt8], isPrivate: Bool
    ) throws(SigningKeyError) -> OpaquePointer? {
        guard !text.isEmpty else { return nil }
        guard text.count <= 1 << 20, let bio = unsafe BIO_new_mem_buf(text, Int32(text.count))
        else { throw .unreadable }
        defer { unsafe BIO_free(bio) }
        // An encrypted key must not make the process ask at a terminal.
        let found =
            isPrivate
            ? unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
            : unsafe PEM_read_bio_PUBKEY(bio, nil, { _, _, _, _ in -1 }, nil)
        if let found = unsafe found { return unsafe found }
        ERR_clear_error()
        throw .unreadable
    }

    private static func fits(_ key: OpaquePointer, _ method: SigningMethod) -> Bool {
        let kind = unsafe EVP_PKEY_get_base_id(key)
        return switch method.family {
        case .hmac: false
        case .rsa, .pss: kind == EVP_PKEY_RSA
        case .elliptic:
            unsafe kind == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == method.curveBits ?? 0
        case .edwards: kind == EVP_PKEY_ED25519
        }
    }

    // MARK: Signing

    /// In the form of RFC 7518: an elliptic signature is its two numbers, not DER. Nil when it
    /// cannot sign.
    package func sign(_ bytes: [UInt8]) -> [UInt8]? {
        guard canSign else { return nil }
        guard let key = unsafe key else { return mac(bytes) }
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        guard unsafe EVP_DigestSignInit(context, &parameters, method.digest, nil, key) == 1,
            unsafe setPadding(parameters)
        else { return failed() }
        var count = 0
        guard unsafe EVP_DigestSign(context, nil, &count, bytes, bytes.count) == 1 else {
            return failed()
        }
        var signature = [UInt8](repeating: 0, count: count)
        guard unsafe EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1 else {
            return failed()
        }
        signature.removeLast(signature.count - count)
        guard case .elliptic = method.family else { return signature }
        return plain(signature)
    }

    package func verify(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        guard let key = unsafe key else { return isEqual(mac(bytes) ?? [], signature) }
        var signature = signature
        if case .elliptic = method.family {
            guard let der = der(signature) else { return false }
            signature = der
        }
        guard !signature.isEmpty, let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        guard unsafe EVP_DigestVerifyInit(context, &parameters, method.digest, nil, key) == 1,
            unsafe setPadding(parameters)
        else { return failed() != nil }
        let code = unsafe EVP_DigestVerify(
            context, signature, signature.count, bytes, bytes.count)
        if code != 1 { ERR_clear_error() }
        return code == 1
    }

    private func failed() -> [UInt8]? {
        ERR_clear_error()
        return nil
    }

    private func setPadding(_ parameters: OpaquePointer?) -> Bool {
        guard case .pss = method.family else { return true }
        // -1: the salt is as long as the digest, as RFC 7518 wants it.
        return unsafe EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, -1) == 1
    }

    private func mac(_ bytes: [UInt8]) -> [UInt8]? {
        var sum = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let made = unsafe HMAC(
            method.digest, secret, Int32(clamping: secret.count), bytes, bytes.count, &sum, &count)
        guard unsafe made != nil else { return nil }
        return Array(sum.prefix(Int(count)))
    }

    private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count, !left.isEmpty else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }

    // MARK: Elliptic signatures

    private var numberBytes: Int { Int((method.curveBits ?? 0) + 7) / 8 }

    private func plain(_ der: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: numberBytes * 2)
        let size = Int32(numberBytes)
        let isDone = unsafe der.withUnsafeBufferPointer { buffer -> Bool in
            var next = buffer.baseAddress
            guard let signature = unsafe d2i_ECDSA_SIG(nil, &next, buffer.count) else {
                return false
            }
            defer { unsafe ECDSA_SIG_free(signature) }
            return unsafe output.withUnsafeMutableBufferPointer { output -> Bool in
                guard let start = output.baseAddress else { return false }
                return unsafe BN_bn2binpad(ECDSA_SIG_get0_r(signature), start, size) == size
                    && BN_bn2binpad(ECDSA_SIG_get0_s(signature), start + Int(size), size) == size
            }
        }
        return isDone ? output : nil
    }

    private func der(_ plain: [UInt8]) -> [UInt8]? {
        guard plain.count == numberBytes * 2, let signature = unsafe ECDSA_SIG_new() else {
            return nil
        }
        defer { unsafe ECDSA_SIG_free(signature) }
        let (first, second) = (Array(plain[..<numberBytes]), Array(plain[numberBytes...]))
        let r = unsafe BN_bin2bn(first, Int32(first.count), nil)
        let s = unsafe BN_bin2bn(second, Int32(second.count), nil)
        // On success the numbers belong to the signature.
        guard unsafe ECDSA_SIG_set0(signature, r, s) == 1 else {
            unsafe BN_free(r)
            unsafe BN_free(s)
            return nil
        }
        var output = [UInt8](repeating: 0, count: Int(max(0, unsafe i2d_ECDSA_SIG(signature, nil))))
        let count = unsafe output.withUnsafeMutableBufferPointer { buffer -> Int32 in
            var next = buffer.baseAddress
            return unsafe i2d_ECDSA_SIG(signature, &next)
        }
        return count > 0 && Int(count) == output.count ? output : nil
    }
}
