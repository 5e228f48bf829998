// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

enum WatchCommand {
    static let flags = [
        CtlFlag("interactive", short: "i", .bool, "false", "Interactive mode"),
        CtlFlag("prefix", .bool, "false", "Watch on a prefix if prefix is set"),
        CtlFlag(
            "prev-kv", .bool, "false", "get the previous key-value pair before the event happens"),
        CtlFlag(
            "progress-notify", .bool, "false",
            "get periodic watch progress notification from server"),
        CtlFlag("rev", .int64, "0", "Revision to start watching"),
    ]

    static let row = Command(
        "watch",
        usage: "watch [options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
        "Watches events stream on keys or prefixes",
        examples: [
            "watch foo", "watch --prefix /jobs/ --rev 1200",
            "watch foo -- sh -c \"echo $ETCD_WATCH_VALUE\"", "watch --interactive",
        ],
        flags: flags, run: run)

    private static let badCount = "bad number of arguments"

    private static func run(_ call: Invocation) throws(CtlError) {
        let key = call.variable("ETCDCTL_WATCH_KEY")
        let end = call.variable("ETCDCTL_WATCH_RANGE_END")
        if key.isEmpty, !end.isEmpty {
            throw .badArguments(
                "ETCDCTL_WATCH_KEY is empty but got ETCDCTL_WATCH_RANGE_END=\(GoQuote.text(end))")
        }
        let preset = key.isEmpty ? [] : end.isEmpty ? [key] : [key, end]
        if call.flags.bool("interactive") {
            var interactive = InteractiveWatch(call, preset)
            return try interactive.run()
        }
        let plan = try WatchPlan(call.flags, preset)
        let request = try plan.request()
        let client = try call.client()
        let stream = WatchStream(client, requiresLeader: true)
        stream.add(request)
        while let item = try WatchPrinter.next(of: stream, call) {
            try WatchPrinter.show(item.response, plan.command, call)
        }
        throw .failed(.interrupted, "watch is canceled by the server")
    }

    /// One watch: what it is on, and what is run for each event.
    struct WatchPlan {
        let flags: FlagSet
        let range: [String]
        let command: [String]

        init(_ flags: FlagSet, _ preset: [String]) throws(CtlError) {
            self.flags = flags
            let separator = flags.separator ?? flags.arguments.count
            let words = Array(flags.arguments[..<separator])
            command = Array(flags.arguments[separator...])
            if flags.separator != nil, command.isEmpty {
                throw .badArguments("\(badCount) (found separator --, but no commands)")
            }
            if !words.isEmpty, !preset.isEmpty {
                throw .badArguments("\(badCount) (found conflicting environment key)")
            }
            range = preset + words
            if range.isEmpty { throw .badArguments(badCount) }
        }

        func request() throws(CtlError) -> WatchCreateRequest {
            var request = WatchCreateRequest()
            request.key = Array(range[0].utf8)
            if range.count == 2 {
                if flags.bool("prefix") {
                    throw .badArguments("`range_end` and `--prefix` are mutually exclusive")
                }
                request.rangeEnd = Array(range[1].utf8)
            } else if flags.bool("prefix") {
                request.rangeEnd =
                    request.key.isEmpty ? RangeEnd.fromKey : RangeEnd.prefix(request.key)
            }
            if request.key.isEmpty { request.key = [0] }
            request.startRevision = flags.int64("rev")
            request.prevKV = flags.bool("prev-kv")
            request.progressNotify = flags.bool("progress-notify")
            return request
        }
    }
}
