// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum CompactionCommand {
    static let row = Command(
        "compaction", usage: "compaction [options] <revision>",
        "Compacts the event history in etcd",
        examples: ["compaction 1200", "compaction --physical 1200"],
        flags: [
            CtlFlag(
                "physical", .bool, "false",
                "'true' to wait for compaction to physically remove all old revisions")
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("compaction command needs 1 argument")
        }
        let revision = try GoParse.int64(call.arguments[0], radix: 10) { .failed(.error, $0) }
        let request = CompactionRequest(
            revision: revision, physical: call.flags.bool("physical"))
        let client = try call.client()
        _ = try calling { () throws(ClientError) in try client.compact(request) }
        call.console.write("compacted revision \(revision)\n")
    }
}
