// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// Roles and what they may read and write.
enum RoleCommands {
    private static let rangeFlags = [
        CtlFlag(
            "from-key", .bool, "false",
            "grant a permission of keys that are greater than or equal to the given key using "
                + "byte compare"),
        CtlFlag("prefix", .bool, "false", "grant a prefix permission"),
    ]

    static let rows: [Command] = [
        Command(
            "role add", usage: "role add <role name>", "Adds a new role",
            examples: ["role add readers"], run: add),
        Command(
            "role delete", usage: "role delete <role name>", "Deletes a role",
            examples: ["role delete readers"], run: delete),
        Command(
            "role get", usage: "role get <role name>", "Gets detailed information of a role",
            examples: ["role get readers", "role get readers -w json"], run: get),
        Command(
            "role grant-permission",
            usage:
                "role grant-permission [options] <role name> <permission type> <key> [endkey]",
            "Grants a key to a role",
            examples: [
                "role grant-permission readers read /config/ --prefix",
                "role grant-permission writers readwrite /jobs/a /jobs/m",
                "role grant-permission auditors read '' --from-key",
            ], flags: rangeFlags, run: grant),
        Command(
            "role list", usage: "role list", "Lists all roles", examples: ["role list"],
            run: list),
        Command(
            "role revoke-permission",
            usage: "role revoke-permission <role name> <key> [endkey]",
            "Revokes a key from a role",
            examples: ["role revoke-permission readers /config/ --prefix"],
            flags: [
                CtlFlag(
                    "from-key", .bool, "false",
                    "revoke a permission of keys that are greater than or equal to the given key "
                        + "using byte compare"),
                CtlFlag("prefix", .bool, "false", "revoke a prefix permission"),
            ], run: revoke),
    ]

    private static func name(_ call: Invocation, _ command: String) throws(CtlError) -> String {
        guard call.arguments.count == 1 else {
            throw .badArguments("role \(command) command requires role name as its argument")
        }
        return call.arguments[0]
    }

    private static func add(_ call: Invocation) throws(CtlError) {
        let name = try name(call, "add")
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.roleAdd(.with { $0.name = name })
        }
        try call.show(.acknowledged("Role \(name) created", response.header))
    }

    private static func delete(_ call: Invocation) throws(CtlError) {
        let name = try name(call, "delete")
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.roleDelete(.with { $0.role = name })
        }
        try call.show(.acknowledged("Role \(name) deleted", response.header))
    }

    private static func get(_ call: Invocation) throws(CtlError) {
        let name = try name(call, "get")
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.roleGet(.with { $0.role = name })
        }
        try call.show(.role(name, response))
    }

    private static func list(_ call: Invocation) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("role list command requires no arguments")
        }
        let client = try call.client()
        try call.show(.roles(try calling { () throws(ClientError) in try client.roleList() }))
    }

    private static func grant(_ call: Invocation) throws(CtlError) {
        let arguments = call.arguments
        guard arguments.count >= 3 else {
            throw .badArguments(
                "role grant command requires role name, permission type, and key [endkey] as its "
                    + "argument")
        }
        var permission = Permission()
        switch arguments[1].uppercased() {
        case "READ": permission.permType = .read
        case "WRITE": permission.permType = .write
        case "READWRITE": permission.permType = .readWrite
        default: throw .badArguments("invalid permission type: \(arguments[1])")
        }
        (permission.key, permission.rangeEnd) = try range(Array(arguments[2...]), call.flags)
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.roleGrantPermission(
                .with { request in
                    request.name = arguments[0]
                    request.perm = permission
                })
        }
        try call.show(.acknowledged("Role \(arguments[0]) updated", response.header))
    }

    private static func revoke(_ call: Invocation) throws(CtlError) {
        let arguments = call.arguments
        guard arguments.count >= 2 else {
            throw .badArguments(
                "role revoke-permission command requires role name and key [endkey] as its "
                    + "argument")
        }
        let (key, end) = try range(Array(arguments[1...]), call.flags)
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.roleRevokePermission(
                .with { request in
                    request.role = arguments[0]
                    request.key = key
                    request.rangeEnd = end
                })
        }
        try call.show(
            .revoked(
                role: arguments[0], key: Array(arguments[1].utf8), end: end, response.header))
    }

    /// The empty key stands for the smallest one, and with a flag for all.
    private static func range(
        _ arguments: [String], _ flags: FlagSet
    ) throws(CtlError) -> ([UInt8], [UInt8]) {
        let (isPrefix, isFromKey) = (flags.bool("prefix"), flags.bool("from-key"))
        let key = Array(arguments[0].utf8)
        if isPrefix, isFromKey, key.isEmpty || arguments.count == 1 {
            throw .badArguments("--from-key and --prefix flags are mutually exclusive")
        }
        if key.isEmpty { return ([0], isPrefix || isFromKey ? RangeEnd.fromKey : []) }
        if arguments.count == 1 {
            if isPrefix { return (key, RangeEnd.prefix(key)) }
            return (key, isFromKey ? RangeEnd.fromKey : [])
        }
        if isPrefix { throw .badArguments("unexpected endkey argument with --prefix flag") }
        if isFromKey { throw .badArguments("unexpected endkey argument with --from-key flag") }
        return (key, Array(arguments[1].utf8))
    }
}
