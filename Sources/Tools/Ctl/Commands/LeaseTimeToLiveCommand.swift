// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum LeaseTimeToLiveCommand {
    static let row = Command(
        "lease timetolive", usage: "lease timetolive <leaseID> [options]",
        "Get lease information",
        examples: [
            "lease timetolive 694d71ddacfda227", "lease timetolive 694d71ddacfda227 --keys",
        ],
        flags: [CtlFlag("keys", .bool, "false", "Get keys attached to this lease")], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("lease timetolive command needs lease ID as argument")
        }
        let request = LeaseTimeToLiveRequest(
            id: try call.leaseID(call.arguments[0]), keys: call.flags.bool("keys"))
        let client = try call.client()
        let response = try calling(.badConnection) { () throws(ClientError) in
            try client.leaseTimeToLive(request)
        }
        try call.show(.leaseLife(response, withKeys: request.keys))
    }
}
