// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum DefragCommand {
    static let row = Command(
        "defrag", usage: "defrag",
        "Defragments the storage of the etcd members with given endpoints",
        examples: ["defrag", "defrag --cluster"],
        flags: [
            CommandTable.clusterFlag,
            CtlFlag(
                "data-dir", .text, "",
                "Optional. If present, defragments a data directory not in use by etcd."),
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        if !call.flags.text("data-dir").isEmpty {
            return try OfflineDefrag.run(call, call.flags.text("data-dir"))
        }
        var hasFailed = false
        let endpoints = try call.chosenEndpoints()
        let progress = Progress(
            "defragmenting", total: Int64(endpoints.count), unit: .things("members"), call)
        defer { progress.finish(Int64(endpoints.count)) }
        for (done, endpoint) in endpoints.enumerated() {
            progress.update(Int64(done))
            let client = try call.client(endpoints: [endpoint])
            do throws(ClientError) {
                _ = try client.defragment()
                call.console.write("Finished defragmenting etcd member[\(endpoint)]\n")
            } catch {
                hasFailed = true
                call.tell(
                    "Failed to defragment etcd member[\(endpoint)] (\(error.plainText))", error)
            }
        }
        if hasFailed { throw .told(.error) }
    }
}
