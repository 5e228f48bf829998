// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// Children that follow from the specification alone.
struct PlainChildren {
    let desired: DesiredCluster
    let owner: KubeObject

    func serviceAccount() -> KubeObject {
        var account = Child.object(.serviceAccount, desired.name, desired, owner)
        account["automountServiceAccountToken"] = false
        return account
    }

    /// Names for members that are not ready too: peers must find each other to become so.
    func peersService() -> KubeObject {
        var service = Child.object(.service, desired.peersName, desired, owner)
        service["spec"] = [
            "clusterIP": "None", "publishNotReadyAddresses": true,
            "selector": Child.selector(desired).json,
            "ports": [port("client", 2379), port("peer", 2380), port("metrics", 2381)],
        ]
        return service
    }

    func clientService() -> KubeObject {
        var service = Child.object(.service, desired.name, desired, owner)
        let wanted = desired.spec["service"]
        var spec: [(String, JSONValue)] = [
            ("type", wanted?["type"] ?? "ClusterIP"),
            ("selector", Child.selector(desired).json),
            ("ports", [port("client", 2379)]),
        ]
        for field in ["loadBalancerSourceRanges", "externalTrafficPolicy", "trafficDistribution"] {
            if let value = wanted?[field] { spec.append((field, value)) }
        }
        service["spec"] = .object(spec)
        let notes = KubeMap(wanted?["annotations"])
        if !notes.isEmpty { service.annotations = notes }
        return service
    }

    func adminSecret() -> KubeObject {
        var secret = Child.object(.secret, desired.adminName, desired, owner)
        secret["type"] = "Opaque"
        return secret
    }

    func disruptionBudget(minAvailable: Int) -> KubeObject {
        var budget = Child.object(.podDisruptionBudget, desired.name, desired, owner)
        let policy = desired.spec["podDisruptionBudget"]?["unhealthyPodEvictionPolicy"]
        var selector = Child.selector(desired)
        selector[Names.roleLabel] = "voter"
        budget["spec"] = [
            "minAvailable": .integer(Int64(minAvailable)),
            "selector": ["matchLabels": selector.json],
        ]
        if let policy { budget["spec", "unhealthyPodEvictionPolicy"] = policy }
        return budget
    }

    private func port(_ name: String, _ number: Int64) -> JSONValue {
        [
            "name": .string(name), "port": .integer(number), "targetPort": .string(name),
            "protocol": "TCP",
        ]
    }
}

/// The Secrets of `tls.mode: Auto`: two authorities and three certificates.
struct CertificateChildren {
    let desired: DesiredCluster
    let owner: KubeObject
    let secrets: [KubeObject]
    let now: Instant

    private static let day = Duration.seconds(86_400)
    private static let authorityValidity = day * 3650
    private static let leafValidity = day * 90
    private static let leafRenewal = day * 30
    private static let authorityRenewal = day * 365

    /// The first certificate that is missing or due.
    func firstOrder() -> CertificateOrder? {
        guard desired.tlsMode == .auto else { return nil }
        for authority in ["\(desired.name)-ca", "\(desired.name)-peer-ca"]
        where isDue(authority, before: Self.authorityRenewal) {
            return order(
                authority, signer: nil, commonName: authority, names: [],
                validity: Self.authorityValidity)
        }
        for (name, signer, names) in leaves where isDue(name, before: Self.leafRenewal) {
            guard let authority = secret(signer) else { return nil }
            return order(
                name, signer: authority, commonName: name, names: names,
                validity: Self.leafValidity)
        }
        return nil
    }

    private var leaves: [(String, String, [String])] {
        let namespace = desired.namespace
        let members = "*.\(desired.peersName).\(namespace).svc"
        let service = "\(desired.name).\(namespace).svc"
        return [
            (
                "\(desired.name)-server-tls", "\(desired.name)-ca",
                [members, "\(members).cluster.local", service, desired.name, "localhost"]
            ),
            (
                "\(desired.name)-peer-tls", "\(desired.name)-peer-ca",
                [members, "\(members).cluster.local"]
            ),
            ("\(desired.name)-client-tls", "\(desired.name)-ca", []),
        ]
    }

    private func secret(_ name: String) -> KubeObject? { secrets.first { $0.name == name } }

    private func isDue(_ name: String, before margin: Duration) -> Bool {
        guard let secret = secret(name), secret["data", "tls.crt"] != nil else { return true }
        guard let text = secret.annotations[Names.notAfterNote], let end = KubeTime.parse(text)
        else { return false }
        return Instant(nanoseconds: end) - now < margin
    }

    private func order(
        _ name: String, signer: KubeObject?, commonName: String, names: [String],
        validity: Duration
    ) -> CertificateOrder {
        var wanted = Child.object(.secret, name, desired, owner)
        wanted["type"] = "kubernetes.io/tls"
        let old = secret(name)
        if let old {
            wanted.uid = old.uid
            wanted.resourceVersion = old.resourceVersion
        }
        let end = (now + validity).nanoseconds
        wanted.annotations[Names.notAfterNote] = KubeTime.seconds(end)
        return CertificateOrder(
            secret: wanted, signer: signer, commonName: commonName, dnsNames: names,
            ipAddresses: names.contains("localhost") ? ["127.0.0.1"] : [],
            isAuthority: signer == nil, validity: validity, keepsOldAuthority: old != nil)
    }
}
