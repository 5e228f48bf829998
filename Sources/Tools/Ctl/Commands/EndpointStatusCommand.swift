// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum EndpointStatusCommand {
    static let row = Command(
        "endpoint status", usage: "endpoint status",
        "Prints out the status of endpoints specified in `--endpoints` flag",
        description: [
            "When --write-out is set to simple, this command prints out comma-separated status "
                + "lists for each endpoint.",
            "The items in the lists are endpoint, ID, version, db size, is leader, is learner, "
                + "raft term, raft index, raft applied index, errors.",
        ], examples: ["endpoint status -w table", "endpoint status --cluster -w json"],
        flags: [CommandTable.clusterFlag], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        var list: [EndpointStatus] = []
        var hasFailed = false
        for endpoint in try call.chosenEndpoints() {
            let client = try call.client(endpoints: [endpoint])
            do throws(ClientError) {
                list.append(EndpointStatus(endpoint: endpoint, status: try client.status()))
            } catch {
                hasFailed = true
                call.tell(
                    "Failed to get the status of endpoint \(endpoint) (\(error.plainText))", error)
            }
        }
        try call.show(.status(list))
        if hasFailed { throw .told(.error) }
    }
}
