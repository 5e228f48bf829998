// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// Users, their passwords and roles.
enum UserCommands {
    private static let interactive = CtlFlag(
        "interactive", .bool, "true",
        "If true, read password from stdin instead of interactive terminal")

    static let rows: [Command] = [
        Command(
            "user add", usage: "user add <user name or user:password> [options]", "Adds a new user",
            examples: [
                "user add alice", "user add alice:secret", "user add alice --no-password",
                "user add alice --interactive=false",
            ],
            flags: [
                CtlFlag(
                    "interactive", .bool, "true",
                    "Read password from stdin instead of interactive terminal"),
                CtlFlag(
                    "new-user-password", .text, "", "Supply password from the command line flag"),
                CtlFlag(
                    "no-password", .bool, "false",
                    "Create a user without password (CN based auth only)"),
            ], run: add),
        Command(
            "user delete", usage: "user delete <user name>", "Deletes a user",
            examples: ["user delete alice"], run: delete),
        Command(
            "user get", usage: "user get <user name> [options]",
            "Gets detailed information of a user",
            examples: ["user get alice", "user get alice --detail"],
            flags: [
                CtlFlag(
                    "detail", .bool, "false", "Show permissions of roles granted to the user")
            ], run: get),
        Command(
            "user grant-role", usage: "user grant-role <user name> <role name>",
            "Grants a role to a user", examples: ["user grant-role alice readers"], run: grant),
        Command(
            "user list", usage: "user list", "Lists all users",
            examples: ["user list -w json"], run: list),
        Command(
            "user passwd", usage: "user passwd <user name> [options]", "Changes password of user",
            examples: ["user passwd alice", "user passwd alice --interactive=false"],
            flags: [interactive], run: changePassword),
        Command(
            "user revoke-role", usage: "user revoke-role <user name> <role name>",
            "Revokes a role from a user", examples: ["user revoke-role alice readers"],
            run: revoke),
    ]

    private static func name(_ call: Invocation, _ command: String) throws(CtlError) -> String {
        guard call.arguments.count == 1 else {
            throw .badArguments("user \(command) command requires user name as its argument")
        }
        return call.arguments[0]
    }

    private static func add(_ call: Invocation) throws(CtlError) {
        let word = try name(call, "add")
        var request = AuthUserAddRequest()
        request.name = word
        request.options = UserAddOptions.with { $0.noPassword = false }
        if call.flags.bool("no-password") {
            request.options = UserAddOptions.with { $0.noPassword = true }
        } else if !call.flags.text("new-user-password").isEmpty {
            request.password = call.flags.text("new-user-password")
        } else if let colon = word.utf8.firstIndex(of: UInt8(ascii: ":")) {
            request.name = String(word[..<colon])
            request.password = String(word[word.utf8.index(after: colon)...])
            if request.name.isEmpty { throw .badArguments("empty user name is not allowed") }
        } else {
            request.password = try password(of: word, call)
        }
        let client = try call.client()
        let response = try calling { () throws(ClientError) in try client.userAdd(request) }
        try call.show(.acknowledged("User \(request.name) created", response.header))
    }

    private static func changePassword(_ call: Invocation) throws(CtlError) {
        let name = try name(call, "passwd")
        let password = try password(of: name, call)
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.userChangePassword(
                .with { request in
                    request.name = name
                    request.password = password
                })
        }
        try call.show(.acknowledged("Password updated", response.header))
    }

    /// Typed twice by a person; otherwise the first word of the input.
    private static func password(of name: String, _ call: Invocation) throws(CtlError) -> String {
        guard call.flags.bool("interactive") else {
            let line = call.console.input.lineOrRest()
            let words = line.split { $0.isWhitespace }
            return words.first.map(String.init) ?? ""
        }
        let first = call.console.password(prompt: "Password of \(name): ")
        if first.isEmpty { throw .badArguments("empty password") }
        let second = call.console.password(
            prompt: "Type password of \(name) again for confirmation: ")
        if first != second { throw .badArguments("given passwords are different") }
        return first
    }

    private static func delete(_ call: Invocation) throws(CtlError) {
        let name = try name(call, "delete")
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.userDelete(.with { $0.name = name })
        }
        try call.show(.acknowledged("User \(name) deleted", response.header))
    }

    private static func get(_ call: Invocation) throws(CtlError) {
        let name = try name(call, "get")
        let client = try call.client()
        let user = try calling { () throws(ClientError) in
            try client.userGet(.with { $0.name = name })
        }
        guard call.flags.bool("detail") else { return try call.show(.user(name, user)) }
        call.console.write("User: \(name)\n")
        for role in user.roles {
            call.console.write("\n")
            let details = try calling { () throws(ClientError) in
                try client.roleGet(.with { $0.role = role })
            }
            try call.show(.role(role, details))
        }
    }

    private static func list(_ call: Invocation) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("user list command requires no arguments")
        }
        let client = try call.client()
        try call.show(.users(try calling { () throws(ClientError) in try client.userList() }))
    }

    private static func grant(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 2 else {
            throw .badArguments(
                "user grant command requires user name and role name as its argument")
        }
        let (user, role) = (call.arguments[0], call.arguments[1])
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.userGrantRole(.with { ($0.user, $0.role) = (user, role) })
        }
        try call.show(.acknowledged("Role \(role) is granted to user \(user)", response.header))
    }

    private static func revoke(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 2 else {
            throw .badArguments(
                "user revoke-role requires user name and role name as its argument")
        }
        let (user, role) = (call.arguments[0], call.arguments[1])
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.userRevokeRole(.with { ($0.name, $0.role) = (user, role) })
        }
        try call.show(.acknowledged("Role \(role) is revoked from user \(user)", response.header))
    }
}
