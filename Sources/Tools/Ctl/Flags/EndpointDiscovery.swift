// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// The endpoints of a cluster by the SRV records of a domain (`--discovery-srv`).
struct EndpointDiscovery: Equatable, Sendable {
    let domain: String
    let service: String
    /// Also members that do without TLS.
    let takesInsecure: Bool
    /// Another one than the system's, for sandboxes and tests.
    private let resolverFile: String?

    /// Nil without a domain.
    init?(domain: String, service: String, takesInsecure: Bool, _ environment: [String]) {
        if domain.isEmpty { return nil }
        self.domain = domain
        self.service = service
        self.takesInsecure = takesInsecure
        let prefix = "KEELSON_RESOLV_CONF="
        resolverFile = environment.last { $0.hasPrefix(prefix) }.map {
            String($0.dropFirst(prefix.count))
        }
    }

    /// None if all that was found does without TLS and must not.
    func endpoints() throws(EndpointDiscoveryError) -> [String] {
        let lookup = ServiceLookup(file: resolverFile)
        let word = service.isEmpty ? "" : "-\(service)"
        var found: [String] = []
        var failures: [String] = []
        for (name, scheme) in [("etcd-client-ssl", "https"), ("etcd-client", "http")] {
            do throws(NameLookupError) {
                for record in try lookup.records("_\(name)\(word)._tcp.\(domain)") {
                    if scheme == "http", !takesInsecure { continue }
                    found.append("\(scheme)://\(record.host):\(record.port)")
                }
            } catch {
                failures.append("\(error)")
            }
        }
        if failures.count == 2 {
            throw EndpointDiscoveryError(
                text: "dns lookup errors: " + failures.joined(separator: " and "))
        }
        return found
    }
}

struct EndpointDiscoveryError: Error, Equatable {
    let text: String
}
