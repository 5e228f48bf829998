// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats

/// What a member in a pod is told to be.
struct Ticket: Equatable, Sendable {
    enum Action: String, Equatable, Sendable, CaseIterable {
        case bootstrap, join, resume, hold, restore
        case forceNewCluster = "force-new-cluster"
    }

    struct Source: Equatable, Sendable {
        var path: String
        /// Of the whole file, in hexadecimal; empty when nobody knows it.
        var sha256 = ""
        /// Added to the revision, so that caches of clients notice; 0 for not.
        var bumpRevision: UInt64 = Ticket.standardBump
    }

    var clusterUID: String
    var generation: Int64
    var action: Action
    /// The only pod that may do it; empty for actions that anybody may repeat.
    var podUID = ""
    /// Of the member to join as; 0 for the other actions, and for tickets that leave it open.
    var memberID: UInt64 = 0
    /// `name=url,…`; empty for this member alone.
    var initialCluster = ""
    var clusterToken = ""
    var restore: Source?

    /// Beyond what a cluster writes between two backups.
    static let standardBump: UInt64 = 1_000_000_000
    static let byteCountMax = 64 << 10

    /// What may be done once only.
    var isBoundToPod: Bool {
        switch action {
        case .bootstrap, .restore, .forceNewCluster: true
        case .join, .resume, .hold: false
        }
    }

    // MARK: JSON

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("clusterUID", .string(clusterUID)), ("generation", .integer(generation)),
            ("action", .string(action.rawValue)),
        ]
        if !podUID.isEmpty { members.append(("podUID", .string(podUID))) }
        if memberID != 0 { members.append(("memberID", .string(String(memberID, radix: 16)))) }
        if !initialCluster.isEmpty { members.append(("initialCluster", .string(initialCluster))) }
        if !clusterToken.isEmpty { members.append(("clusterToken", .string(clusterToken))) }
        if let restore {
            members.append(
                (
                    "restore",
                    .object([
                        ("path", .string(restore.path)), ("sha256", .string(restore.sha256)),
                        ("bumpRevision", .unsigned64(restore.bumpRevision)),
                    ])
                ))
        }
        return .object(members)
    }

    static func read(_ text: [UInt8]) throws(TicketError) -> Ticket {
        guard text.count <= byteCountMax else {
            throw TicketError("larger than \(byteCountMax) bytes")
        }
        let value: JSONValue
        do throws(FormatError) {
            value = try JSON.parse(text)
        } catch {
            throw TicketError("not JSON: line \(error.line): \(error.reason)")
        }
        return try read(value)
    }

    static func read(_ value: JSONValue) throws(TicketError) -> Ticket {
        let clusterUID = try text(value, "clusterUID")
        guard !clusterUID.isEmpty else { throw TicketError("clusterUID is missing") }
        let word = try text(value, "action")
        guard let action = Action(rawValue: word) else {
            throw TicketError(
                "action \"\(word)\" is none of "
                    + Action.allCases.map(\.rawValue).joined(separator: ", "))
        }
        let generation = value["generation"].map(\.int64) ?? 0
        guard let generation, generation >= 0 else {
            throw TicketError("generation is no whole number from 0 on")
        }
        var ticket = Ticket(clusterUID: clusterUID, generation: generation, action: action)
        ticket.podUID = try text(value, "podUID")
        ticket.initialCluster = try text(value, "initialCluster")
        ticket.clusterToken = try text(value, "clusterToken")
        ticket.memberID = try memberID(value)
        ticket.restore = try source(value["restore"])
        try ticket.check()
        return ticket
    }

    private func check() throws(TicketError) {
        if isBoundToPod, podUID.isEmpty {
            throw TicketError("\(action.rawValue) needs the podUID it is for")
        }
        switch action {
        case .join:
            if memberID == 0 { throw TicketError("join needs the memberID to join as") }
            if initialCluster.isEmpty { throw TicketError("join needs an initialCluster") }
        case .restore:
            if restore == nil { throw TicketError("restore needs {\"restore\":{\"path\":…}}") }
        case .bootstrap, .resume, .hold, .forceNewCluster: break
        }
    }

    private static func source(_ value: JSONValue?) throws(TicketError) -> Source? {
        guard let value, !value.isNull else { return nil }
        let path = try text(value, "path")
        guard !path.isEmpty else { throw TicketError("restore.path is missing") }
        let sum = try text(value, "sha256").lowercased()
        guard sum.isEmpty || sum.utf8.count == 64, sum.allSatisfy(\.isHexDigit) else {
            throw TicketError("restore.sha256 is no SHA-256 in hexadecimal")
        }
        var source = Source(path: path, sha256: sum)
        if let bump = value["bumpRevision"], !bump.isNull {
            guard let number = bump.uint64, number < 1 << 62 else {
                throw TicketError("restore.bumpRevision is no whole number")
            }
            source.bumpRevision = number
        }
        return source
    }

    private static func memberID(_ value: JSONValue) throws(TicketError) -> UInt64 {
        let text = try text(value, "memberID")
        if text.isEmpty { return 0 }
        guard let id = UInt64(text, radix: 16), id != 0 else {
            throw TicketError("memberID \"\(text)\" is no id in hexadecimal")
        }
        return id
    }

    private static func text(_ value: JSONValue, _ key: String) throws(TicketError) -> String {
        guard let member = value[key], !member.isNull else { return "" }
        guard let text = member.string else { throw TicketError("\(key) is no text") }
        return text
    }
}

/// Why a text is no ticket.
struct TicketError: Error, Equatable, Sendable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
