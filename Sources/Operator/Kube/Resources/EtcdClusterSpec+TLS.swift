// SPDX-License-Identifier: Apache-2.0

/// `spec.tls`
package struct ClusterTLS: Record {
    package enum Mode: String, ChoiceValue {
        /// The operator makes two authorities per cluster and renews what they sign.
        case auto = "Auto"
        /// cert-manager makes the certificates that the operator asks for.
        case certManager = "CertManager"
        /// Secrets made by somebody else.
        case secret = "Secret"
        case disabled = "Disabled"
    }

    package enum KeyAlgorithm: String, ChoiceValue {
        case ecdsaP256 = "ECDSAP256"
        case ecdsaP384 = "ECDSAP384"
        case rsa2048 = "RSA2048"
        case rsa4096 = "RSA4096"
    }

    /// A Secret with `tls.crt`, `tls.key` and `ca.crt`.
    package struct Given: Record, OptionalContent {
        package var secretName = ""

        package init() {}

        package static let fields: [Field<Given>] = [
            Field("secretName", \.secretName, "Name of the Secret.", required: true) {
                $0.minLength = 1
                $0.maxLength = 253
            }
        ]
    }

    package var mode = Mode.auto
    package var auto: Auto?
    package var certManager: CertManager?
    package var client: Given?
    package var peer: Given?

    package init() {}

    package static let fields: [Field<ClusterTLS>] = [
        Field(
            "mode", \.mode,
            "Auto: the operator issues and renews certificates. CertManager: cert-manager does. "
                + "Secret: from the Secrets named. Disabled: no encryption. Immutable."),
        Field("auto", \.auto, "Of mode Auto: how long certificates last, and their keys."),
        Field("certManager", \.certManager, "Of mode CertManager: who signs."),
        Field(
            "client", \.client,
            "Of mode Secret: what the members show clients, and the authority of clients. A Secret "
                + "with tls.crt, tls.key and ca.crt, for *.<cluster>-peers.<namespace>.svc, "
                + "<cluster>.<namespace>.svc and localhost. The operator asks the members with it "
                + "too: it needs the usages server auth and client auth."),
        Field(
            "peer", \.peer,
            "Of mode Secret: what the members show each other. A Secret with tls.crt, tls.key and "
                + "ca.crt, for *.<cluster>-peers.<namespace>.svc."),
    ]

    package static let rules: [Rule] = [
        Rule(
            "self.mode != 'Secret' || (has(self.client) && has(self.peer))",
            "mode Secret needs client.secretName and peer.secretName"),
        Rule(
            "self.mode == 'Secret' || !(has(self.client) || has(self.peer))",
            "client and peer can only be set in mode Secret"),
        Rule(
            "self.mode != 'CertManager' || has(self.certManager)",
            "mode CertManager needs certManager"),
        Rule(
            "self.mode == 'CertManager' || !has(self.certManager)",
            "certManager can only be set in mode CertManager"),
        Rule(
            "self.mode == 'Auto' || !has(self.auto)", "auto can only be set in mode Auto"),
        Rule("self.mode == oldSelf.mode", "mode is immutable", at: ".mode"),
    ]
}

extension ClusterTLS {
    /// Of mode Auto.
    package var ownLifetimes: Auto { (auto ?? Auto()).bounded }

