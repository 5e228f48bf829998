// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

/// Mode Auto: two authorities and three certificates. What is made or changed next, one at a time.
package struct OwnCertificates {
    package enum Due: Equatable {
        case issue(CertificateOrder)
        /// This Secret's `ca.crt` shall be this base64 text.
        case trust(KubeObject, String)
    }

    /// Where the replacement of an authority stands.
    package enum Change: Equatable {
        /// Until then, at least, it signs nothing. Nil: not everybody has been told of it yet.
        case introducing(until: Instant?)
        case signing
        case dropping(at: Instant)
    }

    let desired: DesiredCluster
    let owner: KubeObject
    let secrets: [KubeObject]
    let now: Instant
    /// Every member answered in this pass, so that all live with the Secrets as they are.
    let allAnswer: Bool
    private let auto: ClusterTLS.Auto

    package init(
        desired: DesiredCluster, owner: KubeObject, secrets: [KubeObject], now: Instant,
        allAnswer: Bool
    ) {
        self.desired = desired
        self.owner = owner
        self.secrets = secrets
        self.now = now
        self.allAnswer = allAnswer
        auto = desired.tls.ownLifetimes
    }

    /// An authority, and what it signs.
    private struct Family {
        var authority: String
        var leaves: [Leaf]
    }

    private struct Leaf {
        var name: String
        var dnsNames: [String]
    }

    private var families: [Family] {
        [
            Family(
                authority: desired.authorityName,
                leaves: [
                    Leaf(name: desired.serverSecretName, dnsNames: desired.serverNames),
                    Leaf(name: desired.clientSecretName, dnsNames: []),
                ]),
            Family(
                authority: desired.peerAuthorityName,
                leaves: [Leaf(name: desired.peerSecretName, dnsNames: desired.peerNames)]),
        ]
    }

    package func firstDue() -> Due? {
        guard desired.tlsMode == .auto else { return nil }
        for family in families {
            if let due = due(in: family) { return due }
        }
        return nil
    }

    /// Authorities that are being replaced.
    package var changes: [(authority: String, change: Change)] {
        guard desired.tlsMode == .auto else { return [] }
        return families.compactMap { family in
            change(of: family).map { (family.authority, $0) }
        }
    }

    // MARK: One family

    private func due(in family: Family) -> Due? {
        guard let authority = secret(family.authority), Certificates.isFilled(authority) else {
            return .issue(newAuthority(family))
        }
        let change = change(of: family)
        // Half of the time is for waiting until a window opens.
        let margin = auto.authorityRenewal / (desired.isMaintained(now) ? 1 : 2)
        if change == nil, isDue(authority, before: margin, desired.rotateAuthorities) {
            return .issue(newAuthority(family))
        }
        let bundle = authority.string("data", "ca.crt") ?? ""
        for leaf in family.leaves.compactMap({ secret($0.name) })
        where Certificates.isFilled(leaf) && leaf.string("data", "ca.crt") != bundle {
            return .trust(leaf, bundle)
        }
        for leaf in family.leaves where isDue(leaf, authority, change) {
            return .issue(certificate(leaf, signer: authority))
        }
        if case .dropping(let time)? = change, now >= time, allAnswer {
            return .trust(authority, authority.string("data", "tls.crt") ?? "")
        }
        return nil
    }

    private func change(of family: Family) -> Change? {
        guard let authority = secret(family.authority), Certificates.isFilled(authority),
            authority.string("data", "ca.crt") != authority.string("data", "tls.crt")
        else { return nil }
        let leaves = family.leaves.compactMap { secret($0.name) }.filter(Certificates.isFilled)
        let signer = SecretNotes(authority).fingerprint
        let open = leaves.filter { $0.annotations[Names.signerNote] != signer }
        if open.isEmpty {
            return .dropping(at: latest(leaves, Names.issuedAtNote, of: authority) + auto.pace)
        }
        let bundle = authority.string("data", "ca.crt")
        guard leaves.allSatisfy({ $0.string("data", "ca.crt") == bundle }) else {
            return .introducing(until: nil)
        }
        let until = latest(leaves, Names.trustedSinceNote, of: authority) + auto.pace
        return now >= until && allAnswer ? .signing : .introducing(until: until)
    }

    /// The latest of what is noted, counted from the making of the authority.
    private func latest(
        _ leaves: [KubeObject], _ note: String, of authority: KubeObject
    ) -> Instant {
        let begin = SecretNotes(authority).time(Names.issuedAtNote) ?? Instant(nanoseconds: 0)
        return leaves.compactMap { SecretNotes($0).time(note) }.reduce(begin) { max($0, $1) }
    }

    /// While an authority is introduced its certificates wait, unless they cannot.
    private func isDue(_ leaf: Leaf, _ authority: KubeObject, _ change: Change?) -> Bool {
        guard let secret = secret(leaf.name), Certificates.isFilled(secret) else { return true }
        let margin: Duration
        switch change {
        case .introducing: margin = auto.renewBefore / 4
        case .signing:
            let signer = SecretNotes(authority).fingerprint
            if secret.annotations[Names.signerNote] != signer { return true }
            margin = auto.renewBefore
        case .dropping, nil: margin = auto.renewBefore
        }
        if case .introducing? = change { return isDue(secret, before: margin, "") }
        return isDue(secret, before: margin, desired.rotateCertificates)
    }

    private func isDue(_ secret: KubeObject, before margin: Duration, _ wish: String) -> Bool {
        if !wish.isEmpty, secret.annotations[Names.rotatedForNote] != wish { return true }
        let fact = Certificates.facts(desired, secrets).first { $0.secretName == secret.name }
        guard let end = fact?.notAfter else { return false }
        return end - now < margin
    }

    private func secret(_ name: String) -> KubeObject? {
        secrets.first { $0.name == name && !$0.isBeingDeleted }
    }

    // MARK: Orders

    /// It is trusted beside all that was trusted before, even if its own Secret is gone.
    private func newAuthority(_ family: Family) -> CertificateOrder {
        let names = [family.authority] + family.leaves.map(\.name)
        let texts = names.compactMap { secret($0)?.string("data", "ca.crt") }
        let trusted = texts.compactMap { Base64.decode($0) }.flatMap { $0 }
        return order(
            family.authority, signer: nil, names: [], validity: auto.caValidity,
            wish: desired.rotateAuthorities, trusted: trusted)
    }

    private func certificate(_ leaf: Leaf, signer: KubeObject) -> CertificateOrder {
        order(
            leaf.name, signer: signer, names: leaf.dnsNames, validity: auto.certValidity,
            wish: desired.rotateCertificates)
    }

    private func order(
        _ name: String, signer: KubeObject?, names: [String], validity: Duration, wish: String,
        trusted: [UInt8] = []
    ) -> CertificateOrder {
        var wanted = Child.object(.secret, name, desired, owner)
        wanted["type"] = "kubernetes.io/tls"
        let old = secret(name)
        if let old {
            wanted.uid = old.uid
            wanted.resourceVersion = old.resourceVersion
        }
        let time = KubeTime.seconds(now.nanoseconds)
        wanted.annotations[Names.notAfterNote] = KubeTime.seconds((now + validity).nanoseconds)
        wanted.annotations[Names.issuedAtNote] = time
        if !wish.isEmpty { wanted.annotations[Names.rotatedForNote] = wish }
        if let signer {
            wanted.annotations[Names.signerNote] = SecretNotes(signer).fingerprint
            let since = old?.annotations[Names.trustedSinceNote]
            wanted.annotations[Names.trustedSinceNote] = since ?? time
        }
        // Whoever looks for the signer of a certificate looks by name first: two authorities of one
        // cluster must not share theirs.
        let commonName = signer == nil ? "\(name)-\(now.nanoseconds / 1_000_000_000)" : name
        return CertificateOrder(
            secret: wanted, signer: signer, commonName: commonName, dnsNames: names,
            ipAddresses: names.contains("localhost") ? ["127.0.0.1"] : [],
            isAuthority: signer == nil, validity: validity, keyAlgorithm: auto.keyAlgorithm,
            trusted: trusted)
    }
}
