// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum LeaseRevokeCommand {
    static let row = Command(
        "lease revoke", usage: "lease revoke <leaseID>", "Revokes leases",
        examples: ["lease revoke 694d71ddacfda227"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("lease revoke command needs 1 argument")
        }
        let id = try call.leaseID(call.arguments[0])
        let client = try call.client()
        let response = try calling(.error, { "failed to revoke lease (\($0))" }) {
            () throws(ClientError) in
            try client.leaseRevoke(LeaseRevokeRequest(id: id))
        }
        try call.show(.leaseRevoked(id, response))
    }
}
