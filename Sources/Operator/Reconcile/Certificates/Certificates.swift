// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

// The certificates of a cluster, in each mode of `spec.tls`.
//
//   Certificates           which Secrets there are, and when what they hold ends
//   CertificateValidity    the times in a certificate, read from its PEM text
//   OwnCertificates        mode Auto: what to make next; how an authority is replaced
//   IssuerCertificates    mode CertManager: the Certificates that cert-manager is asked for
//   Pass+Certificates      the one step of a pass
//   CertificateReport      status.tls, the condition TLSReady, news
//
// An authority is never replaced in one go, for no moment is the same for all who trust it:
//
//   introduce   the new one is in every ca.crt beside the old one, and signs nothing yet
//   sign        after `overlap` every certificate is made anew by the new one
//   drop        after another `overlap` the old one is taken out of every ca.crt
//
// Where a cluster stands in this can be seen in its Secrets alone: whether an authority's `ca.crt`
// holds more than its `tls.crt`, what the others have as `ca.crt`, and by whom they were signed.
// So nothing is remembered elsewhere, and a Secret that somebody deleted is made again in the same
// three steps.

/// One Secret with a certificate.
package struct CertificateFact: Equatable, Sendable {
    package var secretName: String
    package var isAuthority: Bool
    /// Nil while the Secret is not there.
    package var secret: KubeObject?
    package var validity: CertificateValidity?
    /// It is renewed this long before its end, by whoever renews it.
    package var renewBefore: Duration

    package var notAfter: Instant? { validity?.notAfter }
    package var renewal: Instant? { validity.map { $0.notAfter + (.zero - renewBefore) } }

    /// Half of the time for renewing it has passed, or it cannot be used any more.
    package func isExpiring(_ now: Instant) -> Bool {
        validity.map { $0.notAfter - now < renewBefore / 2 } ?? false
    }

    package func isExpired(_ now: Instant) -> Bool {
        validity.map { $0.notAfter <= now } ?? false
    }
}

package enum Certificates {
    /// Of certificates that somebody else renews, at a time of their own choosing.
    static let foreignRenewal = Duration.seconds(28 * 86_400)

    /// In the order in which they are made: authorities first.
    package static func facts(
        _ desired: DesiredCluster, _ secrets: [KubeObject]
    ) -> [CertificateFact] {
        let tls = desired.tls
        func fact(_ name: String, _ renewBefore: Duration?, isAuthority: Bool = false)
            -> CertificateFact
        {
            let secret = secrets.first { $0.name == name }
            let validity = secret.flatMap(validity)
            let foreign = validity.map { min(foreignRenewal, ($0.notAfter - $0.notBefore) / 3) }
            return CertificateFact(
                secretName: name, isAuthority: isAuthority, secret: secret, validity: validity,
                renewBefore: renewBefore ?? foreign ?? foreignRenewal)
        }
        switch desired.tlsMode {
        case .disabled: return []
        case .auto:
            let auto = tls.ownLifetimes
            return [desired.authorityName, desired.peerAuthorityName].map {
                fact($0, auto.authorityRenewal, isAuthority: true)
            } + desired.issuedNames.map { fact($0, auto.renewBefore) }
        case .certManager:
            return desired.issuedNames.map { fact($0, tls.certManager?.renewBefore) }
        case .secret: return desired.givenNames.map { fact($0, nil) }
        }
    }

    /// By its text, or by what was noted when it was made.
    private static func validity(_ secret: KubeObject) -> CertificateValidity? {
        if let text = secret.string("data", "tls.crt"), let pem = Base64.decode(text),
            let read = CertificateValidity(pem: pem)
        {
            return read
        }
        guard let end = SecretNotes(secret).time(Names.notAfterNote) else { return nil }
        let start = SecretNotes(secret).time(Names.issuedAtNote)
        return CertificateValidity(notBefore: start ?? end, notAfter: end)
    }

    static func isFilled(_ secret: KubeObject) -> Bool {
        ["tls.crt", "tls.key"].allSatisfy { secret.string("data", $0)?.isEmpty == false }
    }
}

/// What is noted on a Secret when it is written.
struct SecretNotes {
    let secret: KubeObject

    init(_ secret: KubeObject) {
        self.secret = secret
    }

    /// Between 1970 and 2200, so that no difference overflows.
    func time(_ note: String) -> Instant? {
        secret.annotations[note].flatMap { KubeTime.parse($0) }.map {
            Instant(nanoseconds: min(max($0, 0), 7_258_118_400_000_000_000))
        }
    }

    /// A word for the certificate in it, to note on what it signs.
    var fingerprint: String {
        String(CRC32C.of(Array((secret.string("data", "tls.crt") ?? "").utf8)), radix: 16)
    }
}

/// Names of Secrets.
extension DesiredCluster {
    package var authorityName: String { "\(name)-ca" }
    package var peerAuthorityName: String { "\(name)-peer-ca" }
    package var serverSecretName: String { "\(name)-server-tls" }
    package var peerSecretName: String { "\(name)-peer-tls" }
    package var clientSecretName: String { "\(name)-client-tls" }

    /// Of what cert-manager makes for peers; a common name has 64 characters at most.
    var peerCommonName: String { String("\(peerSecretName).\(namespace)".prefix(64)) }

    /// What the operator issues, or has issued.
    var issuedNames: [String] { [serverSecretName, peerSecretName, clientSecretName] }

    /// Of mode Secret, without repetition.
    package var givenNames: [String] {
        let names = [tls.client?.secretName ?? "", tls.peer?.secretName ?? ""]
            .filter { !$0.isEmpty }
        return names.count == 2 && names[0] == names[1] ? [names[0]] : names
    }

    /// What the operator and its Jobs show the members; nil without TLS.
    package var operatorSecretName: String? {
        switch tlsMode {
        case .disabled: nil
        case .auto, .certManager: clientSecretName
        case .secret: tls.client?.secretName
        }
    }

    /// What members show as servers may be asked for by these names.
    var serverNames: [String] {
        peerNames + ["\(name).\(namespace).svc", name, "localhost"]
    }

    var peerNames: [String] {
        let members = "*.\(peersName).\(namespace).svc"
        return [members, "\(members).cluster.local"]
    }
}
