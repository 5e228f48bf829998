// SPDX-License-Identifier: Apache-2.0
internal import EtcdClient
internal import Formats

struct V2Role: Equatable {
    var name: String
    var read: [String]
    var write: [String]

    init(_ json: JSONValue) {
        func texts(_ key: String) -> [String] {
            (json["permissions"]?["kv"]?[key]?.array ?? []).compactMap(\.string)
        }
        name = json["role"]?.string ?? ""
        read = texts("read")
        write = texts("write")
    }
}

/// /v2/auth of a cluster.
struct V2Auth {
    let client: V2Client

    func set(isEnabled: Bool) throws(V2CallError) {
        try call(isEnabled ? "PUT" : "DELETE", "/enable")
    }

    // MARK: Users

    func users() throws(V2CallError) -> [String] {
        (try call("GET", "/users")["users"]?.array ?? []).compactMap { $0["user"]?.string }
    }

    func user(_ name: String) throws(V2CallError) -> (name: String, roles: [String]) {
        let json = try call("GET", "/users/" + name)
        let roles = (json["roles"]?.array ?? []).compactMap { $0.string ?? $0["role"]?.string }
        return (json["user"]?.string ?? "", roles)
    }

    func addUser(_ name: String, _ password: String) throws(V2CallError) {
        try setPassword(name, password)
    }

    func setPassword(_ name: String, _ password: String) throws(V2CallError) {
        var members: [(String, JSONValue)] = [("user", .string(name))]
        if !password.isEmpty { members.append(("password", .string(password))) }
        try call("PUT", "/users/" + name, .object(members))
    }

    /// `verb` is grant or revoke.
    func changeUser(_ name: String, _ verb: String, _ roles: [String]) throws(V2CallError) {
        let body = JSONValue.object([
            ("user", .string(name)), (verb, .array(roles.map(JSONValue.string))),
        ])
        try call("PUT", "/users/" + name, body)
    }

    func removeUser(_ name: String) throws(V2CallError) {
        try call("DELETE", "/users/" + name)
    }

    // MARK: Roles

    func roles() throws(V2CallError) -> [String] {
        (try call("GET", "/roles", tellsWhy: false)["roles"]?.array ?? []).compactMap {
            $0["role"]?.string
        }
    }

    func role(_ name: String) throws(V2CallError) -> V2Role {
        V2Role(try call("GET", "/roles/" + name))
    }

    func addRole(_ name: String) throws(V2CallError) {
        let none = Self.permissions([], [])
        let body = JSONValue.object([("role", .string(name)), ("permissions", none)])
        try call("PUT", "/roles/" + name, body)
    }

    /// `verb` is grant or revoke.
    func changeRole(
        _ name: String, _ verb: String, read: [String], write: [String]
    ) throws(V2CallError) {
        let body = JSONValue.object([
            ("role", .string(name)), ("permissions", Self.permissions([], [])),
            (verb, Self.permissions(read, write)),
        ])
        try call("PUT", "/roles/" + name, body)
    }

    func removeRole(_ name: String) throws(V2CallError) {
        try call("DELETE", "/roles/" + name)
    }

    private static func permissions(_ read: [String], _ write: [String]) -> JSONValue {
        func list(_ paths: [String]) -> JSONValue {
            paths.isEmpty ? .null : .array(paths.map(JSONValue.string))
        }
        return .object([("kv", .object([("read", list(read)), ("write", list(write))]))])
    }

    // MARK: Calls

    /// Of a refused list of roles the old tool tells no more than the status.
    @discardableResult
    private func call(
        _ method: String, _ path: String, _ body: JSONValue? = nil, tellsWhy: Bool = true
    ) throws(V2CallError) -> JSONValue {
        var action = V2Action(method: method, path: "/v2/auth" + path)
        if let body {
            action.contentType = "application/json"
            action.body = JSON.text(body)
        }
        let answer = try client.send(action, until: client.deadline)
        let json = try? JSON.parse(answer.body)
        guard answer.status == 200 || answer.status == 201 else {
            if !tellsWhy {
                throw V2CallError(text: "unexpected status code \(answer.status)")
            }
            guard let message = json?["message"]?.string else { throw .noJSON }
            throw V2CallError(text: message)
        }
        return json ?? .null
    }
}
