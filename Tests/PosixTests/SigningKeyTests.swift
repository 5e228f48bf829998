// SPDX-License-Identifier: Apache-2.0
import Posix
import TestKit
import Testing

@Suite struct SigningKeyTests {
    /// A key pair in PEM, made by the `openssl` command.
    struct Pair {
        let publicKey: [UInt8]
        let privateKey: [UInt8]

        init(_ algorithm: [String]) throws {
            let folder = try TemporaryFolder()
            try Pair.openssl(["genpkey"] + algorithm + ["-out", folder["private"]], folder)
            try Pair.openssl(
                ["pkey", "-in", folder["private"], "-pubout", "-out", folder["public"]], folder)
            publicKey = try File(folder["public"], .read).read(at: 0, count: 1 << 16)
            privateKey = try File(folder["private"], .read).read(at: 0, count: 1 << 16)
        }

        static func openssl(_ arguments: [String], _ folder: TemporaryFolder) throws {
            let process = try ServerProcess("/usr/bin/openssl", arguments, output: folder["out"])
            _ = try process.waitForEnd()
        }

        static func of(_ method: SigningMethod) throws -> Pair {
            switch method {
            case .hs256, .hs384, .hs512: try Pair(["-algorithm", "ED25519"])
            case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
                try Pair(["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            case .es256: try Pair(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
            case .es384: try Pair(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"])
            case .es512: try Pair(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"])
            case .edDSA: try Pair(["-algorithm", "ED25519"])
            }
        }
    }

    private let text = Array("some text to be signed".utf8)

    @Test(arguments: SigningMethod.allCases)
    func `what a key signs it verifies, and nothing else`(_ method: SigningMethod) throws {
        let pair = try Pair.of(method)
        let key = try SigningKey(method, publicKey: [], privateKey: pair.privateKey)
        let signature = try #require(key.sign(text))
        #expect(key.verify(signature, of: text))
        #expect(!key.verify(signature, of: text + [0]))
        #expect(!key.verify([], of: text))
        #expect(!key.verify(Array(signature.dropLast()), of: text))
        #expect(!key.verify(signature + [0], of: text))
        for place in [0, signature.count / 2, signature.count - 1] {
            var damaged = signature
            damaged[place] ^= 1
            #expect(!key.verify(damaged, of: text), "byte \(place)")
        }
        #expect(!key.verify([UInt8](repeating: 0, count: signature.count), of: text))
        let lengths: [SigningMethod: Int] = [
            .hs256: 32, .hs384: 48, .hs512: 64, .es256: 64, .es384: 96, .es512: 132, .edDSA: 64,
        ]
        #expect(signature.count == lengths[method] ?? 256)
    }

    @Test func `a public key alone verifies and cannot sign`() throws {
        for method in [SigningMethod.rs256, .ps512, .es256, .edDSA] {
            let pair = try Pair.of(method)
            let whole = try SigningKey(
                method, publicKey: pair.publicKey, privateKey: pair.privateKey)
            let half = try SigningKey(method, publicKey: pair.publicKey, privateKey: [])
            let signature = try #require(whole.sign(text))
            #expect(half.verify(signature, of: text))
            #expect(half.sign(text) == nil)
            #expect(whole.canSign)
            #expect(!half.canSign)
        }
    }

    @Test func `keys that do not fit are refused by their fault`() throws {
        let rsa = try Pair.of(.rs256)
        let other = try Pair.of(.rs256)
        let curve = try Pair.of(.es256)
        func fault(_ method: SigningMethod, _ open: [UInt8], _ own: [UInt8]) -> SigningKeyError? {
            do throws(SigningKeyError) {
                _ = try SigningKey(method, publicKey: open, privateKey: own)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault(.rs256, [], []) == .missing)
        #expect(fault(.hs256, rsa.publicKey, []) == .missing)
        #expect(fault(.rs256, Array("no key".utf8), []) == .unreadable)
        #expect(fault(.rs256, [], rsa.publicKey) == .unreadable)
        #expect(fault(.rs256, other.publicKey, rsa.privateKey) == .mismatch)
        #expect(fault(.rs256, [], curve.privateKey) == .wrongKind)
        #expect(fault(.es384, [], curve.privateKey) == .wrongKind)
        #expect(fault(.edDSA, rsa.publicKey, []) == .wrongKind)
        #expect(fault(.rs256, rsa.publicKey, rsa.privateKey) == nil)
    }
}
