// SPDX-License-Identifier: Apache-2.0

enum V2MemberCommands {
    static let rows = [
        V2Command(
            "member list", usage: " ", "enumerate existing cluster members",
            examples: ["member list"], run: list),
        V2Command(
            "member add", usage: "<name> <peerURL>", "add a new member to the etcd cluster",
            examples: ["member add m4 http://10.0.0.4:2380"], run: add),
        V2Command(
            "member remove", usage: "<memberID>",
            "remove an existing member from the etcd cluster",
            examples: ["member remove 8e9e05c52164694d"], run: remove),
        V2Command(
            "member update", usage: "<memberID> <peerURLs>",
            "update an existing member in the etcd cluster",
            examples: ["member update 8e9e05c52164694d http://10.0.0.4:2380"], run: update),
    ]

    private static func list(_ call: V2Call) throws(V2Failure) {
        guard call.arguments.isEmpty else { throw .plain("No arguments accepted") }
        let members = V2Members(client: try call.client())
        let deadline = members.client.deadline
        let all = try plain { () throws(V2CallError) in try members.list(deadline) }
        let leader = try plain("Failed to get leader:  ") { () throws(V2CallError) in
            try members.leader(deadline)
        }
        for member in all { call.console.write(line(member, isLeader: member.id == leader.id)) }
    }

    static func line(_ member: V2Member, isLeader: Bool) -> String {
        let peers = member.peerURLs.joined(separator: ",")
        if member.name.isEmpty { return "\(member.id)[unstarted]: peerURLs=\(peers)\n" }
        return "\(member.id): name=\(member.name) peerURLs=\(peers) "
            + "clientURLs=\(member.clientURLs.joined(separator: ",")) isLeader=\(isLeader)\n"
    }

    private static func add(_ call: V2Call) throws(V2Failure) {
        guard call.arguments.count == 2 else {
            throw .plain("Provide a name and a single member peerURL")
        }
        let members = V2Members(client: try call.client())
        let deadline = members.client.deadline
        let (name, url) = (call.arguments[0], call.arguments[1])
        if let complaint = complaint(url) { throw .plain(complaint) }
        let added = try plain { () throws(V2CallError) in try members.add(url, deadline) }
        call.console.write("Added member named \(name) with ID \(added.id) to cluster\n")
        let all = try plain { () throws(V2CallError) in try members.list(deadline) }
        let pairs = all.flatMap { member in
            member.peerURLs.map { (member.id == added.id ? name : member.name) + "=\($0)" }
        }
        call.console.write(
            """

            ETCD_NAME=\(GoQuote.text(name))
            ETCD_INITIAL_CLUSTER=\(GoQuote.text(pairs.joined(separator: ",")))
            ETCD_INITIAL_CLUSTER_STATE="existing"

            """)
    }

    /// Why this is no URL of a peer; nil if it is one.
    static func complaint(_ url: String) -> String? {
        let schemes = ["http://", "https://", "unix://", "unixs://"]
        guard let scheme = schemes.first(where: { url.hasPrefix($0) }) else {
            return "URL scheme must be http, https, unix, or unixs: \(url)"
        }
        if scheme.hasPrefix("unix") { return nil }
        let rest = url.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" }
        if !host.contains(":") || host.hasSuffix("]") {
            return "URL address does not have the form \"host:port\": \(url)"
        }
        return host.count < rest.count ? "URL must not contain a path: \(url)" : nil
    }

    private static func remove(_ call: V2Call) throws(V2Failure) {
        guard call.arguments.count == 1 else { throw .plain("Provide a single member ID") }
        let id = call.arguments[0]
        let members = V2Members(client: try call.client())
        let deadline = members.client.deadline
        let all = try plain("Error while verifying ID against known members: ") {
            () throws(V2CallError) in
            try members.list(deadline)
        }
        for member in all where member.name == id {
            call.console.writeError(
                "Found a member named \(id); if this is correct, please use its ID, eg:\n\t"
                    + "\(call.name) member remove \(member.id)\nFor more details, read the "
                    + "documentation at https://github.com/etcd-io/etcd/blob/master/"
                    + "Documentation/runtime-configuration.md#remove-a-member\n\n")
        }
        guard all.contains(where: { $0.id == id }) else {
            throw .plain("Couldn't find a member in the cluster with an ID of \(id).")
        }
        do throws(V2CallError) {
            try members.remove(id, deadline)
        } catch {
            throw V2Failure(
                code: V2Failure.badArguments,
                text: "Received an error trying to remove member \(id): \(error.text)")
        }
        call.console.write("Removed member \(id) from cluster\n")
    }

    private static func update(_ call: V2Call) throws(V2Failure) {
        guard call.arguments.count == 2 else {
            throw .plain(
                "Provide an ID and a list of comma separated peerURL "
                    + "(0xabcd http://example.com,http://example1.com)")
        }
        let members = V2Members(client: try call.client())
        let (id, urls) = (call.arguments[0], call.arguments[1].split(separator: ","))
        try plain { () throws(V2CallError) in
            try members.update(id, urls.map(String.init), members.client.deadline)
        }
        call.console.write("Updated member with ID \(id) in cluster\n")
    }

    /// Errors of these commands are their text alone.
    static func plain<Result>(
        _ prefix: String = "", _ body: () throws(V2CallError) -> Result
    ) throws(V2Failure) -> Result {
        do throws(V2CallError) {
            return try body()
        } catch {
            throw .plain(prefix + error.text)
        }
    }
}
