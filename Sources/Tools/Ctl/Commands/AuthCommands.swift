// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// Whether the cluster asks who calls.
enum AuthCommands {
    static let rows: [Command] = [
        Command(
            "auth disable", usage: "auth disable", "Disables authentication",
            examples: ["auth disable --user root:secret"], run: disable),
        Command(
            "auth enable", usage: "auth enable", "Enables authentication",
            examples: ["auth enable", "auth enable --endpoints 10.0.0.1:2379"], run: enable),
        Command(
            "auth status", usage: "auth status", "Returns authentication status",
            examples: ["auth status -w json"], run: status),
    ]

    /// The role root, and user root in it, come into being on the way; the user must be there.
    private static func enable(_ call: Invocation) throws(CtlError) {
        try refuseArguments(call, "auth enable")
        let client = try call.client()
        try calling { () throws(ClientError) in
            do throws(ClientError) {
                _ = try client.authEnable()
            } catch {
                guard error.serverMessage == EtcdError.rootRoleNotExist.text else { throw error }
                do throws(ClientError) {
                    _ = try client.roleAdd(.with { $0.name = "root" })
                } catch {
                    guard error.serverMessage == EtcdError.roleAlreadyExist.text else {
                        throw error
                    }
                }
                _ = try client.userGrantRole(.with { ($0.user, $0.role) = ("root", "root") })
                _ = try client.authEnable()
            }
        }
        call.console.write("Authentication Enabled\n")
    }

    private static func disable(_ call: Invocation) throws(CtlError) {
        try refuseArguments(call, "auth disable")
        let client = try call.client()
        _ = try calling { () throws(ClientError) in try client.authDisable() }
        call.console.write("Authentication Disabled\n")
    }

    private static func status(_ call: Invocation) throws(CtlError) {
        try refuseArguments(call, "auth status")
        let client = try call.client()
        let status = try calling { () throws(ClientError) in try client.authStatus() }
        try call.show(.authStatus(status))
    }

    private static func refuseArguments(_ call: Invocation, _ name: String) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("\(name) command does not accept any arguments")
        }
    }
}
