// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum LeaseGrantCommand {
    static let row = Command(
        "lease grant", usage: "lease grant <ttl>", "Creates leases", examples: ["lease grant 60"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("lease grant command needs TTL argument")
        }
        let ttl = try GoParse.int64(call.arguments[0], radix: 10) {
            .badArguments("bad TTL (\($0))")
        }
        let client = try call.client()
        let response = try calling(.error, { "failed to grant lease (\($0))" }) {
            () throws(ClientError) in
            try client.leaseGrant(LeaseGrantRequest.with { $0.ttl = ttl })
        }
        try call.show(.leaseGranted(response))
    }
}
