// SPDX-License-Identifier: Apache-2.0

enum V2WatchCommand {
    static let afterIndex = V2Flag(
        "after-index", kind: .int, "watch after the given index (default: 0)")

    static let row = V2Command(
        "watch", usage: "<key>", "watch a key for changes",
        flags: [
            V2Flag("forever", "f", kind: .bool, "forever watch a key until CTRL+C"), afterIndex,
            V2Flag(
                "recursive", "r", kind: .bool, "returns all values for key and child keys"),
        ], examples: ["watch --forever --recursive /app"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let key = try call.key()
        let recursive = call.flags.bool(V2Flag.recursive)
        try each(of: keys, key, call) { event throws(V2Failure) in
            if event.node.isDirectory { return true }
            if recursive { call.console.write("[\(event.action)] \(event.node.key)\n") }
            event.show(call)
            return call.flags.bool("forever")
        }
    }

    /// Every event behind the wanted index, as long as `body` says so or until Ctrl-C.
    static func each(
        of keys: V2Keys, _ key: String, _ call: V2Call,
        _ body: (V2Response) throws(V2Failure) -> Bool
    ) throws(V2Failure) {
        try keys.client.stopOnInterrupt()
        let after = UInt64(bitPattern: call.flags.int("after-index"))
        var index = after == 0 ? 0 : after &+ 1
        let recursive = call.flags.bool(V2Flag.recursive)
        while true {
            let event = try v2 { () throws(V2CallError) in
                try keys.wait(key, recursive: recursive, index: index)
            }
            index = event.node.modifiedIndex &+ 1
            if try !body(event) { return }
        }
    }
}
