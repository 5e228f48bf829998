// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum TxnCommand {
    static let row = Command(
        "txn", usage: "txn [options]", "Txn processes all the requests in one transaction",
        examples: ["txn", "txn --interactive"],
        flags: [
            CtlFlag(
                "interactive", short: "i", .bool, "false",
                "Input transaction in interactive mode")
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("txn command does not accept argument")
        }
        let isInteractive = call.flags.bool("interactive")
        func prompt(_ text: String) { if isInteractive { call.console.write(text + "\n") } }
        var request = TxnRequest()
        prompt("compares:")
        request.compare = try section(call) { line throws(CtlError) in
            try TxnText.compare(line)
        }
        prompt("success requests (get, put, del):")
        request.success = try section(call) { line throws(CtlError) in
            try TxnText.operation(line)
        }
        prompt("failure requests (get, put, del):")
        request.failure = try section(call) { line throws(CtlError) in
            try TxnText.operation(line)
        }
        let client = try call.client()
        try call.show(.txn(try calling { () throws(ClientError) in try client.txn(request) }))
    }

    /// Lines up to an empty one.
    private static func section<Item>(
        _ call: Invocation, _ read: (String) throws(CtlError) -> Item
    ) throws(CtlError) -> [Item] {
        var items: [Item] = []
        while true {
            guard let raw = call.console.input.line() else {
                throw .failed(.invalidInput, "EOF")
            }
            let line = Words.trimmed(raw)
            if line.isEmpty { return items }
            items.append(try read(line))
        }
    }
}
