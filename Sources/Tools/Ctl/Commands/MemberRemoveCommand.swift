// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum MemberRemoveCommand {
    static let row = Command(
        "member remove", usage: "member remove <memberID>", "Removes a member from the cluster",
        examples: ["member remove 8e9e05c52164694d"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let id = try call.memberID()
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.memberRemove(MemberRemoveRequest(id: id))
        }
        try call.show(.memberRemoved(id, response))
    }
}
