// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Mode CertManager: the Certificates that cert-manager turns into Secrets.
struct IssuerCertificates {
    let desired: DesiredCluster
    let owner: KubeObject

    func certificates() -> [KubeObject] {
        guard desired.tlsMode == .certManager, let settings = desired.tls.certManager else {
            return []
        }
        return [
            certificate(
                desired.serverSecretName, settings, settings.clientIssuerRef,
                dnsNames: desired.serverNames, addresses: ["127.0.0.1"]),
            certificate(
                desired.peerSecretName, settings, settings.peerIssuerRef,
                commonName: desired.peerCommonName, dnsNames: desired.peerNames),
            certificate(desired.clientSecretName, settings, settings.clientIssuerRef),
        ]
    }

    /// Members show theirs as servers and as clients, so that each has both usages. The label makes
    /// the operator see the Secret; without it a change would not be noticed.
    private func certificate(
        _ name: String, _ settings: ClusterTLS.CertManager, _ issuer: ClusterTLS.IssuerReference,
        commonName: String? = nil, dnsNames: [String] = [], addresses: [String] = []
    ) -> KubeObject {
        var certificate = Child.object(.certificate, name, desired, owner)
        var spec: [(String, JSONValue)] = [
            ("secretName", .string(name)),
            ("secretTemplate", ["labels": [Names.clusterLabel: .string(desired.name)]]),
            ("commonName", .string(commonName ?? String(name.prefix(64)))),
            ("duration", settings.certValidity.fieldJSON ?? .null),
            ("renewBefore", settings.renewBefore.fieldJSON ?? .null),
            ("usages", ["digital signature", "key encipherment", "server auth", "client auth"]),
            ("privateKey", privateKey(settings.keyAlgorithm)),
            (
                "issuerRef",
                [
                    "name": .string(issuer.name), "kind": .string(issuer.kind),
                    "group": .string(issuer.group),
                ]
            ),
        ]
        if !dnsNames.isEmpty { spec.append(("dnsNames", .array(dnsNames.map(JSONValue.string)))) }
        if !addresses.isEmpty {
            spec.append(("ipAddresses", .array(addresses.map(JSONValue.string))))
        }
        certificate["spec"] = .object(spec)
        return certificate
    }

    private func privateKey(_ algorithm: ClusterTLS.KeyAlgorithm) -> JSONValue {
        let (name, size): (JSONValue, JSONValue) =
            switch algorithm {
            case .ecdsaP256: ("ECDSA", 256)
            case .ecdsaP384: ("ECDSA", 384)
            case .rsa2048: ("RSA", 2048)
            case .rsa4096: ("RSA", 4096)
            }
        return ["algorithm": name, "size": size, "rotationPolicy": "Always"]
    }
}
