// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

enum MemberAddCommand {
    static let row = Command(
        "member add", usage: "member add <memberName> [options]",
        "Adds a member into the cluster",
        examples: [
            "member add m4 --peer-urls=http://10.0.0.4:2380",
            "member add m4 --learner --peer-urls=http://10.0.0.4:2380",
        ],
        flags: [
            CtlFlag("learner", .bool, "false", "indicates if the new member is raft learner"),
            CtlFlag("peer-urls", .text, "", "comma separated peer URLs for the new member."),
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard let name = call.arguments.first else {
            throw .badArguments("member name not provided")
        }
        if call.arguments.count > 1 {
            let hints = call.arguments.filter { $0.hasPrefix("http") }
                .map { ", did you mean --peer-urls=\($0)" }
            throw .badArguments("too many arguments" + hints.joined())
        }
        let urls = call.flags.text("peer-urls")
        if urls.isEmpty { throw .badArguments("member peer urls not provided") }
        let request = MemberAddRequest(
            peerURLs: try PeerURLs.checked(urls), isLearner: call.flags.bool("learner"))
        let client = try call.client()
        let response = try calling { () throws(ClientError) in try client.memberAdd(request) }
        try call.show(.memberAdded(response, name: name, peerURLs: urls))
    }
}

/// URLs that members are to reach each other by.
enum PeerURLs {
    /// In byte order, as etcd's client sends them.
    static func checked(_ text: String) throws(CtlError) -> [String] {
        var urls: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            urls.append(try checked(url: Words.trimmed(String(part))))
        }
        return urls.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func checked(url: String) throws(CtlError) -> String {
        let schemes = ["http://", "https://", "unix://", "unixs://"]
        guard let scheme = schemes.first(where: { url.hasPrefix($0) }) else {
            throw .failed(.error, "URL scheme must be http, https, unix, or unixs: \(url)")
        }
        let rest = url.dropFirst(scheme.count)
        if scheme.hasPrefix("unix") { return url }
        if rest.contains("/") { throw .failed(.error, "URL must not contain a path: \(url)") }
        guard HostPort(String(rest)) != nil else {
            throw .failed(
                .error, "URL address does not have the form \"host:port\": \(url)")
        }
        return url
    }
}
