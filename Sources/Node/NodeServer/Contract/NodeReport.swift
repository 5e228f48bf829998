// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Posix

/// What the process says of itself: at /identity while it lives, in the termination message when it
/// ends. Changed and read on the core's thread.
final class NodeReport {
    enum State: String, Sendable {
        case awaitingTicket = "AwaitingTicket"
        case starting = "Starting"
        case running = "Running"
        case refused = "Refused"
    }

    var state = State.starting
    var reason = ""
    var clusterUID = ""
    /// In hexadecimal; empty while nobody knows it.
    var clusterID = ""
    var memberID = ""
    var podUID = ""
    var isDataLost = false
    var ticketGeneration: Int64 = 0

    var json: JSONValue {
        .object([
            ("state", .string(state.rawValue)), ("reason", .string(reason)),
            ("clusterUID", .string(clusterUID)), ("clusterID", .string(clusterID)),
            ("memberID", .string(memberID)), ("podUID", .string(podUID)),
            ("dataLost", .bool(isDataLost)), ("ticketGeneration", .integer(ticketGeneration)),
            ("version", .string(NodeProgram.version)),
        ])
    }

    func take(_ identity: NodeIdentity) {
        clusterUID = identity.clusterUID
        clusterID = String(identity.clusterID, radix: 16)
        memberID = String(identity.memberID, radix: 16)
        ticketGeneration = identity.ticketGeneration
    }
}

/// The last words of a process that ends badly, for whoever started it: one line of JSON in the file
/// of --termination-log.
struct TerminationMessage {
    /// Empty: nobody wants it.
    let path: String

    static let byteCountMax = 4_096
    static let flag = "--termination-log"
    static let variable = "KEELSON_TERMINATION_LOG"

    init(path: String) {
        self.path = path
    }

    /// For a command line that may be wrong in other places.
    init(arguments: [String], environment: [(String, String)]) {
        var path = environment.first { $0.0 == Self.variable }?.1 ?? ""
        for (place, word) in arguments.enumerated() {
            let bare = word.hasPrefix("--") ? word : "-" + word
            if bare.hasPrefix(Self.flag + "=") {
                path = String(bare.dropFirst(Self.flag.utf8.count + 1))
            } else if bare == Self.flag, place + 1 < arguments.count {
                path = arguments[place + 1]
            }
        }
        self.path = path
    }

    /// Nothing is said about a clean end. Why a message could not be written; nil if it was.
    func write(_ code: Int32, _ error: String, _ report: NodeReport? = nil) -> PosixError? {
        guard code != 0, !path.isEmpty else { return nil }
        do throws(PosixError) {
            let file = try File(path, .replace, permissions: 0o644)
            try file.write(at: 0, TerminationMessage.bytes(code, error, report))
            return nil
        } catch {
            return error
        }
    }

    /// Never longer than `byteCountMax`: the sentence is cut.
    static func bytes(_ code: Int32, _ error: String, _ report: NodeReport? = nil) -> [UInt8] {
        var length = min(error.count, byteCountMax)
        while true {
            var members: [(String, JSONValue)] = [
                ("exitCode", .integer(Int64(code))), ("reason", .string(name(of: code))),
                ("error", .string(String(error.prefix(length)))),
            ]
            if let report {
                members += [
                    ("clusterUID", .string(report.clusterUID)),
                    ("clusterID", .string(report.clusterID)),
                    ("memberID", .string(report.memberID)), ("podUID", .string(report.podUID)),
                    ("dataLost", .bool(report.isDataLost)),
                ]
            }
            let bytes = JSON.bytes(.object(members)) + [0x0a]
            if bytes.count <= byteCountMax || length == 0 { return bytes }
            length /= 2
        }
    }

    private static func name(of code: Int32) -> String {
        switch code {
        case ExitCode.foreignVolume: "ForeignVolume"
        case ExitCode.removed: "MemberRemoved"
        case ExitCode.diverged: "Diverged"
        case ExitCode.diskFailed: "DiskFailed"
        case 2: "Usage"
        default: "CannotStart"
        }
    }
}
