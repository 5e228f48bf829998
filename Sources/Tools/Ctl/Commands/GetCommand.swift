// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum GetCommand {
    static let flags = [
        CtlFlag("consistency", .text, "l", "Linearizable(l) or Serializable(s)"),
        CtlFlag("count-only", .bool, "false", "Get only the count"),
        CtlFlag(
            "from-key", .bool, "false",
            "Get keys that are greater than or equal to the given key using byte compare"),
        CtlFlag("keys-only", .bool, "false", "Get only the keys"),
        CtlFlag("limit", .int64, "0", "Maximum number of results"),
        CtlFlag("max-create-rev", .int64, "0", "Maximum create revision", isNewer: true),
        CtlFlag("max-mod-rev", .int64, "0", "Maximum modification revision", isNewer: true),
        CtlFlag("min-create-rev", .int64, "0", "Minimum create revision", isNewer: true),
        CtlFlag("min-mod-rev", .int64, "0", "Minimum modification revision", isNewer: true),
        CtlFlag(
            "order", .text, "", "Order of results; ASCEND or DESCEND (ASCEND by default)"),
        CtlFlag("prefix", .bool, "false", "Get keys with matching prefix"),
        CtlFlag(
            "print-value-only", .bool, "false",
            "Only write values when using the \"simple\" output format"),
        CtlFlag("rev", .int64, "0", "Specify the kv revision"),
        CtlFlag(
            "sort-by", .text, "", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION"),
    ]

    static let row = Command(
        "get", usage: "get [options] <key> [range_end]", "Gets the key or a range of keys",
        examples: [
            "get foo", "get --prefix /jobs/ --keys-only", "get foo --rev 1200 -w json",
            "get a m --limit 10 --order DESCEND --sort-by MODIFY",
        ],
        flags: flags, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let request = try request(call.flags)
        let client = try call.client()
        let response = try calling { () throws(ClientError) in try client.range(request) }
        if request.countOnly, call.globals.format != .fields {
            throw .badArguments("--count-only is only for `--write-out=fields`")
        }
        let valuesOnly = call.flags.bool("print-value-only")
        if valuesOnly, call.globals.format != .simple {
            throw .badArguments("print-value-only is only for `--write-out=simple`")
        }
        try call.show(.get(response, valuesOnly: valuesOnly))
    }

    /// Also a line of a transaction.
    static func request(_ flags: FlagSet) throws(CtlError) -> RangeRequest {
        var request = RangeRequest()
        request.keysOnly = flags.bool("keys-only")
        request.countOnly = flags.bool("count-only")
        guard !flags.arguments.isEmpty else {
            throw .badArguments(
                "get command needs one argument as key and an optional argument as range_end")
        }
        if request.keysOnly, request.countOnly {
            throw .badArguments(
                "`--keys-only` and `--count-only` cannot be set at the same time, choose one")
        }
        let range = try KeyArguments(flags)
        request.serializable = try isSerializable(flags.text("consistency"))
        request.key = range.key
        request.rangeEnd = range.end
        request.limit = flags.int64("limit")
        request.revision = max(0, flags.int64("rev"))
        request.minModRevision = flags.int64("min-mod-rev")
        request.maxModRevision = flags.int64("max-mod-rev")
        request.minCreateRevision = flags.int64("min-create-rev")
        request.maxCreateRevision = flags.int64("max-create-rev")
        request.sortOrder = try order(flags.text("order"))
        request.sortTarget = try target(flags.text("sort-by"))
        if request.sortTarget == .key, request.sortOrder == .ascend { request.sortOrder = .none }
        return request
    }

    static func isSerializable(_ text: String) throws(CtlError) -> Bool {
        switch text {
        case "s": return true
        case "l": return false
        default:
            throw .failed(.badFeature, "unknown consistency flag \(GoQuote.text(text))")
        }
    }

    private static func order(_ text: String) throws(CtlError) -> RangeRequest.SortOrder {
        switch text.uppercased() {
        case "": return .none
        case "ASCEND": return .ascend
        case "DESCEND": return .descend
        default: throw .failed(.badFeature, "bad sort order \(text)")
        }
    }

    private static func target(_ text: String) throws(CtlError) -> RangeRequest.SortTarget {
        switch text.uppercased() {
        case "", "KEY": return .key
        case "CREATE": return .create
        case "MODIFY": return .mod
        case "VALUE": return .value
        case "VERSION": return .version
        default: throw .failed(.badFeature, "bad sort target \(text)")
        }
    }
}

/// The range that a key, an end and the flags --prefix and --from-key mean together.
struct KeyArguments: Equatable {
    var key: [UInt8]
    var end: [UInt8] = []

    init(_ flags: FlagSet) throws(CtlError) {
        let (isPrefix, isFromKey) = (flags.bool("prefix"), flags.bool("from-key"))
        if isPrefix, isFromKey {
            throw .badArguments(
                "`--prefix` and `--from-key` cannot be set at the same time, choose one")
        }
        key = Array((flags.arguments.first ?? "").utf8)
        if flags.arguments.count > 1 {
            if isPrefix || isFromKey {
                throw .badArguments(
                    "too many arguments, only accept one argument when `--prefix` or "
                        + "`--from-key` is set")
            }
            end = Array(flags.arguments[1].utf8)
        } else if isPrefix || isFromKey {
            end = isPrefix && !key.isEmpty ? RangeEnd.prefix(key) : RangeEnd.fromKey
            if key.isEmpty { key = [0] }
        }
    }
}
