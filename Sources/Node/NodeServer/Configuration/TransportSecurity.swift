// SPDX-License-Identifier: Apache-2.0
package import Net

/// What the flags say about TLS, for clients or for peers. Empty texts are flags not given.
package struct TransportSecurity: Equatable, Sendable {
    package var certificateFile = ""
    package var keyFile = ""
    /// For dialling; empty means the above.
    package var dialCertificateFile = ""
    package var dialKeyFile = ""
    package var authorityFile = ""
    package var revocationFile = ""
    package var wantsClientCertificate = false
    package var makesCertificate = false
    package var certificateYears = 1
    package var allowedCommonNames: [String] = []
    package var allowedHostNames: [String] = []
    package var skipsAddressCheck = false
    package var cipherSuites: [String] = []
    package var oldestVersion = TLSPolicy.Version.tls12
    package var newestVersion: TLSPolicy.Version?

    package init() {}

    package var hasFiles: Bool { !certificateFile.isEmpty || !keyFile.isEmpty }
    /// A certificate of its own is in force: as in etcd nobody is then asked for one.
    package var isSelfMade: Bool { makesCertificate && !hasFiles }
    package var isUsable: Bool { hasFiles || makesCertificate }

    private var admission: TLSPolicy.Admission {
        if !allowedCommonNames.isEmpty { return .commonNames(allowedCommonNames) }
        return allowedHostNames.isEmpty ? .anyone : .hostNames(allowedHostNames)
    }

    /// What both roles have in common.
    private var basis: TLSPolicy {
        var policy = TLSPolicy()
        policy.cipherSuites = cipherSuites
        policy.oldestVersion = oldestVersion
        policy.newestVersion = newestVersion
        if isSelfMade { return policy }
        policy.authorityFile = authorityFile.isEmpty ? nil : authorityFile
        policy.revocationFile = revocationFile.isEmpty ? nil : revocationFile
        policy.admission = admission
        return policy
    }

    /// For listeners. `own` is the certificate made here, if one was.
    package func serverPolicy(own: TLSPolicy.Credentials?) -> TLSPolicy {
        var policy = basis
        policy.credentials =
            own ?? .init(certificateFile: certificateFile, keyFile: keyFile)
        policy.requiresClientCertificate =
            !isSelfMade && (wantsClientCertificate || !authorityFile.isEmpty)
        return policy
    }

    /// For dialling.
    package func clientPolicy(own: TLSPolicy.Credentials?) -> TLSPolicy {
        var policy = basis
        if let own {
            policy.credentials = own
            policy.verifiesServer = false
        } else if !dialCertificateFile.isEmpty {
            policy.credentials = .init(certificateFile: dialCertificateFile, keyFile: dialKeyFile)
        } else if hasFiles {
            policy.credentials = .init(certificateFile: certificateFile, keyFile: keyFile)
        }
        return policy
    }
}
