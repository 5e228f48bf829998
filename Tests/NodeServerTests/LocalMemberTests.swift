// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Posix
import Program
import Raft
import Replicated
import SimulatedDisk
import Storage
import TestKit
import Testing

@testable import Net
@testable import NodeCore
@testable import NodeServer

/// A lone member on its thread, with a disk in memory.
@Suite struct LocalMemberTests {
    private let folder: TemporaryFolder
    private let reactor: Reactor
    private let member: LocalMember
    private let disk: DiskThread

    init() throws {
        folder = try TemporaryFolder()
        reactor = try Reactor()
        let mailbox = try Mailbox<CoreLetter>()
        disk = DiskThread(core: mailbox, quickSync: .seconds(600))
        let ledger = LedgerSettings(clusterID: ClusterID(2), memberID: MemberID(1))
        var settings = NodeSettings(
            memberID: MemberID(1), clusterID: ClusterID(2), name: "alone", clientURLs: [],
            startedAt: 1, seed: 7)
        settings.electionTicks = 2
        settings.heartbeatInterval = .milliseconds(1)
        let founders = MembershipCommand.bootstrap([Member(id: 1, name: "alone")])
        var restored = Restored()
        restored.hardState = HardState(term: Term(1), vote: .none, commit: LogIndex(1))
        restored.entries = founders.map {
            Entry(kind: .change, term: Term(1), index: LogIndex(1), data: $0)
        }
        var log = try Log.create(
            on: SimulatedDisk(seed: 3), directory: "wal",
            metadata: LogMetadata(memberID: MemberID(1), clusterID: ClusterID(2)),
            settings: LogSettings(segmentByteCount: 1 << 20))
        try log.append([
            LogBatch(hardState: restored.hardState, entries: restored.entries)
        ])
        try log.sync()
        let node = Node(
            settings: settings, ledger: Ledger(settings: ledger), restored: restored,
            now: reactor.now)
        member = LocalMember(
            reactor: reactor, node: node, disk: disk, keeper: WorkThread(),
            files: StoreFiles(
                directory: folder.path, settings: ledger, syncs: false),
            mailbox: mailbox, metrics: NodeMetrics(), logger: .silent)
        try disk.start(log)
        try member.start()
        try turn(until: "it leads") { member.node.isLeader }
    }

    private func turn(until what: String, _ condition: () -> Bool) throws {
        let deadline = MonotonicClock.now + .seconds(30)
        while !condition() {
            guard MonotonicClock.now < deadline else { throw TestFailure("never: \(what)") }
            try reactor.runTurn(timeout: .milliseconds(1))
        }
    }

    private func put(_ key: String, _ count: Int = 1) throws {
        var left = count
        for number in 0..<count {
            let put = PutRequest(key: Array("\(key)\(number)".utf8), value: [1])
            member.call(.put(put)) { _ in left -= 1 }
        }
        try turn(until: "\(count) puts are answered") { left == 0 }
    }

    private func stop() {
        reactor.shutDown()
        disk.stop()
    }

    @Test func `after a lone write the thread looks for the next one before it sleeps`() throws {
        // The disk's thread may hold the log for a moment still.
        try turn(until: "a write is made here") {
            try? put("a")
            return reactor.isAboutToLinger
        }
        stop()
    }

    @Test func `after writes that came together it sleeps`() throws {
        for round in 0..<20 {
            try put("b\(round)", 3)
            #expect(!reactor.isAboutToLinger)
        }
        stop()
    }

    /// Whether a lone write is answered by the turn that takes it: then this thread has made it
    /// durable. The disk's thread would answer by a letter, for a later turn.
    private func isWrittenHere(byteCount: Int) throws -> Bool {
        var isAnswered = false
        let put = PutRequest(key: [1], value: Array(repeating: 1, count: byteCount))
        member.call(.put(put)) { _ in isAnswered = true }
        try reactor.runTurn(timeout: .zero)
        let isHere = isAnswered
        try turn(until: "the put is answered") { isAnswered }
        return isHere
    }

    /// Others would wait for the thread while it writes so much.
    @Test func `a large lone write is left to the disk's thread`() throws {
        for _ in 0..<20 {
            // The disk's thread may hold the log for a moment still.
            try turn(until: "a write is made here") { (try? isWrittenHere(byteCount: 1)) == true }
            #expect(try !isWrittenHere(byteCount: 32 << 10))
        }
        stop()
    }

    private final class Listener: WatchSink {
        var messages: [[UInt8]] = []
        func deliver(_ message: [UInt8]) { messages.append(message) }
        func end(_ error: EtcdError) {}
    }

    /// Flushing makes that room, after the hooks of a turn were run.
    @Test func `a watcher that gets room at the end of a turn hears its news in that turn`() throws
    {
        let listener = Listener()
        let stream = member.openWatch(requiresLeader: false, sink: listener)
        let create = WatchRequest.create(WatchCreateRequest(key: Array("c0".utf8)))
        member.receive(.watchRequested(stream, create, .anonymous))
        member.receive(.watchBlocked(stream))
        try put("c")
        let before = listener.messages.count
        var isFull = true
        reactor.atTurnEnd { [member] in
            guard isFull else { return }
            isFull = false
            member.receive(.watchDrained(stream))
        }
        try reactor.runTurn(timeout: .zero)
        #expect(!isFull && listener.messages.count == before + 1)
        let events = try listener.messages.last.map { try WatchResponse(decoding: $0).events }
        #expect(events?.first?.kv?.key == Array("c0".utf8))
        stop()
    }
}
