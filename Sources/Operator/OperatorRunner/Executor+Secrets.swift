// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import KubeClient
internal import Net
internal import Posix
internal import Reconcile

// Secrets whose content is made here: it is in no plan, and in no log.
extension Executor {
    func createToken(_ secret: KubeObject) -> Failure? {
        do throws(PosixError) {
            let hex = try SecureRandom.bytes(32).map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            var secret = secret
            secret["data", "token"] = .string(Base64.encode(Array(hex.utf8)))
            let made = secret
            return write(made) { kind throws(KubeError) in try client.create(made, as: kind) }
        } catch {
            return .other("\(error)")
        }
    }

    func issue(_ order: CertificateOrder) -> Failure? {
        let pair: CertificatePair
        do throws(NetError) {
            pair = try CertificateIssuer.issue(
                CertificateWish(
                    commonName: order.commonName, dnsNames: order.dnsNames,
                    addresses: order.ipAddresses, isAuthority: order.isAuthority,
                    validity: order.validity, key: Self.key(order.keyAlgorithm)),
                signedBy: order.signer.map { SecretTexts($0).pair })
        } catch {
            return .other("\(error)")
        }
        let trusted =
            order.signer.map { SecretTexts($0).trusted }
            ?? PEMBlocks.union(pair.certificate, order.trusted)
        var secret = order.secret
        secret["data"] = .object([
            ("tls.crt", .string(Base64.encode(pair.certificate))),
            ("tls.key", .string(Base64.encode(pair.key))),
            ("ca.crt", .string(Base64.encode(trusted))),
        ])
        let isNew = secret.resourceVersion.isEmpty
        return write(secret) { kind throws(KubeError) in
            isNew
                ? try client.create(secret, as: kind) : try client.replace(secret, as: kind)
        }
    }
}

extension Executor {
    private static func key(_ algorithm: ClusterTLS.KeyAlgorithm) -> CertificateWish.Key {
        switch algorithm {
        case .ecdsaP256: .p256
        case .ecdsaP384: .p384
        case .rsa2048: .rsa2048
        case .rsa4096: .rsa4096
        }
    }
}

/// What a Secret of type `kubernetes.io/tls` holds, as PEM.
struct SecretTexts {
    let secret: KubeObject

    init(_ secret: KubeObject) {
        self.secret = secret
    }

    var pair: CertificatePair {
        CertificatePair(certificate: text("tls.crt"), key: text("tls.key"))
    }

    /// Whom to trust: `ca.crt`, or the certificate itself where there is none.
    var trusted: [UInt8] {
        let authorities = text("ca.crt")
        return authorities.isEmpty ? text("tls.crt") : authorities
    }

    private func text(_ key: String) -> [UInt8] {
        secret.string("data", key).flatMap { Base64.decode($0) } ?? []
    }
}

/// PEM texts as lists of blocks.
enum PEMBlocks {
    /// Older authorities than these are dropped.
    static let blockMax = 4

    static func union(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
        var blocks: [String] = []
        for block in split(first) + split(second) where !blocks.contains(block) {
            blocks.append(block)
        }
        return Array(blocks.prefix(blockMax).joined().utf8)
    }

    private static func split(_ text: [UInt8]) -> [String] {
        var blocks: [String] = []
        var block = ""
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            block += line + "\n"
            if line.hasPrefix("-----END ") {
                blocks.append(block)
                block = ""
            }
        }
        return blocks
    }
}
