// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum MoveLeaderCommand {
    static let row = Command(
        "move-leader", usage: "move-leader <transferee-member-id>",
        "Transfers leadership to another etcd cluster member.",
        examples: [
            "move-leader 8e9e05c52164694d --endpoints 10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379"
        ],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("move-leader command needs 1 argument")
        }
        let target = try GoParse.uint64(call.arguments[0], radix: 16) { .badArguments($0) }
        for endpoint in call.globals.endpoints {
            let client = try call.client(endpoints: [endpoint])
            let status = try calling { () throws(ClientError) in try client.status() }
            guard status.header?.memberID == status.leader else { continue }
            let response = try calling { () throws(ClientError) in
                try client.moveLeader(.with { $0.targetID = target })
            }
            return try call.show(.leaderMoved(from: status.leader, to: target, response))
        }
        let endpoints = call.globals.endpoints.joined(separator: " ")
        throw .badArguments("no leader endpoint given at [\(endpoints)]")
    }
}
