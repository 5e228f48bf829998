// SPDX-License-Identifier: Apache-2.0
internal import EtcdClient
internal import Formats

/// A key or a directory.
struct V2Node: Equatable {
    var key = ""
    var isDirectory = false
    var value = ""
    var nodes: [V2Node] = []
    var createdIndex: UInt64 = 0
    var modifiedIndex: UInt64 = 0
    /// As the server wrote it.
    var expiration: String?
    var ttl: Int64 = 0

    init() {}

    init(_ json: JSONValue) {
        key = json["key"]?.string ?? ""
        isDirectory = json["dir"]?.bool ?? false
        value = json["value"]?.string ?? ""
        nodes = (json["nodes"]?.array ?? []).map(V2Node.init)
        createdIndex = json["createdIndex"]?.uint64 ?? 0
        modifiedIndex = json["modifiedIndex"]?.uint64 ?? 0
        expiration = json["expiration"]?.string
        ttl = json["ttl"]?.int64 ?? 0
    }

    var json: JSONValue {
        var members: [(String, JSONValue)] = [("key", .string(key))]
        if isDirectory { members.append(("dir", true)) }
        members.append(("value", .string(value)))
        members.append(("nodes", nodes.isEmpty ? .null : .array(nodes.map(\.json))))
        members.append(("createdIndex", .unsigned64(createdIndex)))
        members.append(("modifiedIndex", .unsigned64(modifiedIndex)))
        if let expiration { members.append(("expiration", .string(expiration))) }
        if ttl != 0 { members.append(("ttl", .integer(ttl))) }
        return .object(members)
    }
}

/// What a call of /v2/keys gave.
struct V2Response: Equatable {
    var action = ""
    var node = V2Node()
    var previous: V2Node?
    /// Of the store when it answered.
    var index: UInt64 = 0

    init() {}

    init(_ answer: WebAnswer) throws(V2CallError) {
        guard let json = try? JSON.parse(answer.body), json.object != nil else {
            throw .noJSON
        }
        guard answer.status == 200 || answer.status == 201 else { throw Self.refusal(json) }
        action = json["action"]?.string ?? ""
        node = json["node"].map(V2Node.init) ?? V2Node()
        previous = json["prevNode"].map(V2Node.init)
        index = answer.header("x-etcd-index").flatMap { UInt64($0) } ?? 0
    }

    /// `CODE: MESSAGE (CAUSE) [INDEX]`.
    private static func refusal(_ json: JSONValue) -> V2CallError {
        let code = json["errorCode"]?.int64 ?? 0
        let message = json["message"]?.string ?? ""
        let cause = json["cause"]?.string ?? ""
        let index = json["index"]?.uint64 ?? 0
        return V2CallError(text: "\(code): \(message) (\(cause)) [\(index)]")
    }

    var json: JSONValue {
        .object([
            ("action", .string(action)), ("node", node.json),
            ("prevNode", previous?.json ?? .null),
        ])
    }

    // MARK: Printers

    var simple: String {
        action == "delete" ? "PrevNode.Value: \(previous?.value ?? "")\n" : node.value + "\n"
    }

    var extended: String {
        var text = """
            Key: \(node.key)
            Created-Index: \(node.createdIndex)
            Modified-Index: \(node.modifiedIndex)

            """
        if let previous { text += "PrevNode.Value: \(previous.value)\n" }
        text += "TTL: \(node.ttl)\nIndex: \(index)\n"
        return action == "delete" ? text : text + "\n\(node.value)\n"
    }

    func show(_ call: V2Call) {
        switch call.globals.output {
        case "simple": call.console.write(simple)
        case "extended": call.console.write(extended)
        case "json": call.console.write(JSON.text(json) + "\n")
        default:
            call.console.writeError("Unsupported output format: \(call.globals.output)\n")
        }
    }
}