    /// `spec.tls.auto`
    package struct Auto: Record, OptionalContent {
        package var caValidity = longest
        package var certValidity = Duration.seconds(90 * 86_400)
        package var renewBefore = Duration.seconds(30 * 86_400)
        package var overlap: Duration?
        package var keyAlgorithm = KeyAlgorithm.ecdsaP256

        package init() {}

        /// How long each half of a change of authority lasts.
        package var pace: Duration { overlap ?? min(.seconds(86_400), renewBefore / 3) }

        /// An authority outlives everything that it signed, until it is replaced.
        package var authorityRenewal: Duration {
            min(max(caValidity / 10, certValidity + pace * 2), caValidity / 2)
        }

        /// The same, where nobody asked the rules: nothing is due at the moment it is made.
        package var bounded: Auto {
            var bounded = self
            bounded.caValidity = max(.seconds(1800), min(caValidity, Self.longest))
            bounded.certValidity = max(.seconds(600), min(certValidity, bounded.caValidity / 3))
            bounded.renewBefore = min(renewBefore, bounded.certValidity * 9 / 10)
            bounded.overlap = overlap.map { min($0, bounded.renewBefore / 2) }
            return bounded
        }

        private static let longest = Duration.seconds(3650 * 86_400)

        package static let fields: [Field<Auto>] = [
            Field("caValidity", \.caValidity, "How long the authorities last, at most ten years."),
            Field("certValidity", \.certValidity, "How long the certificates they sign last."),
            Field(
                "renewBefore", \.renewBefore,
                "A certificate that ends within this time is renewed."),
            Field(
                "overlap", \.overlap,
                "When an authority is replaced: how long all trust both before the new one signs, "
                    + "and how long after that before the old one is dropped. A day when absent, "
                    + "or a third of renewBefore if that is less. Clients that have copies of "
                    + "ca.crt must take the new one in this time, and pods get changed Secrets "
                    + "after up to two minutes."),
            Field("keyAlgorithm", \.keyAlgorithm, "Of the keys that are made from now on."),
        ]

        package static let rules: [Rule] = [
            Rule(
                "duration(self.certValidity) >= duration('10m')",
                "certValidity must be at least 10m", at: ".certValidity"),
            Rule(
                "duration(self.renewBefore) >= duration('1m') "
                    + "&& duration(self.renewBefore) < duration(self.certValidity)",
                "renewBefore must be at least 1m and shorter than certValidity",
                at: ".renewBefore"),
            Rule(
                "duration(self.caValidity) <= duration('87600h') "
                    + "&& duration(self.caValidity) >= duration(self.certValidity) "
                    + "+ duration(self.certValidity) + duration(self.certValidity)",
                "caValidity must be at least three times certValidity and at most 87600h",
                at: ".caValidity"),
            Rule(
                "!has(self.overlap) || (duration(self.overlap) >= duration('10s') "
                    + "&& duration(self.overlap) + duration(self.overlap) "
                    + "<= duration(self.renewBefore))",
                "overlap must be at least 10s and at most half of renewBefore",
                at: ".overlap"),
        ]
    }

    /// `spec.tls.certManager`
    package struct CertManager: Record, OptionalContent {
        package var clientIssuerRef = IssuerReference()
        package var peerIssuerRef = IssuerReference()
        package var certValidity = Duration.seconds(90 * 86_400)
        package var renewBefore = Duration.seconds(30 * 86_400)
        package var keyAlgorithm = KeyAlgorithm.ecdsaP256

        package init() {}

        package static let fields: [Field<CertManager>] = [
            Field(
                "clientIssuerRef", \.clientIssuerRef,
                "Signs what the members show clients, and clients. Whoever has a certificate of "
                    + "the same authority is let in.", required: true),
            Field(
                "peerIssuerRef", \.peerIssuerRef,
                "Signs what the members show each other. They let in who has their common name, "
                    + "so it should sign for nobody else who may choose one.",
                required: true),
            Field("certValidity", \.certValidity, "How long the certificates last."),
            Field(
                "renewBefore", \.renewBefore,
                "A certificate that ends within this time is renewed."),
            Field("keyAlgorithm", \.keyAlgorithm, "Of the keys."),
        ]

        package static let rules: [Rule] = [
            Rule(
                "duration(self.certValidity) >= duration('1h')",
                "certValidity must be at least 1h", at: ".certValidity"),
            Rule(
                "duration(self.renewBefore) >= duration('5m') "
                    + "&& duration(self.renewBefore) < duration(self.certValidity)",
                "renewBefore must be at least 5m and shorter than certValidity",
                at: ".renewBefore"),
        ]
    }

    /// As in a Certificate of cert-manager.
    package struct IssuerReference: Record {
        package var name = ""
        package var kind = "Issuer"
        package var group = "cert-manager.io"

        package init() {}

        package static let fields: [Field<IssuerReference>] = [
            Field("name", \.name, "Name of the issuer.", required: true) {
                $0.minLength = 1
                $0.maxLength = 253
            },
            Field("kind", \.kind, "Issuer, ClusterIssuer, or the kind of another group.") {
                $0.maxLength = 63
            },
            Field("group", \.group, "API group of the issuer.") { $0.maxLength = 253 },
        ]
    }
}
