// SPDX-License-Identifier: Apache-2.0

enum V2MkCommand {
    static let row = V2Command(
        "mk", usage: "<key> <value>", "make a new key with a given value",
        flags: [
            V2Flag("in-order", kind: .bool, "create in-order key under directory <key>"),
            V2Flag.ttl,
        ], examples: ["mk /app/name first", "mk --in-order /app/queue job"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let value = try call.value()
        let ttl = call.flags.int("ttl")
        if call.flags.bool("in-order") {
            return try v2 { () throws(V2CallError) in
                try keys.createInOrder(key, value, ttl: ttl)
            }.show(call)
        }
        let options = V2Keys.SetOptions(existence: .no, ttl: ttl)
        try v2 { () throws(V2CallError) in try keys.set(key, value, options) }.show(call)
    }
}
