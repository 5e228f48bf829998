// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum EndpointHashKVCommand {
    static let row = Command(
        "endpoint hashkv", usage: "endpoint hashkv",
        "Prints the KV history hash for each endpoint in --endpoints",
        examples: ["endpoint hashkv --cluster", "endpoint hashkv --rev 1200 -w table"],
        flags: [
            CommandTable.clusterFlag,
            CtlFlag("rev", .int64, "0", "maximum revision to hash (default: all revisions)"),
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        var list: [EndpointHash] = []
        var failure: ClientError?
        for endpoint in try call.chosenEndpoints() {
            let client = try call.client(endpoints: [endpoint])
            do throws(ClientError) {
                let hash = try client.hashKV(.with { $0.revision = call.flags.int64("rev") })
                list.append(EndpointHash(endpoint: endpoint, hash: hash))
            } catch {
                failure = error
                call.tell(
                    "Failed to get the hash of endpoint \(endpoint) (\(error.plainText))", error)
            }
        }
        try call.show(.hashes(list))
        if let failure { throw .failed(.error, failure.plainText) }
    }
}
