// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdClient

/// What a command has in hand.
struct V2Call {
    let flags: V2FlagSet
    let globals: V2Globals
    let console: Console
    /// NAME=value lines.
    let environment: [String]
    /// How the program was called.
    let name: String

    var arguments: [String] { flags.arguments }

    func client() throws(V2Failure) -> V2Client { try V2Client(globals, console) }
    func keys() throws(V2Failure) -> V2Keys { V2Keys(client: try client()) }

    /// The first argument.
    func key() throws(V2Failure) -> String {
        guard let key = arguments.first else { throw .keyRequired }
        return key
    }

    /// The second argument, or all of standard input.
    func value() throws(V2Failure) -> String {
        if arguments.count > 1 { return arguments[1] }
        let text = String(decoding: console.input.all(), as: UTF8.self)
        if text.isEmpty { throw .error("value required", code: V2Failure.badArguments) }
        return text
    }
}

/// Runs a call of /v2/keys; its failure becomes the end of the program.
func v2<Result>(_ body: () throws(V2CallError) -> Result) throws(V2Failure) -> Result {
    do throws(V2CallError) {
        return try body()
    } catch {
        throw .of(error, code: V2Failure.serverError)
    }
}

/// /v2/keys of a cluster.
struct V2Keys {
    /// Whether the key must be there already.
    enum Existence: String {
        case any = "", yes = "true", no = "false"
    }

    struct SetOptions {
        var existence = Existence.any
        var isDirectory = false
        var previousValue = ""
        /// 0 for any.
        var previousIndex: UInt64 = 0
        /// Seconds; 0 or less for none.
        var ttl: Int64 = 0
    }

    let client: V2Client
    private static let form = "application/x-www-form-urlencoded"

    private func action(_ method: String, _ key: String) -> V2Action {
        let slash = key.isEmpty || key.hasPrefix("/") ? "" : "/"
        return V2Action(method: method, path: "/v2/keys" + slash + key)
    }

    func get(
        _ key: String, sorted: Bool, recursive: Bool, quorum: Bool
    ) throws(V2CallError) -> V2Response {
        var action = action("GET", key)
        action.query = [
            ("quorum", "\(quorum)"), ("recursive", "\(recursive)"), ("sorted", "\(sorted)"),
        ]
        return try V2Response(client.send(action, until: client.deadline))
    }

    func set(
        _ key: String, _ value: String, _ options: SetOptions
    ) throws(V2CallError) -> V2Response {
        var action = action("PUT", key)
        var form: [(name: String, value: String)] = []
        if options.isDirectory {
            action.query.append(("dir", "true"))
        } else {
            form.append(("value", value))
            if !options.previousValue.isEmpty {
                action.query.append(("prevValue", options.previousValue))
            }
        }
        if options.previousIndex != 0 {
            action.query.append(("prevIndex", "\(options.previousIndex)"))
        }
        if options.existence != .any {
            action.query.append(("prevExist", options.existence.rawValue))
        }
        if options.ttl > 0 { form.append(("ttl", "\(options.ttl)")) }
        action.contentType = Self.form
        action.body = V2URL.query(form)
        action.isOneShot = options.existence == .no
        return try V2Response(client.send(action, until: client.deadline))
    }

    func createInOrder(
        _ directory: String, _ value: String, ttl: Int64
    ) throws(V2CallError) -> V2Response {
        var action = action("POST", directory)
        var form = [(name: "value", value: value)]
        if ttl > 0 { form.append(("ttl", "\(ttl)")) }
        action.contentType = Self.form
        action.body = V2URL.query(form)
        return try V2Response(client.send(action, until: client.deadline))
    }

    func delete(
        _ key: String, value: String = "", index: UInt64 = 0, isDirectory: Bool,
        recursive: Bool = false
    ) throws(V2CallError) -> V2Response {
        var action = action("DELETE", key)
        if !value.isEmpty { action.query.append(("prevValue", value)) }
        if index != 0 { action.query.append(("prevIndex", "\(index)")) }
        if isDirectory { action.query.append(("dir", "true")) }
        if recursive { action.query.append(("recursive", "true")) }
        action.isOneShot = true
        return try V2Response(client.send(action, until: client.deadline))
    }

    /// The first event at `index` or later; 0 for the next one from now.
    func wait(_ key: String, recursive: Bool, index: UInt64) throws(V2CallError) -> V2Response {
        var action = action("GET", key)
        action.query = [
            ("recursive", "\(recursive)"), ("wait", "true"), ("waitIndex", "\(index)"),
        ]
        action.isWait = true
        while true {
            let answer = try client.send(action, until: nil)
            // The server ends a wait after a while, with a good status and no body.
            if answer.status == 200, answer.body.isEmpty { continue }
            return try V2Response(answer)
        }
    }
}
