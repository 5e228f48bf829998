// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum MemberListCommand {
    static let row = Command(
        "member list", usage: "member list", "Lists all members in the cluster",
        description: [
            "When --write-out is set to simple, this command prints out comma-separated member "
                + "lists for each endpoint.",
            "The items in the lists are ID, Status, Name, Peer Addrs, Client Addrs, Is Learner.",
        ],
        examples: ["member list", "member list -w table"],
        flags: [
            CtlFlag(
                "consistency", .text, "l", "Linearizable(l) or Serializable(s)", isNewer: true)
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let isLinearizable = !(try GetCommand.isSerializable(call.flags.text("consistency")))
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.memberList(.with { $0.linearizable = isLinearizable })
        }
        try call.show(.members(response))
    }
}
