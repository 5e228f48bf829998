// SPDX-License-Identifier: Apache-2.0

enum V2UpdateCommand {
    static let row = V2Command(
        "update", usage: "<key> <value>", "update an existing key with a given value",
        flags: [V2Flag.ttl], examples: ["update --ttl 60 /app/name second"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let value = try call.value()
        let options = V2Keys.SetOptions(existence: .yes, ttl: call.flags.int("ttl"))
        try v2 { () throws(V2CallError) in try keys.set(key, value, options) }.show(call)
    }
}
