// SPDX-License-Identifier: Apache-2.0

enum V2LsCommand {
    static let row = V2Command(
        "ls", usage: "[key]", "retrieve a directory",
        flags: [
            V2GetCommand.sort,
            V2Flag(
                "recursive", "r", kind: .bool,
                "returns all key names recursively for the given path"),
            V2Flag("p", kind: .bool, "append slash (/) to directories"), V2GetCommand.quorum,
        ], examples: ["ls --sort --recursive -p /app"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let flags = call.flags
        let response = try v2 { () throws(V2CallError) in
            try keys.get(
                call.arguments.first ?? "/", sorted: flags.bool("sort"),
                recursive: flags.bool(V2Flag.recursive), quorum: flags.bool("quorum"))
        }
        guard call.globals.output == "simple" else { return response.show(call) }
        if !response.node.isDirectory { call.console.write(response.node.key + "\n") }
        var lines = ""
        for node in response.node.nodes { list(node, flags.bool("p"), &lines) }
        call.console.write(lines)
    }

    /// As deep as the reader of JSON went, which has its limit.
    private static func list(_ node: V2Node, _ marksDirectories: Bool, _ lines: inout String) {
        lines += node.key + (node.isDirectory && marksDirectories ? "/\n" : "\n")
        for child in node.nodes { list(child, marksDirectories, &lines) }
    }
}
