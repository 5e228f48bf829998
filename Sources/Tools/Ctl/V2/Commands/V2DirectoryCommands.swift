// SPDX-License-Identifier: Apache-2.0

/// mkdir, setdir and updatedir.
enum V2DirectoryCommands {
    static let rows = [
        row("mkdir", "<key>", "make a new directory", .no),
        row("setdir", "<key>", "create a new directory or update an existing directory TTL", .any),
        row("updatedir", "<key> <value>", "update an existing directory", .yes),
    ]

    private static func row(
        _ name: String, _ usage: String, _ summary: String, _ existence: V2Keys.Existence
    ) -> V2Command {
        V2Command(
            name, usage: usage, summary, flags: [V2Flag.ttl],
            examples: ["\(name) --ttl 60 /app/sessions"]
        ) { call throws(V2Failure) in
            try run(call, existence)
        }
    }

    private static func run(_ call: V2Call, _ existence: V2Keys.Existence) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let options = V2Keys.SetOptions(
            existence: existence, isDirectory: true, ttl: call.flags.int("ttl"))
        let response = try v2 { () throws(V2CallError) in try keys.set(key, "", options) }
        if call.globals.output != "simple" { response.show(call) }
    }
}
