// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// Lets a peer in only if it comes from a host that its certificate is for: from one of the
/// addresses, or from an address that belongs to one of the names. A certificate without either
/// may come from anywhere, as in etcd.
struct PeerAdmission {
    let reactor: Reactor
    let dialer: Dialer

    /// The resolver may take minutes; a peer that waits so long tries again.
    private static let patience = Duration.seconds(10)

    /// Nothing is read from the connection until it is admitted. `then` hears a reason if it is
    /// not; it runs once, within this call if no name has to be looked up.
    func check(_ connection: Connection, then: @escaping (_ refusal: String?) -> Void) {
        guard let certificate = connection.peerCertificate, !certificate.isWithoutHosts,
            let address = connection.peerAddress, !address.isUnix
        else { return then(nil) }
        if certificate.names(address) { return then(nil) }
        let names = certificate.dnsNames
        let refusal =
            "tls: \"\(address.host)\" does not match any of DNSNames [\(quoted(names))]"
        guard !names.isEmpty else {
            return then("tls: the certificate is for other addresses than \(address.host)")
        }
        connection.pauseReading()
        var isOver = false
        let finish: (Bool) -> Void = { belongs in
            if isOver { return }
            isOver = true
            then(belongs ? nil : refusal)
            if belongs { connection.resumeReading() }
        }
        reactor.after(PeerAdmission.patience) { finish(false) }
        dialer.check(address, belongsToOneOf: names, completion: finish)
    }

    private func quoted(_ names: [String]) -> String {
        names.prefix(16).map { "\"\($0)\"" }.joined(separator: " ")
    }
}
