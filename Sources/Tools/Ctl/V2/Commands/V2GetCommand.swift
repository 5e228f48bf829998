// SPDX-License-Identifier: Apache-2.0

enum V2GetCommand {
    static let sort = V2Flag("sort", kind: .bool, "returns result in sorted order")
    static let quorum = V2Flag("quorum", "q", kind: .bool, "require quorum for get request")

    static let row = V2Command(
        "get", usage: "<key>", "retrieve the value of a key", flags: [sort, quorum],
        examples: ["-o extended get --quorum /app/name"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let flags = call.flags
        let response = try v2 { () throws(V2CallError) in
            try keys.get(
                key, sorted: flags.bool("sort"), recursive: false, quorum: flags.bool("quorum"))
        }
        if response.node.isDirectory { throw .plain("\(response.node.key): is a directory") }
        response.show(call)
    }
}
