// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// What a command runs with.
struct Invocation {
    let flags: FlagSet
    let globals: GlobalFlags
    /// NAME=value lines.
    let environment: [String]
    let console: Console

    var arguments: [String] { flags.arguments }

    /// `timeout` false leaves calls without a deadline.
    func client(
        endpoints: [String]? = nil, timeout: Bool = true
    ) throws(CtlError) -> Client {
        var settings = ClientSettings(endpoints: endpoints ?? globals.endpoints)
        settings.dialTimeout = globals.dialTimeout
        settings.callTimeout = timeout ? globals.commandTimeout : nil
        settings.keepAliveTime = globals.keepAliveTime
        settings.keepAliveTimeout = globals.keepAliveTimeout
        return try calling(.badConnection) { () throws(ClientError) in try Client(settings) }
    }

    func show(_ answer: Answer) throws(CtlError) {
        console.write(try Printer.bytes(answer, globals.format, hex: globals.hex))
    }

    /// The value of NAME in the environment; empty if it is not there.
    func variable(_ name: String) -> String {
        let line = environment.last { $0.hasPrefix(name + "=") }
        return line.map { String($0.dropFirst(name.utf8.count + 1)) } ?? ""
    }

    /// Those given, or with --cluster those that the members tell their clients.
    func chosenEndpoints() throws(CtlError) -> [String] {
        guard flags.bool("cluster") else { return globals.endpoints }
        let client = try client()
        let list: MemberListResponse = try calling(
            .error, { "failed to fetch endpoints from etcd cluster member list: \($0)" }
        ) { () throws(ClientError) in
            try client.memberList(.with { $0.linearizable = true })
        }
        return list.members.flatMap(\.clientURLs)
    }

    /// The single argument as a number in hexadecimal.
    func memberID() throws(CtlError) -> UInt64 {
        guard arguments.count == 1 else { throw .badArguments("member ID is not provided") }
        return try GoParse.uint64(arguments[0], radix: 16) {
            .badArguments("bad member ID arg (\($0)), expecting ID in Hex")
        }
    }

    func leaseID(_ text: String) throws(CtlError) -> Int64 {
        try GoParse.int64(text, radix: 16) {
            .badArguments("bad lease ID arg (\($0)), expecting ID in Hex")
        }
    }
}
