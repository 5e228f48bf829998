// SPDX-License-Identifier: Apache-2.0

enum V2UserCommands {
    private static let roles = V2Flag("roles", "List of roles to grant or revoke")

    static let rows = [
        V2Command(
            "user add", usage: "<user>", "add a new user for the etcd cluster",
            examples: ["user add alice", "user add alice:secret"], run: add),
        V2Command(
            "user get", usage: "<user>", "get details for a user", examples: ["user get alice"],
            run: get),
        V2Command(
            "user list", usage: "<user>", "list all current users", examples: ["user list"],
            run: list),
        V2Command(
            "user remove", usage: "<user>", "remove a user for the etcd cluster",
            examples: ["user remove alice"], run: remove),
        V2Command(
            "user grant", usage: "<user>", "grant roles to an etcd user", flags: [roles],
            examples: ["user grant --roles reader,writer alice"]
        ) { call throws(V2Failure) in
            try change(call, "grant")
        },
        V2Command(
            "user revoke", usage: "<user>", "revoke roles for an etcd user", flags: [roles],
            examples: ["user revoke --roles writer alice"]
        ) { call throws(V2Failure) in
            try change(call, "revoke")
        },
        V2Command(
            "user passwd", usage: "<user>", "change password for a user",
            examples: ["user passwd alice"], run: changePassword),
    ]

    private static func name(_ call: V2Call) throws(V2Failure) -> String {
        guard call.arguments.count == 1 else { throw .plain("Please provide a username") }
        return call.arguments[0]
    }

    private static func add(_ call: V2Call) throws(V2Failure) {
        let argument = try name(call)
        let auth = V2Auth(client: try call.client())
        let (user, password) = V2Password.split(argument, prompt: "New password: ", call.console)
        try V2MemberCommands.plain { () throws(V2CallError) in
            try auth.addUser(user, password)
        }
        call.console.write("User \(user) created\n")
    }

    private static func get(_ call: V2Call) throws(V2Failure) {
        let user = try name(call)
        let auth = V2Auth(client: try call.client())
        let found = try V2MemberCommands.plain { () throws(V2CallError) in try auth.user(user) }
        call.console.write(
            "User: \(found.name)\nRoles: \(found.roles.map { " " + $0 }.joined())\n")
    }

    private static func list(_ call: V2Call) throws(V2Failure) {
        guard call.arguments.isEmpty else { throw .plain("No arguments accepted") }
        let auth = V2Auth(client: try call.client())
        let users = try V2MemberCommands.plain { () throws(V2CallError) in try auth.users() }
        for user in users { call.console.write(user + "\n") }
    }

    private static func remove(_ call: V2Call) throws(V2Failure) {
        let user = try name(call)
        let auth = V2Auth(client: try call.client())
        try V2MemberCommands.plain { () throws(V2CallError) in try auth.removeUser(user) }
        call.console.write("User \(user) removed\n")
    }

    private static func change(_ call: V2Call, _ verb: String) throws(V2Failure) {
        let roles = call.flags.text("roles")
        if roles.isEmpty { throw .plain("No roles specified; please use `--roles`") }
        let user = try name(call)
        let auth = V2Auth(client: try call.client())
        let names = roles.split(separator: ",", omittingEmptySubsequences: false)
        try V2MemberCommands.plain { () throws(V2CallError) in
            try auth.changeUser(user, verb, names.map(String.init))
        }
        call.console.write("User \(user) updated\n")
    }

    private static func changePassword(_ call: V2Call) throws(V2Failure) {
        let user = try name(call)
        let auth = V2Auth(client: try call.client())
        let password = V2Password.ask("New password: ", call.console)
        try V2MemberCommands.plain { () throws(V2CallError) in
            try auth.setPassword(user, password)
        }
        call.console.write("Password updated\n")
    }
}
