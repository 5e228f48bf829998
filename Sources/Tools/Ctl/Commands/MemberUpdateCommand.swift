// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum MemberUpdateCommand {
    static let row = Command(
        "member update", usage: "member update <memberID> [options]",
        "Updates a member in the cluster",
        examples: ["member update 8e9e05c52164694d --peer-urls=http://10.0.0.5:2380"],
        flags: [
            CtlFlag("peer-urls", .text, "", "comma separated peer URLs for the updated member.")
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let id = try call.memberID()
        let urls = call.flags.text("peer-urls")
        if urls.isEmpty { throw .badArguments("member peer urls not provided") }
        let request = MemberUpdateRequest.with { request in
            request.id = id
            request.peerURLs = urls.split(separator: ",").map(String.init)
        }
        _ = try PeerURLs.checked(urls)
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.memberUpdate(request)
        }
        try call.show(.memberUpdated(id, response))
    }
}
