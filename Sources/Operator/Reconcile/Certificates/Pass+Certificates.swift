// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

extension Pass {
    /// The next certificate that is to be made, asked for or handed on. True if this pass has its
    /// step.
    mutating func takeCertificates() -> Bool {
        switch desired.tlsMode {
        case .disabled: false
        case .auto: takeOwnCertificate()
        case .certManager: takeCertManager()
        case .secret: takeMarkOfGiven()
        }
    }

    /// No pod is made before it could start.
    var hasCertificates: Bool {
        Certificates.facts(desired, observation.secrets).allSatisfy { fact in
            fact.secret.map(Certificates.isFilled) ?? (desired.tlsMode == .secret)
        }
    }

    /// Until the next step of an authority that is being replaced, at least a second.
    var certificatePause: Duration {
        let times = ownCertificates.changes.compactMap { change -> Instant? in
            switch change.change {
            case .introducing(let time): time
            case .signing: now
            case .dropping(let time): time
            }
        }
        return times.map { max($0 - now, .seconds(1)) }.min() ?? .seconds(3600)
    }

    var ownCertificates: OwnCertificates {
        let listed = survey.members.filter { $0.listed != nil }
        return OwnCertificates(
            desired: desired, owner: observation.cluster, secrets: observation.secrets, now: now,
            allAnswer: desired.isHibernating
                || (survey.isQuorate && listed.allSatisfy(\.isHealthy)))
    }

    private mutating func takeOwnCertificate() -> Bool {
        switch ownCertificates.firstDue() {
        case nil: return false
        case .issue(let order)?:
            guard setStep(.issueCertificates(order), "child/Secret/\(order.secret.name)") else {
                return false
            }
            events.append(Self.news(of: order))
            return true
        case .trust(let secret, let bundle)?:
            let time = KubeTime.seconds(now.nanoseconds)
            let metadata =
                Patches.identity(secret)
                + [("annotations", .object([(Names.trustedSinceNote, .string(time))]))]
            let step = Step.patch(
                secret.key(as: .secret),
                ["metadata": .object(metadata), "data": ["ca.crt": .string(bundle)]])
            guard setStep(step, "child/Secret/\(secret.name)/ca") else { return false }
            if secret.string("data", "tls.crt") == bundle {
                events.append(
                    .normal(
                        "CertificateRotated",
                        "\(secret.name): the authority before is trusted no more"))
            }
            return true
        }
    }

    private static func news(of order: CertificateOrder) -> ClusterEvent {
        let name = order.secret.name
        guard !order.secret.resourceVersion.isEmpty || !order.trusted.isEmpty else {
            return .normal("CertificateIssued", name)
        }
        return .normal(
            "CertificateRotated",
            order.isAuthority
                ? "\(name): a new authority is trusted beside the old one" : name)
    }

    private mutating func takeCertManager() -> Bool {
        // Unknown: cert-manager is not there, or not for us. The condition TLSReady says it.
        guard let there = observation.certificates.value else { return false }
        let wanted = IssuerCertificates(desired: desired, owner: observation.cluster)
        for certificate in wanted.certificates() {
            if takeChild(certificate, there.first { $0.name == certificate.name }) { return true }
        }
        return false
    }

    /// Secrets of somebody else are seen once they carry the label.
    private mutating func takeMarkOfGiven() -> Bool {
        for name in desired.givenNames
        where !observation.secrets.contains(where: { $0.name == name }) {
            let key = ObjectKey(.secret, namespace: desired.namespace, name: name)
            let step = Step.patch(
                key, ["metadata": ["labels": [Names.clusterLabel: .string(desired.name)]]])
            if setStep(step, "mark/Secret/\(name)") { return true }
        }
        return false
    }
}
