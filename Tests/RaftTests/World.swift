// SPDX-License-Identifier: Apache-2.0
import Bytes

@testable import Raft

/// What a power cut leaves of a member.
struct Platter {
    var hardState = HardState()
    var base = SnapshotMetadata()
    var entries: [Entry] = []
    var checkpoint = StateMachine()

    mutating func write(_ batch: AppendBatch) {
        if let state = batch.hardState { hardState = state }
        if let snapshot = batch.snapshot {
            base = snapshot
            entries = []
        }
        guard let first = batch.entries.first else { return }
        entries.removeAll { $0.index >= first.index }
        entries.append(contentsOf: batch.entries)
    }
}

/// The replicated state: how far it is, a hash of everything applied, and the members.
struct StateMachine: Equatable {
    var index = LogIndex.zero
    var hash: UInt64 = 0
    var configuration = Configuration()

    static func mixed(_ hash: UInt64, _ entry: Entry) -> UInt64 {
        var mixed = hash ^ entry.index.number &* 0x9E37_79B9_7F4A_7C15
        for byte in entry.data { mixed = (mixed ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return mixed ^ entry.term.number << 17
    }
}

/// A few cores in one process, with a network that loses, repeats and reorders, and disks that
/// forget what they have not confirmed. Everything follows from the seed.
final class World {
    final class Node {
        let id: MemberID
        var core: Core
        var platter: Platter
        var machine: StateMachine
        var isUp = true
        /// Issued and not yet confirmed; the disk may have written some of them already.
        var writing: [AppendBatch] = []
        var applying: [Entry] = []
        var received: [LogIndex: UInt64] = [:]
        var restoring: SnapshotMetadata?

        init(id: MemberID, core: Core, platter: Platter) {
            self.id = id
            self.core = core
            self.platter = platter
            machine = platter.checkpoint
        }
    }

    var random: Random
    var nodes: [Node] = []
    var wire: [Message] = []
    var cut: Set<[MemberID]> = []
    var dropPercent = 0
    var duplicatePercent = 0
    var settings = Settings()
    var failures: [String] = []
    var trace: [String] = []
    var keepsTrace = false

    // What must be true of all members together.
    var leaders: [Term: MemberID] = [:]
    var chosen: [LogIndex: Entry] = [:]
    var hashes: [LogIndex: UInt64] = [:]
    var newestChosen = LogIndex(1)
    var written: [[UInt64]: (previous: Term, entry: Entry)] = [:]
    var reads: [UInt64: LogIndex] = [:]
    var answeredReads = 0
    var restores = 0
    var nextNumber: UInt64 = 1

    init(seed: UInt64, members: Int, spares: Int) {
        random = Random(seed: seed)
        settings.preVote = !random.chance(percent: 30)
        settings.maxAppendBytes = random.chance(percent: 50) ? 64 : 1 << 20
        settings.maxInFlight = random.chance(percent: 50) ? 2 : 512
        let voters = (1...members).map { MemberID(UInt64($0)) }
        var start = Platter()
        start.hardState = HardState(term: Term(1), vote: .none, commit: LogIndex(1))
        start.base = SnapshotMetadata(
            index: LogIndex(1), term: Term(1), configuration: Configuration(voters: voters))
        start.checkpoint = StateMachine(
            index: LogIndex(1), hash: 1, configuration: start.base.configuration)
        hashes[LogIndex(1)] = 1
        for number in 1...(members + spares) {
            let platter = number <= members ? start : Platter()
            let id = MemberID(UInt64(number))
            nodes.append(Node(id: id, core: boot(id, platter), platter: platter))
        }
    }

    private func boot(_ id: MemberID, _ platter: Platter) -> Core {
        var restored = Restored()
        restored.hardState = platter.hardState
        restored.snapshot = platter.base
        restored.entries = platter.entries
        restored.applied = platter.checkpoint.index
        restored.configuration = platter.checkpoint.configuration
        return Core(id: id, settings: settings, restored: restored, seed: random.next())
    }

    // MARK: Events

    func tell(_ node: Node, _ event: Event) {
        guard node.isUp else { return }
        if keepsTrace { trace.append("\(node.id): \(event)") }
        var effects: [Effect] = []
        node.core.receive(event, effects: &effects)
        for effect in effects { carryOut(effect, node) }
    }

    private func carryOut(_ effect: Effect, _ node: Node) {
        if keepsTrace { trace.append("    \(effect.text)") }
        switch effect {
        case .append(let batch):
            node.writing.append(batch)
            checkWritten(batch, node)
        case .send(let message): send(message)
        case .commit(let entries):
            check(entries, node)
            node.applying.append(contentsOf: entries)
        case .restore(let snapshot): restore(snapshot, node)
        case .sendSnapshot(let member): sendSnapshot(to: member, node)
        case .readReady(let context, let index): checkRead(context, index)
        case .readDropped(let context): reads[context] = nil
        case .leaderChanged(_, let term, .leader): checkLeader(node, term)
        case .leaderChanged, .proposalsDropped: break
        case .diverged(let member, let index):
            fail("\(node.id) diverged from \(member) at \(index)")
        }
    }

    private func send(_ message: Message) {
        guard let decoded = try? MessageCodec.decode(MessageCodec.encode(message)) else {
            return fail("undecodable \(message)")
        }
        if decoded != message { fail("codec changed \(message) into \(decoded)") }
        wire.append(decoded)
        if random.chance(percent: duplicatePercent) { wire.append(decoded) }
    }

    private func sendSnapshot(to member: MemberID, _ node: Node) {
        let state = node.machine
        guard let term = node.core.term(at: state.index) else {
            return fail("\(node.id) applied \(state.index) and knows no term")
        }
        let metadata = SnapshotMetadata(
            index: state.index, term: term, configuration: state.configuration)
        guard var message = node.core.snapshotMessage(to: member, metadata: metadata) else {
            return fail("snapshot asked for and not wanted")
        }
        var writer = ByteWriter()
        writer.appendBigEndian(state.hash)
        message.snapshotData = writer.bytes
        send(message)
    }

    private func restore(_ snapshot: SnapshotMetadata, _ node: Node) {
        guard let hash = node.received[snapshot.index] else {
            return fail("restore of \(snapshot.index), which never came")
        }
        restores += 1
        node.applying = []
        node.machine = StateMachine(
            index: snapshot.index, hash: hash, configuration: snapshot.configuration)
        node.platter.checkpoint = node.machine
        checkHash(node)
        node.restoring = snapshot
    }

    /// The message at `position` arrives, or is lost when its link is cut.
    func deliver(at position: Int) {
        let message = wire.remove(at: position)
        guard let node = nodes.first(where: { $0.id == message.to }) else { return }
        let isCut = cut.contains([message.from, message.to])
        if !node.isUp || isCut || random.chance(percent: dropPercent) { return lose(message) }
        if let snapshot = message.snapshot {
            var reader = ByteReader(message.snapshotData)
            node.received[snapshot.index] = try? reader.bigEndian(UInt64.self)
        }
        tell(node, .received(message))
        if message.kind == .snapshot { report(message, succeeded: true) }
    }

    private func lose(_ message: Message) {
        guard let sender = nodes.first(where: { $0.id == message.from }) else { return }
        if message.kind == .snapshot { report(message, succeeded: false) }
        let isNoticed = message.kind == .append && random.chance(percent: 50)
        if isNoticed { tell(sender, .unreachable(message.to)) }
    }

    private func report(_ message: Message, succeeded: Bool) {
        guard let sender = nodes.first(where: { $0.id == message.from }) else { return }
        tell(sender, .snapshotReported(message.to, succeeded: succeeded))
    }

    func confirmOne(_ node: Node) {
        guard node.isUp, !node.writing.isEmpty else { return }
        let count = 1 + random.below(node.writing.count)
        let number = node.writing[count - 1].number
        for batch in node.writing[..<count] { node.platter.write(batch) }
        node.writing.removeFirst(count)
        tell(node, .appended(through: number))
    }

    func applySome(_ node: Node) {
        guard node.isUp else { return }
        if let snapshot = node.restoring {
            node.restoring = nil
            return tell(node, .applied(through: snapshot.index))
        }
        guard !node.applying.isEmpty else { return }
        let count = 1 + random.below(node.applying.count)
        let entries = Array(node.applying[..<count])
        node.applying.removeFirst(count)
        for entry in entries { apply(entry, node) }
        tell(node, .applied(through: node.machine.index))
    }

    private func apply(_ entry: Entry, _ node: Node) {
        if entry.index != node.machine.index.next {
            fail("\(node.id) applies \(entry.index) after \(node.machine.index)")
        }
        node.machine.index = entry.index
        node.machine.hash = StateMachine.mixed(node.machine.hash, entry)
        if entry.kind != .normal {
            let change = try? MessageCodec.decodeChange(entry)
            // The state machine refuses some, the same ones everywhere.
            let isRefused = entry.kind == .change && entry.index.number % 5 == 0
            tell(node, .changeApplied(isRefused ? nil : change))
            node.machine.configuration = node.core.configuration
        }
        checkHash(node)
    }

    func checkpoint(_ node: Node) {
        guard node.isUp, node.restoring == nil else { return }
        node.platter.checkpoint = node.machine
        let index = node.machine.index
        guard index.number > 4, random.chance(percent: 60) else { return }
        // The platter's log is cut at the checkpoint, the memory a little before it.
        if let entry = node.platter.entries.first(where: { $0.index == index }) {
            node.platter.base = SnapshotMetadata(
                index: index, term: entry.term, configuration: node.machine.configuration)
            node.platter.entries.removeAll { $0.index <= index }
        }
        let kept = UInt64(random.below(4))
        tell(node, .compacted(through: LogIndex(index.number - min(index.number, kept))))
    }

    func crash(_ node: Node) {
        node.isUp = false
        // Some of what is being written has reached the platter, though nobody was told.
        for batch in node.writing.prefix(random.below(node.writing.count + 1)) {
            node.platter.write(batch)
        }
        node.writing = []
        node.applying = []
        node.restoring = nil
    }

    func restart(_ node: Node) {
        if node.isUp { return }
        // A received snapshot whose mark is in the log is on the platter too.
        if node.platter.base.index > node.platter.checkpoint.index {
            let base = node.platter.base
            guard let hash = node.received[base.index] else { return fail("mark without snapshot") }
            node.platter.checkpoint = StateMachine(
                index: base.index, hash: hash, configuration: base.configuration)
        }
        node.isUp = true
        node.machine = node.platter.checkpoint
        node.core = boot(node.id, node.platter)
    }

    // MARK: Checks

    func fail(_ text: String) {
        if failures.count < 10 { failures.append(text) }
    }

    private func checkLeader(_ node: Node, _ term: Term) {
        if let other = leaders[term], other != node.id {
            fail("term \(term) has leaders \(other) and \(node.id)")
        }
        leaders[term] = node.id
        if node.core.lastIndex < newestChosen {
            fail(
                "leader \(node.id) of \(term) ends at \(node.core.lastIndex), \(newestChosen) chosen"
            )
        }
        for (index, entry) in chosen where node.core.term(at: index) != entry.term {
            if index < node.core.firstIndex { continue }
            fail("leader \(node.id) of \(term) lacks \(index)/\(entry.term)")
        }
    }

    private func checkWritten(_ batch: AppendBatch, _ node: Node) {
        guard var before = batch.entries.first?.index.previous else { return }
        for entry in batch.entries {
            let previous = node.core.term(at: before) ?? .zero
            let key = [entry.index.number, entry.term.number]
            if let known = written[key], known.entry != entry || known.previous != previous {
                fail("two logs differ at \(entry.index)/\(entry.term)")
            }
            written[key] = (previous, entry)
            before = entry.index
        }
    }

    private func check(_ entries: [Entry], _ node: Node) {
        for entry in entries {
            if let known = chosen[entry.index], known != entry {
                fail("\(entry.index) was chosen as \(known.text) and is \(entry.text)")
            }
            chosen[entry.index] = entry
            newestChosen = max(newestChosen, entry.index)
            let onPlatter = node.platter.entries.last?.index ?? node.platter.base.index
            if entry.index > onPlatter { fail("\(node.id) hands out \(entry.index), not durable") }
        }
    }

    private func checkHash(_ node: Node) {
        let state = node.machine
        if let known = hashes[state.index], known != state.hash {
            fail("state of \(node.id) differs at \(state.index)")
        }
        hashes[state.index] = state.hash
    }

    private func checkRead(_ context: UInt64, _ index: LogIndex) {
        guard let floor = reads.removeValue(forKey: context) else { return }
        answeredReads += 1
        if index < floor { fail("read \(context) at \(index), \(floor) was chosen before it") }
    }
}
