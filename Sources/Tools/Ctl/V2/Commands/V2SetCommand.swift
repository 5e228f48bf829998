// SPDX-License-Identifier: Apache-2.0

enum V2SetCommand {
    static let row = V2Command(
        "set", usage: "<key> <value>", "set the value of a key",
        description: [
            "Set sets the value of a key.", "",
            "When <value> begins with '-', <value> is interpreted as a flag.",
            "Insert '--' for workaround:", "", "$ set -- <key> <value>",
        ],
        flags: [
            V2Flag.ttl, V2Flag("swap-with-value", "previous value"),
            V2Flag("swap-with-index", kind: .int, "previous index (default: 0)"),
        ],
        examples: ["set --ttl 60 /app/lock me", "set --swap-with-value old /app/name new"],
        run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let value = try call.value()
        var options = V2Keys.SetOptions()
        options.ttl = call.flags.int("ttl")
        options.previousValue = call.flags.text("swap-with-value")
        options.previousIndex = UInt64(bitPattern: call.flags.int("swap-with-index"))
        let response = try v2 { () throws(V2CallError) in try keys.set(key, value, options) }
        response.show(call)
    }
}
