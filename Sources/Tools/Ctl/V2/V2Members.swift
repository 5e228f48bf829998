// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdClient
internal import Formats

struct V2Member: Equatable {
    /// Hexadecimal, as the server wrote it.
    var id: String
    var name: String
    var peerURLs: [String]
    var clientURLs: [String]

    init(_ json: JSONValue) {
        func texts(_ key: String) -> [String] { (json[key]?.array ?? []).compactMap(\.string) }
        id = json["id"]?.string ?? ""
        name = json["name"]?.string ?? ""
        peerURLs = texts("peerURLs")
        clientURLs = texts("clientURLs")
    }
}

/// /v2/members of a cluster.
struct V2Members {
    let client: V2Client

    func list(_ deadline: Instant?) throws(V2CallError) -> [V2Member] {
        let json = try call("GET", "", nil, expecting: [200], deadline)
        return (json["members"]?.array ?? []).map(V2Member.init)
    }

    func leader(_ deadline: Instant?) throws(V2CallError) -> V2Member {
        V2Member(try call("GET", "/leader", nil, expecting: [200], deadline))
    }

    func add(_ peerURL: String, _ deadline: Instant?) throws(V2CallError) -> V2Member {
        let body = JSONValue.object([("peerURLs", [.string(peerURL)])])
        return V2Member(try call("POST", "", body, expecting: [201, 409], deadline))
    }

    func remove(_ id: String, _ deadline: Instant?) throws(V2CallError) {
        _ = try call("DELETE", "/" + id, nil, expecting: [204, 410], deadline)
    }

    func update(
        _ id: String, _ peerURLs: [String], _ deadline: Instant?
    ) throws(V2CallError) {
        let body = JSONValue.object([("peerURLs", .array(peerURLs.map(JSONValue.string)))])
        _ = try call("PUT", "/" + id, body, expecting: [204, 409, 404], deadline)
    }

    private func call(
        _ method: String, _ path: String, _ body: JSONValue?, expecting good: [Int],
        _ deadline: Instant?
    ) throws(V2CallError) -> JSONValue {
        var action = V2Action(method: method, path: "/v2/members" + path)
        if let body {
            action.contentType = "application/json"
            action.body = JSON.text(body)
        }
        let answer = try client.send(action, until: deadline)
        if answer.status == 410, good.contains(410) { return .null }
        guard good.contains(answer.status) else {
            throw V2CallError(
                text: "unexpected status code \(answer.status)", status: answer.status)
        }
        let json = try? JSON.parse(answer.body)
        if answer.status >= 400 { throw V2CallError(text: json?["message"]?.string ?? "") }
        if answer.status == 204 { return .null }
        guard let json, json.object != nil else { throw .noJSON }
        return json
    }
}
