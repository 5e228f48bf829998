// SPDX-License-Identifier: Apache-2.0
internal import Program

extension EtcdFlags {
    /// Flags of transport security; those of the file are in two sections.
    static let transportSecurity: [FlagRow] = [
        row(
            "auto-tls", .bool, "false",
            "Make a certificate for the client URLs unless one is given.", "3.0.0",
            key: "client-transport-security.auto-tls"),
        row(
            "cert-file", .text, "", "Certificate of the client URLs, with its chain, in PEM.",
            "2.3.0", key: "client-transport-security.cert-file"),
        row(
            "cipher-suites", .text, "",
            "Cipher suites of TLS 1.2, comma separated; empty means the strong ones.", "3.2.22"),
        row(
            "client-cert-allowed-hostname", .text, "",
            "Client certificates must be good for one of these hosts.", "3.4.0",
            key: "client-transport-security.allowed-hostname"),
        row(
            "client-cert-auth", .bool, "false",
            "Clients must show a certificate signed by --trusted-ca-file.", "2.3.0",
            key: "client-transport-security.client-cert-auth"),
        row(
            "client-cert-file", .text, "",
            "Checked and otherwise unused: the member never dials itself.", "3.5.0",
            key: "client-transport-security.client-cert-file"),
        row(
            "client-crl-file", .text, "", "List of client certificates that are refused.",
            "3.3.0", key: ""),
        row(
            "client-key-file", .text, "", "Key of --client-cert-file.", "3.5.0",
            key: "client-transport-security.client-key-file"),
        row(
            "key-file", .text, "", "Key of --cert-file.", "2.3.0",
            key: "client-transport-security.key-file"),
        row(
            "peer-auto-tls", .bool, "false",
            "Make a certificate for the peer URLs unless one is given; nobody is verified.",
            "3.0.0", key: "peer-transport-security.auto-tls"),
        row(
            "peer-cert-allowed-cn", .text, "",
            "Peer certificates must have one of these common names.", "3.3.0",
            key: "peer-transport-security.allowed-cn"),
        row(
            "peer-cert-allowed-hostname", .text, "",
            "Peer certificates must be good for one of these hosts.", "3.4.0",
            key: "peer-transport-security.allowed-hostname"),
        row(
            "peer-cert-file", .text, "", "Certificate of the peer URLs, with its chain, in PEM.",
            "2.3.0", key: "peer-transport-security.cert-file"),
        row(
            "peer-client-cert-auth", .bool, "false",
            "Peers must show a certificate signed by --peer-trusted-ca-file.", "2.3.0",
            key: "peer-transport-security.client-cert-auth"),
        row(
            "peer-client-cert-file", .text, "",
            "Certificate for dialling peers; empty means --peer-cert-file.", "3.5.0",
            key: "peer-transport-security.client-cert-file"),
        row(
            "peer-client-key-file", .text, "", "Key of --peer-client-cert-file.", "3.5.0",
            key: "peer-transport-security.client-key-file"),
        row(
            "peer-crl-file", .text, "", "List of peer certificates that are refused.", "3.3.0",
            key: ""),
        row(
            "peer-key-file", .text, "", "Key of --peer-cert-file.", "2.3.0",
            key: "peer-transport-security.key-file"),
        row(
            "peer-skip-client-san-verification", .bool, "false",
            "Do not compare a peer's address with the hosts of its certificate.", "3.6.0",
            key: "peer-transport-security.skip-client-san-verification"),
        row(
            "peer-trusted-ca-file", .text, "", "Authorities that sign the peers' certificates.",
            "2.3.0", key: "peer-transport-security.trusted-ca-file"),
        row(
            "self-signed-cert-validity", .uint64, "1",
            "Years that certificates made by --auto-tls and --peer-auto-tls are good for.",
            "3.5.0"),
        row("tls-max-version", .text, "", "TLS1.2, TLS1.3, or empty for the newest.", "3.4.25"),
        row("tls-min-version", .text, "TLS1.2", "TLS1.2 or TLS1.3.", "3.4.25"),
        row(
            "trusted-ca-file", .text, "", "Authorities that sign the clients' certificates.",
            "2.3.0", key: "client-transport-security.trusted-ca-file"),
    ]
}
