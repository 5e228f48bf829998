// SPDX-License-Identifier: Apache-2.0

enum V2RmCommand {
    static let row = V2Command(
        "rm", usage: "<key>", "remove a key or a directory",
        flags: [
            V2Flag(
                "dir", kind: .bool,
                "removes the key if it is an empty directory or a key-value pair"
            ),
            V2Flag(
                "recursive", "r", kind: .bool,
                "removes the key and all child keys(if it is a directory)"),
            V2Flag("with-value", "previous value"),
            V2Flag("with-index", kind: .int, "previous index (default: 0)"),
        ], examples: ["rm --with-value old /app/name", "rm --recursive /app"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let flags = call.flags
        let response = try v2 { () throws(V2CallError) in
            try keys.delete(
                key, value: flags.text("with-value"),
                index: UInt64(bitPattern: flags.int("with-index")),
                isDirectory: flags.bool("dir"), recursive: flags.bool(V2Flag.recursive))
        }
        show(response, call)
    }

    static func show(_ response: V2Response, _ call: V2Call) {
        if response.node.isDirectory, call.globals.output == "simple" { return }
        response.show(call)
    }
}

enum V2RmdirCommand {
    static let row = V2Command(
        "rmdir", usage: "<key>", "removes the key if it is an empty directory or a key-value pair",
        examples: ["rmdir /app/sessions"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let response = try v2 { () throws(V2CallError) in
            try keys.delete(key, isDirectory: true)
        }
        V2RmCommand.show(response, call)
    }
}
