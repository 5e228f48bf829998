// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import EtcdAPI

/// The new cluster that a snapshot is restored for, by etcd's rules and in its words. Every member
/// is restored by itself; equal plans give equal ids, so all of them make one cluster.
package struct BootstrapPlan: Equatable, Sendable {
    package let name: String
    package let memberID: MemberID
    package let clusterID: ClusterID
    /// Ids ascending.
    let members: [EtcdAPI.Member]

    package var memberIDs: [MemberID] { members.map { MemberID($0.id) } }
    package func peerURLs(of id: MemberID) -> [String] {
        members.first { $0.id == id.number }?.peerURLs ?? []
    }

    /// `peerURLs` and `initialCluster` as the flags have them.
    package init(
        name: String, initialCluster: String, token: String, peerURLs: String, digests: Digests
    ) throws(InterchangeError) {
        let advertised = try PeerURL.list(BootstrapPlan.split(peerURLs))
        let cluster = try BootstrapPlan.cluster(initialCluster)
        guard let own = cluster.first(where: { $0.name == name }) else {
            throw .refused(
                "couldn't find local name \"\(name)\" in the initial cluster configuration")
        }
        try BootstrapPlan.compare(own: own.urls, advertised: advertised, name)
        let all = cluster.flatMap(\.urls)
        for (index, url) in all.enumerated() where all[..<index].contains(url) {
            let list = cluster.flatMap { member in member.urls.map { "\(member.name)=\($0)" } }
            throw .refused(
                "initial cluster \(list.joined(separator: ",")) has duplicate url")
        }
        var members: [EtcdAPI.Member] = []
        for member in cluster {
            let id = BootstrapPlan.number(
                digests.sha1(Array((member.urls.joined() + token).utf8)))
            members.append(EtcdAPI.Member(id: id, name: member.name, peerURLs: member.urls))
        }
        members.sort { $0.id < $1.id }
        var ids = ByteWriter(capacity: members.count * 8)
        for member in members { ids.appendBigEndian(member.id) }
        self.name = name
        self.members = members
        clusterID = ClusterID(BootstrapPlan.number(digests.sha1(ids.bytes)))
        memberID = MemberID(members.first { $0.name == name }?.id ?? 0)
    }

    private static func number(_ digest: [UInt8]) -> UInt64 {
        digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func split(_ list: String) -> [String] {
        list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// `name=url,name=url`; a name may come again with another URL. Names and URLs ascending.
    private static func cluster(
        _ text: String
    ) throws(InterchangeError) -> [(name: String, urls: [String])] {
        var pairs: [(name: String, url: String)] = []
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            pairs.append((String(parts[0]), parts.count > 1 ? String(parts[1]) : ""))
        }
        var names: [String] = []
        for pair in pairs where !names.contains(pair.name) { names.append(pair.name) }
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var cluster: [(name: String, urls: [String])] = []
        for name in names {
            let urls = pairs.filter { $0.name == name }.map(\.url)
            cluster.append((name, try PeerURL.list(urls)))
        }
        return cluster
    }

    private static func compare(
        own: [String], advertised: [String], _ name: String
    ) throws(InterchangeError) {
        let extra = own.filter { !advertised.contains($0) }
        // A name on one side and an address on the other may be the same place: that is left to
        // the network.
        let others = advertised.filter { !own.contains($0) }
        let mayMeet = zip(extra, others).allSatisfy { PeerURL.mayMeet($0, $1) }
        if extra.count == others.count, mayMeet { return }
        if !extra.isEmpty {
            let list = extra.map { "\(name)=\($0)" }.joined(separator: ",")
            throw .refused(
                "--initial-cluster has \(list) but missing from "
                    + "--initial-advertise-peer-urls=\(advertised.joined(separator: ","))")
        }
        if !others.isEmpty {
            let list = advertised.map { "\(name)=\($0)" }.joined(separator: ",")
            throw .refused(
                "--initial-advertise-peer-urls has \(others.joined(separator: ",")) "
                    + "but missing from --initial-cluster=\(list)")
        }
    }
}

/// Peer URLs as etcd takes them; its texts for those it refuses.
enum PeerURL {
    /// Sorted.
    static func list(_ texts: [String]) throws(InterchangeError) -> [String] {
        var urls: [String] = []
        for text in texts { urls.append(try check(trimmed(text))) }
        return urls.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func check(_ text: String) throws(InterchangeError) -> String {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts.count > 1 ? parts[0].lowercased() : ""
        switch scheme {
        case "unix", "unixs": return text
        case "http", "https": break
        default:
            throw .refused("URL scheme must be http, https, unix, or unixs: \(text)")
        }
        let noAddress = InterchangeError.refused(
            "URL address does not have the form \"host:port\": \(text)")
        guard parts[1].hasPrefix("//") else { throw noAddress }
        let rest = parts[1].dropFirst(2)
        let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let colon = host.lastIndex(of: ":"), isHost(host[..<colon]) else { throw noAddress }
        let port = host[host.index(after: colon)...]
        guard port.allSatisfy({ $0.isASCII && $0.isNumber }) else {
            throw .refused("parse \"\(text)\": invalid port \":\(port)\" after host")
        }
        guard host.endIndex == rest.endIndex else {
            throw .refused("URL must not contain a path: \(text)")
        }
        return "\(scheme)://\(host)"
    }

    /// Same scheme and port, and one of them is a name and the other an address.
    static func mayMeet(_ one: String, _ other: String) -> Bool {
        guard let left = parts(one), let right = parts(other) else { return false }
        return left.scheme == right.scheme && left.port == right.port
            && isAddress(left.host) != isAddress(right.host)
    }

    private static func parts(_ url: String) -> (
        scheme: Substring, host: Substring, port: Substring
    )? {
        guard let colon = url.lastIndex(of: ":"), let first = url.firstIndex(of: ":"), first < colon
        else { return nil }
        return (url[..<first], url[first..<colon].dropFirst(3), url[colon...])
    }

    private static func isAddress(_ host: Substring) -> Bool {
        if host.hasPrefix("[") { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
    }

    /// An address of IPv6 stands in brackets, for the colon in front of the port to be the last.
    private static func isHost(_ host: Substring) -> Bool {
        if host.hasPrefix("[") { return host.hasSuffix("]") }
        return !host.contains(":")
    }

    private static func trimmed(_ text: String) -> String {
        let blanks = Set<Character>([" ", "\t", "\n", "\r"])
        let start = text.drop { blanks.contains($0) }
        return String(start.reversed().drop { blanks.contains($0) }.reversed())
    }
}
