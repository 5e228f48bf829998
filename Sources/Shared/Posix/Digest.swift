// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// A cryptographic sum over bytes that may come in pieces.
@safe
package final class Digest {
    package enum Algorithm: Equatable, Sendable {
        case sha1, sha256

        package var byteCount: Int {
            switch self {
            case .sha1: 20
            case .sha256: 32
            }
        }
    }

    private let algorithm: Algorithm
    private let context: OpaquePointer

    package init(_ algorithm: Algorithm) {
        self.algorithm = algorithm
        guard let made = unsafe EVP_MD_CTX_new() else {
            invariantBroken("no memory for a digest", file: #fileID, line: #line)
        }
        unsafe context = made
        start()
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        let code = unsafe EVP_DigestUpdate(context, base, bytes.count)
        invariant(code == 1, "digest refused \(bytes.count) bytes")
    }

    package func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// The sum of everything so far; begins anew.
    package func finish() -> [UInt8] {
        var sum = [UInt8](repeating: 0, count: algorithm.byteCount)
        let code = unsafe EVP_DigestFinal_ex(context, &sum, nil)
        invariant(code == 1, "digest does not end")
        start()
        return sum
    }

    private func start() {
        let code =
            switch algorithm {
            case .sha1: unsafe EVP_DigestInit_ex(context, EVP_sha1(), nil)
            case .sha256: unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
            }
        invariant(code == 1, "digest does not start")
    }

    package static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        sum(of: bytes, .sha1)
    }

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        sum(of: bytes, .sha256)
    }

    private static func sum(of bytes: [UInt8], _ algorithm: Algorithm) -> [UInt8] {
        let digest = Digest(algorithm)
        digest.update(bytes)
        return digest.finish()
    }
}
