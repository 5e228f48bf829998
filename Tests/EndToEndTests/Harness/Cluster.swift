// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit

/// Members that know each other, numbered from 0.
final class Cluster {
    /// Elections within half a second, so that many disasters fit into a test.
    static let electionTimeout = Duration.milliseconds(200)
    static let fast = ["--heartbeat-interval=20", "--election-timeout=200"]

    let folder: TemporaryFolder
    let members: [Member]

    /// `peerHosts` are the names by which the members know each other.
    init(
        _ count: Int, flags: [String] = [], environment: [String: String] = [:],
        peerHosts: [String] = [], dataDirectory: String? = nil
    ) throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        members = try (0..<count).map { number in
            let host = peerHosts.isEmpty ? "127.0.0.1" : peerHosts[number]
            let member = try Member(
                "m\(number)", in: folder.path, peerHost: host, dataDirectory: dataDirectory)
            member.flags = Cluster.fast + flags
            member.environment = environment
            return member
        }
    }

    deinit {
        for member in members { try? member.kill() }
    }

    subscript(_ number: Int) -> Member { members[number] }

    /// For `--initial-cluster`.
    var description: String {
        members.map { "\($0.name)=\($0.peerURL)" }.joined(separator: ",")
    }

    var endpoints: [String] { members.map(\.endpoint) }

    // MARK: Lives

    func start(_ number: Int, state: String = "new") throws {
        try members[number].start(cluster: description, state: state)
    }

    /// Starts all, and waits until they have a leader and take writes.
    func start() throws {
        for number in members.indices { try start(number) }
        try waitUntilReady()
    }

    func waitUntilReady(within limit: Duration = .seconds(20)) throws {
        try eventually("all members have the same leader", within: limit) {
            for member in members {
                if let ending = member.process?.ending {
                    throw TestFailure("\(member.name) ended: \(ending)")
                }
            }
            let leaders = Set(members.map { $0.status()?.leader ?? 0 })
            return leaders.count == 1 && leaders.first != 0
        }
        try eventually("the cluster takes a write", within: limit) {
            (try? client(timeout: .seconds(1)).put(PutRequest(key: bytes("ready"), value: [])))
                != nil
        }
    }

    /// Until the member knows all that any other has applied by now.
    func waitUntilLevel(_ number: Int, within limit: Duration = .seconds(20)) throws {
        var goal: UInt64?
        try eventually("m\(number) has caught up", within: limit) {
            let member = members[number]
            if let ending = member.process?.ending {
                throw TestFailure("\(member.name) ended: \(ending)")
            }
            goal = goal ?? members.compactMap { $0.status()?.raftAppliedIndex }.max()
            guard let goal, let own = member.status() else { return false }
            return own.leader != 0 && own.raftAppliedIndex >= goal
        }
    }

    // MARK: Asking

    /// The member that leads, in its own eyes and in those of the majority.
    func leader(within limit: Duration = .seconds(20)) throws -> Int {
        var found: Int?
        try eventually("one leader", within: limit) {
            let states = members.map { $0.status() }
            found = states.indices.first { number in
                guard let own = states[number]?.header?.memberID, own != 0 else { return false }
                return states.count { $0?.leader == own } * 2 > members.count
                    && states[number]?.leader == own
            }
            return found != nil
        }
        guard let found else { throw TestFailure("no leader") }
        return found
    }

    /// A client that goes on to the next member when one does not answer.
    func client(timeout: Duration = .seconds(5)) throws -> Client {
        var settings = ClientSettings(endpoints: endpoints)
        settings.callTimeout = timeout
        settings.dialTimeout = .milliseconds(500)
        settings.resumeDelay = .milliseconds(20)
        return try Client(settings)
    }

    // MARK: Failing

    /// Runs the body; if it fails, what the members said last goes with the failure.
    func showingOutput<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw TestFailure("\(error)\n\(tails)")
        }
    }

    var tails: String { members.map(\.tail).joined(separator: "\n") }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
