// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Posix
internal import Program

/// The members of a new cluster by the SRV records of a domain (`--discovery-srv`).
///
/// Whoever is where this member advertises its peers is this member and has its name; the others
/// are numbered, until they tell their names themselves.
struct ServiceDiscovery {
    var services = ServiceLookup(file: NodeEnvironment.value("KEELSON_RESOLV_CONF"))
    var names = HostsFile.lookup()
    let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// The configuration with the cluster in it. A member that has lived knows its cluster, so it
    /// also starts when nobody answers.
    func resolved(_ config: NodeConfig) throws(StartFailure) -> NodeConfig {
        guard !config.discoveryDomain.isEmpty else { return config }
        var config = config
        do throws(ConfigError) {
            config.initialCluster = try cluster(config)
        } catch {
            let log = config.logDirectory ?? "\(config.dataDirectory)/member/wal"
            guard Directory.exists(log) else { throw .refused(error.text) }
            logger.warn("the cluster is not in DNS", ["error": .string(error.text)])
            config.initialCluster = ""
        }
        return config
    }

    private func cluster(_ config: NodeConfig) throws(ConfigError) -> String {
        let word = config.discoveryServiceName.isEmpty ? "" : "-\(config.discoveryServiceName)"
        var found: [(name: String, url: String)] = []
        var failures: [String] = []
        var count = 0
        for (service, scheme) in [("etcd-server-ssl", "https"), ("etcd-server", "http")] {
            let name = "_\(service)\(word)"
            do throws(NameLookupError) {
                for record in try services.records("\(name)._tcp.\(config.discoveryDomain)") {
                    let isOwn = isOwn(record, scheme, config.advertisePeerURLs)
                    let member = isOwn ? config.name : "\(count)"
                    if !isOwn { count += 1 }
                    found.append((member, "\(scheme)://\(record.host):\(record.port)"))
                }
            } catch {
                failures.append("error querying DNS SRV records for \(name) \(error)")
            }
        }
        guard !found.isEmpty else {
            throw .invalid(
                "error setting up initial cluster: " + failures.joined(separator: "; "))
        }
        guard found.contains(where: { $0.name == config.name }) else {
            throw .invalid(
                "error setting up initial cluster: cannot find local etcd member "
                    + "\"\(config.name)\" in SRV records")
        }
        let cluster = found.map { "\($0.name)=\($0.url)" }.joined(separator: ",")
        logger.info("found the cluster in DNS", ["initial-cluster": .string(cluster)])
        return cluster
    }

    /// The same name, or a name of the same address.
    private func isOwn(_ record: ServiceRecord, _ scheme: String, _ own: [ServiceURL]) -> Bool {
        let alike = own.filter { "\($0.scheme)" == scheme && $0.port == Int(record.port) }
        if alike.contains(where: { $0.host == record.host }) { return true }
        guard !alike.isEmpty,
            let places = try? names.addresses(of: record.host, port: record.port)
        else { return false }
        return alike.contains { url in
            let mine = (try? names.addresses(of: url.host, port: record.port)) ?? []
            return mine.contains { places.contains($0) }
        }
    }
}
