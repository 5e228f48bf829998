// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum DelCommand {
    static let flags = [
        CtlFlag(
            "from-key", .bool, "false",
            "delete keys that are greater than or equal to the given key using byte compare"),
        CtlFlag("prefix", .bool, "false", "delete keys with matching prefix"),
        CtlFlag("prev-kv", .bool, "false", "return deleted key-value pairs"),
        CtlFlag("range", .bool, "false", "delete range of keys", isNewer: true),
    ]

    static let row = Command(
        "del", usage: "del [options] <key> [range_end]",
        "Removes the specified key or range of keys [key, range_end)",
        examples: ["del foo", "del --prefix /jobs/", "del a m --prev-kv"],
        flags: flags, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let request = try request(call.flags)
        let client = try call.client()
        try call.show(
            .delete(try calling { () throws(ClientError) in try client.deleteRange(request) }))
    }

    /// Also a line of a transaction.
    static func request(_ flags: FlagSet) throws(CtlError) -> DeleteRangeRequest {
        guard (1...2).contains(flags.arguments.count) else {
            throw .badArguments(
                "del command needs one argument as key and an optional argument as range_end")
        }
        let range = try KeyArguments(flags)
        return DeleteRangeRequest(
            key: range.key, rangeEnd: range.end, prevKV: flags.bool("prev-kv"))
    }
}
