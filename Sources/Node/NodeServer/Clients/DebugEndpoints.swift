// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Posix
internal import Program
internal import Raft
internal import Replicated

/// `/debug/vars` and `/config/local/log`.
struct DebugEndpoints {
    let member: LocalMember
    let logSwitch: LogSwitch

    /// What Go's expvar shows of an etcd, as far as there is the like here.
    func variables() -> HTTPResponse {
        let node = member.node
        let raft = node.raft
        let status: [(String, JSONValue)] = [
            ("id", .string("\(node.settings.memberID)")), ("term", .unsigned64(raft.term.number)),
            ("commit", .unsigned64(raft.commit.number)),
            ("lead", .string(raft.leader.map { "\($0)" } ?? "0")),
            ("raftState", .string(stateName)),
            ("applied", .unsigned64(node.ledger.appliedIndex.number)),
        ]
        let value = JSONValue.object([
            ("cmdline", .array(CommandLine.arguments.map(JSONValue.string))),
            ("file_descriptor_limit", .integer(Int64(ThisProcess.descriptorLimit))),
            ("memstats", .object([("Sys", .integer(ThisProcess.residentByteCount))])),
            ("raft.status", .object(status)),
        ])
        return HTTPResponse(
            status: 200,
            headers: [HeaderField("content-type", "application/json; charset=utf-8")],
            body: JSON.bytes(value) + [0x0a])
    }

    private var stateName: String {
        switch member.node.raft.role {
        case .leader: "StateLeader"
        case .follower: "StateFollower"
        case .candidate: "StateCandidate"
        case .preCandidate: "StatePreCandidate"
        }
    }

    /// PUT `{"Level":"DEBUG"}`.
    func setLogLevel(_ request: HTTPRequest) -> HTTPResponse {
        guard request.head.method == "PUT" else {
            var response = HTTPEndpoints.error(405, "Method Not Allowed")
            response.head.headers.append(HeaderField("allow", "PUT"))
            return response
        }
        guard let body = try? JSON.parse(request.body), body.object != nil else {
            return DebugEndpoints.refusal("Invalid json body")
        }
        let name = body["Level"]?.string ?? ""
        guard let level = LogLevel(name: name.lowercased()) else {
            return DebugEndpoints.refusal("Invalid log level \(name)")
        }
        logSwitch.level = level
        member.logger.log(
            max(level, .info), "the log level was changed", ["level": .string(level.name)])
        return HTTPResponse(status: 204)
    }

    private static func refusal(_ text: String) -> HTTPResponse {
        HTTPResponse(
            status: 400, contentType: "application/json",
            text: JSON.text(.object([("message", .string(text))])))
    }
}
