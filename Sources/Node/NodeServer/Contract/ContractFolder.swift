// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import FileDisk
internal import Formats
internal import Posix
internal import Recovery
internal import Storage

/// Who the data of a directory belongs to: `keelson.json` in it.
struct NodeIdentity: Equatable, Sendable {
    var clusterUID: String
    var clusterID: UInt64
    var memberID: UInt64
    /// The pod that the data was made in.
    var podUID: String
    /// Of the ticket that the data was made by.
    var ticketGeneration: Int64

    var json: JSONValue {
        .object([
            ("clusterUID", .string(clusterUID)),
            ("clusterID", .string(String(clusterID, radix: 16))),
            ("memberID", .string(String(memberID, radix: 16))), ("podUID", .string(podUID)),
            ("ticketGeneration", .integer(ticketGeneration)),
        ])
    }

    /// Nil for anything that is no identity.
    static func read(_ text: [UInt8]) -> NodeIdentity? {
        guard let value = try? JSON.parse(text), let clusterUID = value["clusterUID"]?.string,
            !clusterUID.isEmpty, let cluster = value["clusterID"]?.string,
            let clusterID = UInt64(cluster, radix: 16), let member = value["memberID"]?.string,
            let memberID = UInt64(member, radix: 16)
        else { return nil }
        return NodeIdentity(
            clusterUID: clusterUID, clusterID: clusterID, memberID: memberID,
            podUID: value["podUID"]?.string ?? "",
            ticketGeneration: value["ticketGeneration"]?.int64 ?? 0)
    }
}

/// The contract's own files in the data directory, which is locked by one of them:
///
///     keelson.json           NodeIdentity; written last, by a rename
///     keelson.intent.json    the ticket at work; gone when it is done
///     keelson.removed.json   this member was removed from its cluster
///     keelson.lock
///     keelson.new.partial/   a restored member in the making
///     keelson.new/           the same, whole, and not yet in its place
///     member.before-N/       what the member was before force-new-cluster of generation N
struct ContractFolder {
    let path: String
    private let walPath: String
    private let lock: FileLock

    private static let identityName = "keelson.json"
    private static let intentName = "keelson.intent.json"
    private static let tombstoneName = "keelson.removed.json"

    init(_ path: String, walPath: String?) throws(StartFailure) {
        self.path = path
        self.walPath = walPath ?? "\(path)/member/wal"
        do throws(PosixError) {
            try Directory.make(path)
            lock = try FileLock("\(path)/keelson.lock")
        } catch {
            if error.isWouldBlock { throw .locked(path) }
            throw .posix(error)
        }
    }

    // MARK: Facts

    func facts(podUID: String) throws(StartFailure) -> StartTable.Facts {
        var facts = StartTable.Facts()
        facts.podUID = podUID
        facts.isRemoved = Directory.exists(file(Self.tombstoneName))
        facts.data = try data()
        facts.identity = try identity()
        facts.intent = try intent()
        return facts
    }

    private func data() throws(StartFailure) -> StartTable.Data {
        let log = MemberLog(
            on: PosixDisk(syncs: true), directory: walPath, settings: LogSettings(salt: 0))
        do throws(RecoveryError) {
            if try log.exists { return .log }
        } catch {
            throw .files(error)
        }
        guard Directory.exists(walPath) else { return .none }
        do throws(PosixError) {
            return try Directory.list(walPath).contains { $0.hasSuffix(".wal") } ? .etcds : .none
        } catch {
            throw .posix(error)
        }
    }

    func identity() throws(StartFailure) -> NodeIdentity? {
        guard let text = try read(Self.identityName) else { return nil }
        guard let identity = NodeIdentity.read(text) else {
            throw .refused("\(file(Self.identityName)) is damaged: it names no cluster and member")
        }
        return identity
    }

    private func intent() throws(StartFailure) -> Ticket? {
        guard let text = try read(Self.intentName) else { return nil }
        do throws(TicketError) {
            return try Ticket.read(text)
        } catch {
            throw .refused("\(file(Self.intentName)) is damaged: \(error)")
        }
    }

    // MARK: Writing down

    /// Durable when this returns, as is everything here.
    func begin(_ ticket: Ticket) throws(StartFailure) {
        try write(Self.intentName, ticket.json)
    }

    func finish(_ identity: NodeIdentity) throws(StartFailure) {
        try write(Self.identityName, identity.json)
        do throws(PosixError) {
            try NewMember.tidy(path)
        } catch {
            throw .posix(error)
        }
        try forgetIntent()
    }

    func forgetIntent() throws(StartFailure) {
        do throws(PosixError) {
            if Directory.exists(file(Self.intentName)) {
                try Directory.remove(file(Self.intentName))
                try Directory.sync(path)
            }
        } catch {
            throw .posix(error)
        }
    }

    func markRemoved(_ json: JSONValue) throws(StartFailure) {
        try write(Self.tombstoneName, json)
    }

    private func write(_ name: String, _ value: JSONValue) throws(StartFailure) {
        let partial = file(name) + ".partial"
        do throws(PosixError) {
            let made = try File(partial, .replace)
            try made.write(at: 0, JSON.bytes(value) + [0x0a])
            try made.sync()
            made.close()
            try Directory.rename(partial, to: file(name))
            try Directory.sync(path)
        } catch {
            throw .posix(error)
        }
    }

    private func read(_ name: String) throws(StartFailure) -> [UInt8]? {
        do throws(PosixError) {
            return try File(file(name), .read).readAll(limit: Ticket.byteCountMax)
        } catch {
            if error.isNotFound { return nil }
            throw .posix(error)
        }
    }

    private func file(_ name: String) -> String { "\(path)/\(name)" }
}
