// SPDX-License-Identifier: Apache-2.0

enum V2RoleCommands {
    static let rows = [
        V2Command(
            "role add", usage: "<role> ", "add a new role for the etcd cluster",
            examples: ["role add reader"], run: add),
        V2Command(
            "role get", usage: "<role>", "get details for a role", examples: ["role get reader"],
            run: get),
        V2Command(
            "role list", usage: " ", "list all roles", examples: ["role list"], run: list),
        V2Command(
            "role remove", usage: "<role>", "remove a role from the etcd cluster",
            examples: ["role remove reader"], run: remove),
        V2Command(
            "role grant", usage: "<role>", "grant path matches to an etcd role",
            flags: flags("granted for", "Grant", "access"),
            examples: ["role grant --path '/app/*' --read reader"]
        ) { call throws(V2Failure) in
            try change(call, "grant")
        },
        V2Command(
            "role revoke", usage: "<role>", "revoke path matches for an etcd role",
            flags: flags("revoked for", "Revoke", "access"),
            examples: ["role revoke --path '/app/*' --read reader"]
        ) { call throws(V2Failure) in
            try change(call, "revoke")
        },
    ]

    private static func flags(_ done: String, _ verb: String, _ noun: String) -> [V2Flag] {
        let only = verb == "Grant" ? "-only" : ""
        return [
            V2Flag("path", "Path \(done) the role to \(noun)"),
            V2Flag("read", kind: .bool, "\(verb) read\(only) \(noun)"),
            V2Flag("write", kind: .bool, "\(verb) write\(only) \(noun)"),
            V2Flag("readwrite", "rw", kind: .bool, "\(verb) read-write \(noun)"),
        ]
    }

    private static func name(_ call: V2Call) throws(V2Failure) -> String {
        guard call.arguments.count == 1 else { throw .plain("Please provide a role name") }
        return call.arguments[0]
    }

    private static func add(_ call: V2Call) throws(V2Failure) {
        let role = try name(call)
        let auth = V2Auth(client: try call.client())
        if (try? auth.role(role)) != nil { throw .plain("Role \(role) already exists") }
        try V2MemberCommands.plain { () throws(V2CallError) in try auth.addRole(role) }
        call.console.write("Role \(role) created\n")
    }

    private static func get(_ call: V2Call) throws(V2Failure) {
        let role = try name(call)
        let auth = V2Auth(client: try call.client())
        let found = try V2MemberCommands.plain { () throws(V2CallError) in try auth.role(role) }
        call.console.write(text(found))
    }

    static func text(_ role: V2Role) -> String {
        "Role: \(role.name)\nKV Read:\n" + role.read.map { "\t\($0)\n" }.joined()
            + "KV Write:\n" + role.write.map { "\t\($0)\n" }.joined()
    }

    private static func list(_ call: V2Call) throws(V2Failure) {
        guard call.arguments.isEmpty else { throw .plain("No arguments accepted") }
        let auth = V2Auth(client: try call.client())
        let roles = try V2MemberCommands.plain { () throws(V2CallError) in try auth.roles() }
        for role in roles { call.console.write(role + "\n") }
    }

    private static func remove(_ call: V2Call) throws(V2Failure) {
        let role = try name(call)
        let auth = V2Auth(client: try call.client())
        try V2MemberCommands.plain { () throws(V2CallError) in try auth.removeRole(role) }
        call.console.write("Role \(role) removed\n")
    }

    private static func change(_ call: V2Call, _ verb: String) throws(V2Failure) {
        let flags = call.flags
        let path = flags.text("path")
        if path.isEmpty { throw .plain("No path specified; please use `--path`") }
        let canonical = V2URL.canonical(path)
        if canonical != path {
            throw .plain("Not canonical path; please use `--path=\(canonical)`")
        }
        if ["read", "write", "readwrite"].filter({ flags.bool($0) }).count != 1 {
            throw .plain("Please specify exactly one of --read, --write or --readwrite")
        }
        let role = try name(call)
        let auth = V2Auth(client: try call.client())
        try V2MemberCommands.plain { () throws(V2CallError) in
            _ = try auth.role(role)
            try auth.changeRole(
                role, verb, read: flags.bool("write") ? [] : [path],
                write: flags.bool("read") ? [] : [path])
        }
        call.console.write("Role \(role) updated\n")
    }
}
