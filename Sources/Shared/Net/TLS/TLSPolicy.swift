// SPDX-License-Identifier: Apache-2.0

// TLS between a connection and the wire, by OpenSSL.
//
//   TLSPolicy           what is wanted, as a value: files, versions, ciphers, who is let in
//   CertificateReload   keeps a context that fits the files as they are now
//   TLSContext          a policy made ready: keys, authorities and revocations in memory
//   TLSSession          one connection: bytes in, bytes out, no socket (TransportSession)
//   TLSReception        a listener's waiting room: deadline and bound for unfinished handshakes
//   PeerCertificate     who the other side proved to be
//   SelfSignedCertificate, CipherSuites, TLSFailure
//
//        files ──► CertificateReload ──► TLSContext ──► TLSSession ◄──► Connection
//                                                          ▲
//        Listener ──► TLSReception ──── established ───────┘
//
// One policy serves every listener of its kind, so that no port forgets a check. Who is let in is
// decided while the handshake lasts: the other side learns by an alert that it was refused. No
// compression, renegotiation or resumption, and nothing older than TLS 1.2.

/// What TLS shall be like on the connections of one kind.
package struct TLSPolicy: Equatable, Sendable {
    package enum Version: Int, Comparable, Sendable {
        case tls12 = 0x0303
        case tls13 = 0x0304

        package static func < (left: Version, right: Version) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    package enum Role: Sendable {
        case client, server
    }

    /// A certificate with its chain, and its private key: files in PEM.
    package struct Credentials: Equatable, Sendable {
        package var certificateFile: String
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// Who may speak to us among those with a good certificate.
    package enum Admission: Equatable, Sendable {
        case anyone
        /// One of these common names.
        case commonNames([String])
        /// The certificate is good for one of these hosts.
        case hostNames([String])
    }

    /// A server cannot do without.
    package var credentials: Credentials?
    /// Nil: the authorities of the system.
    package var authorityFile: String?
    /// Serial numbers that are refused, whoever signed them.
    package var revocationFile: String?
    package var oldestVersion = Version.tls12
    /// Nil: the newest there is.
    package var newestVersion: Version?
    /// Names as Go has them; empty means the strong ones that both sides know.
    package var cipherSuites: [String] = []
    /// Of servers: whether clients must show a good certificate.
    package var requiresClientCertificate = false
    /// Of servers: clients may show a certificate; one that is shown must be good.
    package var asksForClientCertificate = false
    /// Of clients: whether the server's certificate is looked at. Without, anybody may listen in.
    package var verifiesServer = true
    package var admission = Admission.anyone
    /// PEM texts that stand for the files of these names, which then need not exist.
    package var texts: [String: [UInt8]] = [:]
    /// In order of preference: "h2", "http/1.1". Empty: the extension is not used.
    package var applicationProtocols: [String] = []

    package init() {}

    /// Every file that a change of is worth noticing.
    package var files: [String] {
        [credentials?.certificateFile, credentials?.keyFile, authorityFile, revocationFile]
            .compactMap { $0 }
    }
}

/// Bounds of listeners that speak TLS.
package struct HandshakeLimits: Equatable, Sendable {
    /// From the first byte of TCP to the end of the handshake.
    package var time: Duration = .seconds(10)
    /// Unfinished handshakes at a time; one more, and the oldest is dropped, for an honest client
    /// needs milliseconds.
    package var halfOpen = 512

    package init() {}
}
