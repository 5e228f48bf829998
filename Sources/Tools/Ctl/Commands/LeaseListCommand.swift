// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum LeaseListCommand {
    static let row = Command(
        "lease list", usage: "lease list", "List all active leases", examples: ["lease list"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let client = try call.client()
        let response = try calling(.badConnection) { () throws(ClientError) in
            try client.leaseLeases()
        }
        try call.show(.leases(response))
    }
}
