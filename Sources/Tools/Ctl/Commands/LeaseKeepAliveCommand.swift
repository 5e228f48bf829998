// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum LeaseKeepAliveCommand {
    static let row = Command(
        "lease keep-alive", usage: "lease keep-alive [options] <leaseID>",
        "Keeps leases alive (renew)",
        examples: [
            "lease keep-alive 694d71ddacfda227", "lease keep-alive --once 694d71ddacfda227",
        ],
        flags: [
            CtlFlag(
                "once", .bool, "false",
                "Resets the keep-alive time to its original value and exits immediately")
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("lease keep-alive command needs lease ID as argument")
        }
        let id = try call.leaseID(call.arguments[0])
        let client = try call.client()
        if call.flags.bool("once") {
            let response = try calling(.badConnection) { () throws(ClientError) in
                try client.keepAliveOnce(lease: id)
            }
            return try call.show(.leaseKept(response))
        }
        var failure: CtlError?
        try calling(.badConnection) { () throws(ClientError) in
            try client.keepAlive(lease: id) { response in
                if response.ttl <= 0 { return false }
                do throws(CtlError) {
                    try call.show(.leaseKept(response))
                } catch {
                    failure = error
                }
                return failure == nil
            }
        }
        if let failure { throw failure }
        if call.globals.format == .simple {
            call.console.write("lease \(leaseText(id)) expired or revoked.\n")
        }
    }
}
