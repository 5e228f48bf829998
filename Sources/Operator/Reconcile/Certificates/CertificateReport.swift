// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// What the status says of certificates.
struct CertificateReport {
    let pass: Pass
    private let facts: [CertificateFact]
    private let desired: DesiredCluster

    init(_ pass: Pass) {
        self.pass = pass
        desired = pass.desired
        facts = Certificates.facts(pass.desired, pass.observation.secrets)
    }

    /// `status.tls`; nil without TLS.
    func json() -> JSONValue? {
        guard desired.usesTLS else { return nil }
        var fields: [(String, JSONValue)] = []
        if desired.tlsMode != .secret {
            fields.append(("clientCertSecret", .string(desired.clientSecretName)))
        }
        if let name = desired.operatorSecretName { fields.append(("caSecret", .string(name))) }
        if let first = facts.compactMap(\.notAfter).min() {
            fields.append(("notAfter", .string(KubeTime.seconds(first.nanoseconds))))
        }
        return .object(fields)
    }

    func line() -> StatusReport.Line {
        guard desired.usesTLS else {
            return line(
                false, "Disabled", "members and clients speak in the clear, and prove nothing")
        }
        return problem() ?? warning()
            ?? line(true, "Issued", first.map { "the first to end is \($0)" } ?? "")
    }

    private func line(_ isTrue: Bool, _ reason: String, _ message: String) -> StatusReport.Line {
        StatusReport.Line(type: "TLSReady", isTrue: isTrue, reason: reason, message: message)
    }

    /// Running members go on with what they have loaded.
    private func problem() -> StatusReport.Line? {
        if let missing = certManagerProblem() { return missing }
        if let fact = facts.first(where: { $0.secret == nil }) {
            return line(false, "Missing", "there is no Secret \(fact.secretName)")
        }
        if let fact = facts.first(where: { !($0.secret.map(Certificates.isFilled) ?? false) }) {
            return line(false, "Invalid", "\(fact.secretName) lacks tls.crt or tls.key")
        }
        if let fact = facts.first(where: { $0.validity == nil }) {
            return line(false, "Invalid", "\(fact.secretName): tls.crt holds no certificate")
        }
        if let fact = facts.first(where: { $0.isExpired(pass.now) }) {
            return line(false, "Expired", describe(fact))
        }
        return nil
    }

    private func certManagerProblem() -> StatusReport.Line? {
        guard desired.tlsMode == .certManager else { return nil }
        guard let certificates = pass.observation.certificates.value else {
            return line(
                false, "CertManagerMissing",
                "certificates.cert-manager.io cannot be listed: install cert-manager, or grant "
                    + "the operator its objects")
        }
        for fact in facts where !(fact.secret.map(Certificates.isFilled) ?? false) {
            guard let asked = certificates.first(where: { $0.name == fact.secretName }) else {
                continue
            }
            let said = asked.condition("Ready")?.message ?? "cert-manager has not said anything yet"
            return line(false, "NotIssued", "\(fact.secretName): \(said)")
        }
        return nil
    }

    private func warning() -> StatusReport.Line? {
        if let fact = facts.first(where: { $0.isExpiring(pass.now) }) {
            return line(true, "Expiring", describe(fact))
        }
        let changes = pass.ownCertificates.changes
        guard !changes.isEmpty else { return nil }
        let text = changes.map { "\($0.authority): \(describe($0.change))" }
        return line(true, "Rotating", text.joined(separator: "; "))
    }

    private var first: String? {
        facts.filter { $0.notAfter != nil }
            .min { ($0.notAfter ?? pass.now) < ($1.notAfter ?? pass.now) }.map(describe)
    }

    private func describe(_ fact: CertificateFact) -> String {
        "\(fact.secretName), at " + KubeTime.seconds((fact.notAfter ?? pass.now).nanoseconds)
    }

    private func describe(_ change: OwnCertificates.Change) -> String {
        switch change {
        case .introducing(nil): "a new authority is made known"
        case .introducing(let time?):
            "the new authority is trusted, and signs from \(KubeTime.seconds(time.nanoseconds))"
        case .signing: "certificates are made anew by the new authority"
        case .dropping(let time):
            "the old authority is dropped at \(KubeTime.seconds(time.nanoseconds))"
        }
    }

    /// Wishes by annotation that every Secret has had fulfilled.
    var handled: [(annotation: String, value: String, isDone: Bool)] {
        func isDone(_ wish: String, authorities: Bool) -> Bool {
            facts.allSatisfy {
                $0.isAuthority != authorities
                    || $0.secret?.annotations[Names.rotatedForNote] == wish
            }
        }
        guard desired.tlsMode == .auto else { return [] }
        return [
            (
                "rotate-certificates", desired.rotateCertificates,
                isDone(desired.rotateCertificates, authorities: false)
            ),
            (
                "rotate-authorities", desired.rotateAuthorities,
                isDone(desired.rotateAuthorities, authorities: true)
                    && pass.ownCertificates.changes.isEmpty
            ),
        ]
    }
}
