// SPDX-License-Identifier: Apache-2.0

/// A member as the configuration names it before there is a cluster.
package struct InitialMember: Equatable, Sendable {
    package var name: String
    package var peerURLs: [ServiceURL]
}

extension NodeConfig {
    /// The members of `initialCluster`, by name. Asked only when a cluster is made or joined: a
    /// member that has data knows better. Errors are etcd's texts.
    package func initialMembers() throws(ConfigError) -> [InitialMember] {
        var texts: [String: [String]] = [:]
        for pair in initialCluster.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            texts[String(parts[0]), default: []].append(parts.count > 1 ? String(parts[1]) : "")
        }
        var members: [InitialMember] = []
        for name in texts.keys.sorted() {
            var urls: [ServiceURL] = []
            do throws(ConfigError) {
                for text in texts[name] ?? [] { urls.append(try ServiceURL(text)) }
            } catch {
                throw .invalid("error setting up initial cluster: \(error.text)")
            }
            members.append(
                InitialMember(
                    name: name, peerURLs: urls.sorted { $0.description < $1.description }))
        }
        try checkMembers(members)
        return members
    }

    private func checkMembers(_ members: [InitialMember]) throws(ConfigError) {
        guard let own = members.first(where: { $0.name == name }) else {
            throw .invalid(
                "couldn't find local name \"\(name)\" in the initial cluster configuration")
        }
        var seen: Set<String> = []
        for url in members.flatMap(\.peerURLs) where !seen.insert(url.description).inserted {
            let list = members.flatMap { member in
                member.peerURLs.map { "\(member.name)=\($0)" }
            }
            throw .invalid("initial cluster \(list.joined(separator: ",")) has duplicate url")
        }
        try checkOwn(own.peerURLs)
    }

    /// The cluster must know this member by the URLs it advertises. A name on one side and an
    /// address on the other may be the same place: that is left to the network.
    private func checkOwn(_ inCluster: [ServiceURL]) throws(ConfigError) {
        let advertised = advertisePeerURLs
        let extra = inCluster.filter { !advertised.contains($0) }
        let missing = advertised.filter { !inCluster.contains($0) }
        let differ =
            inCluster.count != advertised.count
            || zip(extra, missing).contains { pair in
                pair.0.port != pair.1.port || pair.0.scheme != pair.1.scheme
                    || pair.0.isAddress == pair.1.isAddress
            }
        guard differ else { return }
        let list = advertised.map(\.description).joined(separator: ",")
        if !extra.isEmpty {
            let pairs = extra.map { "\(name)=\($0)" }.joined(separator: ",")
            throw .invalid(
                "--initial-cluster has \(pairs) but missing from "
                    + "--initial-advertise-peer-urls=\(list)")
        }
        let pairs = missing.map { "\(name)=\($0)" }.joined(separator: ",")
        throw .invalid(
            "--initial-cluster must include \(pairs) given --initial-advertise-peer-urls=\(list)")
    }
}
