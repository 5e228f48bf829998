// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum PutCommand {
    static let flags = [
        CtlFlag("ignore-lease", .bool, "false", "updates the key using its current lease"),
        CtlFlag("ignore-value", .bool, "false", "updates the key using its current value"),
        CtlFlag("lease", .text, "0", "lease ID (in hexadecimal) to attach to the key"),
        CtlFlag(
            "prev-kv", .bool, "false", "return the previous key-value pair before modification"),
    ]

    static let row = Command(
        "put", usage: "put [options] <key> <value> (<value> can also be given from stdin)",
        "Puts the given key into the store",
        description: [
            "Puts the given key into the store.", "",
            "When <value> begins with '-', <value> is interpreted as a flag.",
            "Insert '--' for workaround:", "", "$ put <key> -- <value>", "$ put -- <key> <value>",
            "",
            "If <value> isn't given as a command line argument and '--ignore-value' is not "
                + "specified,",
            "this command tries to read the value from standard input.", "",
            "If <lease> isn't given as a command line argument and '--ignore-lease' is not "
                + "specified,",
            "this command tries to read the value from standard input.", "", "For example,",
            "$ cat file | put <key>", "will store the content of the file to <key>.",
        ],
        examples: [
            "put foo bar", "put foo --lease=694d71ddacfda227 bar", "put config -- --dashes",
        ],
        flags: flags, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let request = try request(call.flags, call.console.input)
        let client = try call.client()
        try call.show(
            .put(try calling { () throws(ClientError) in try client.put(request) }))
    }

    /// Also a line of a transaction, where no value comes from `input`.
    static func request(_ flags: FlagSet, _ input: InputLines?) throws(CtlError) -> PutRequest {
        let missing = "put command needs 1 argument and input from stdin or 2 arguments"
        guard let key = flags.arguments.first else { throw .badArguments(missing) }
        var request = PutRequest()
        request.key = Array(key.utf8)
        request.ignoreValue = flags.bool("ignore-value")
        request.ignoreLease = flags.bool("ignore-lease")
        request.prevKV = flags.bool("prev-kv")
        if request.ignoreValue {
            guard flags.arguments.count == 1 else {
                throw .badArguments(
                    "put command needs only 1 argument when 'ignore-value' is set")
            }
        } else if flags.arguments.count > 1 {
            request.value = Array(flags.arguments[1].utf8)
        } else {
            request.value = input?.all() ?? []
            if request.value.isEmpty { throw .badArguments(missing) }
        }
        request.lease = try GoParse.int64(flags.text("lease"), radix: 16) {
            .badArguments("bad lease ID (\($0)), expecting ID in Hex")
        }
        return request
    }
}
