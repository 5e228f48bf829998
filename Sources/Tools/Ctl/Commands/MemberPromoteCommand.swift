// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum MemberPromoteCommand {
    static let row = Command(
        "member promote", usage: "member promote <memberID>",
        "Promotes a non-voting member in the cluster",
        description: ["Promotes a non-voting learner member to a voting one in the cluster."],
        examples: ["member promote 8e9e05c52164694d"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let id = try call.memberID()
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.memberPromote(.with { $0.id = id })
        }
        try call.show(.memberPromoted(id, response))
    }
}
