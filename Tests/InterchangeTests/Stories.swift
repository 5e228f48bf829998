// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Formats
import Interchange
import MVCC
import Replicated
import Storage

/// The life of a cluster as entries of its log: founders, attributes and version as 3.4 writes
/// them, then random writes, leases, compactions and a learner.
struct Story {
    static let clusterID = ClusterID(0xc1)
    static let memberID = MemberID(0x11)
    static let founders = [
        Member(id: 0x11, name: "m1", peerURLs: ["http://127.0.0.1:1"]),
        Member(id: 0x12, name: "m2", peerURLs: ["http://127.0.0.1:2"]),
    ]

    var entries: [Entry] = []
    private var random: Random
    private var revision: Int64 = 1
    private var compacted: Int64 = 0

    init(seed: UInt64, count: Int) {
        random = Random(seed: seed)
        for data in MembershipCommand.bootstrap(Story.founders) { add(.change, data) }
        for founder in Story.founders {
            let id = String(founder.id, radix: 16)
            store(
                "/0/members/\(id)/attributes",
                "{\"name\":\"\(founder.name)\",\"clientURLs\":[\"http://c\(id)\"]}")
        }
        store("/0/version", "3.4.0")
        add(
            .change,
            MembershipCommand.add(
                id: MemberID(0x13), peerURLs: ["http://127.0.0.1:3"], isLearner: true
            ).entryData(requestID: 9))
        while entries.count < count { step() }
    }

    private mutating func add(_ kind: Entry.Kind, _ data: [UInt8]) {
        let index = LogIndex(UInt64(entries.count) + 1)
        entries.append(
            Entry(kind: kind, term: Term(1 + index.number / 40), index: index, data: data))
    }

    private mutating func store(_ path: String, _ value: String) {
        let request = V2Request.with { request in
            request.id = 1
            request.method = "PUT"
            request.path = path
            request.val = value
        }
        add(.normal, request.encoded())
    }

    private mutating func request(_ command: InternalRaftRequest.Command) {
        var request = InternalRaftRequest()
        request.command = command
        add(.normal, request.encoded())
    }

    private mutating func step() {
        let key = Array("k\(random.below(12))".utf8)
        switch random.below(20) {
        case 0: add(.normal, [])
        case 1:
            request(
                .leaseGrant(
                    .with {
                        $0.id = Int64(1 + random.below(5))
                        $0.ttl = 600
                    }))
        case 2...4:
            request(.deleteRange(.with { $0.key = key }))
            revision += 1
        case 5 where revision > compacted + 4:
            compacted = revision - Int64(random.below(4)) - 1
            request(.compaction(.with { $0.revision = compacted }))
        default:
            let value = random.bytes(random.below(60))
            request(
                .put(
                    .with {
                        $0.key = key
                        $0.value = value
                    }))
            revision += 1
        }
    }

    /// A member that has applied the entries through `index`.
    func ledger(through index: Int) -> Ledger {
        let ledger = Ledger(
            settings: LedgerSettings(clusterID: Story.clusterID, memberID: Story.memberID))
        for entry in entries.prefix(index) {
            _ = ledger.apply(entry, isProposer: false, now: Instant(nanoseconds: 0))
        }
        return ledger
    }
}

extension LedgerView {
    /// As a member writes it, into `path`.
    func write(to path: String, on disk: any Disk, withSum: Bool = false) throws {
        let file = try disk.open(path, .create)
        defer { file.close() }
        var writer = BoltWriter(file: file, pageSize: 1024)
        for bucket in LedgerView.bucketNames {
            try writer.beginBucket(bucket)
            unsafe try forEachRow(in: bucket) { key, value throws(StorageError) in
                unsafe try writer.put(key: key, value: value)
            }
            try writer.endBucket()
        }
        let size = try writer.finish(transaction: 7)
        if withSum {
            let digest = RealDigest()
            let bytes = try file.read(at: 0, count: Int(size))
            unsafe bytes.withUnsafeBytes { unsafe digest.update($0) }
            try file.write(digest.finish(), at: size)
        }
    }
}

/// Writes etcd's log, for readers to read.
struct UpstreamWriter {
    private(set) var segments: [(name: String, bytes: [UInt8])] = []
    /// Where each record's frame begins, in the segment in hand.
    private(set) var offsets: [Int] = []
    private var sum: UInt32 = 0
    private let metadata: [UInt8]
    private var state: HardState?
    private var last: UInt64 = 0

    init(memberID: MemberID = Story.memberID, clusterID: ClusterID = Story.clusterID) {
        var writer = ByteWriter()
        writer.appendField(1, always: memberID.number)
        writer.appendField(2, always: clusterID.number)
        metadata = writer.bytes
        begin(name: UpstreamWriter.name(0, 0))
        mark(LogIndex(0), Term(0))
    }

    private static func name(_ sequence: UInt64, _ index: UInt64) -> String {
        func padded(_ number: UInt64) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "\(padded(sequence))-\(padded(index)).wal"
    }

    private mutating func begin(name: String) {
        segments.append((name, []))
        offsets = []
        record(4, nil)
        record(1, metadata)
    }

    mutating func cut() {
        begin(name: UpstreamWriter.name(UInt64(segments.count), last + 1))
        if let state { self.state(state) }
    }

    mutating func entry(_ entry: Entry) {
        last = entry.index.number
        record(2, UpstreamWriter.encoded(entry))
    }

    static func encoded(_ entry: Entry) -> [UInt8] {
        var writer = ByteWriter()
        writer.appendField(1, always: UInt64(entry.kind.rawValue))
        writer.appendField(2, always: entry.term.number)
        writer.appendField(3, always: entry.index.number)
        writer.appendField(4, bytes: entry.data)
        return writer.bytes
    }

    mutating func state(_ state: HardState) {
        self.state = state
        var writer = ByteWriter()
        writer.appendField(1, always: state.term.number)
        writer.appendField(2, always: state.vote.number)
        writer.appendField(3, always: state.commit.number)
        record(3, writer.bytes)
    }

    mutating func mark(_ index: LogIndex, _ term: Term) {
        last = max(last, index.number)
        var writer = ByteWriter()
        writer.appendField(1, always: index.number)
        writer.appendField(2, always: term.number)
        record(5, writer.bytes)
    }

    private mutating func record(_ kind: UInt64, _ data: [UInt8]?) {
        if let data {
            var crc = CRC32C(continuing: sum)
            crc.update(data)
            sum = crc.value
        }
        var writer = ByteWriter()
        writer.appendField(1, always: kind)
        writer.appendField(2, always: UInt64(sum))
        if let data { writer.appendField(3, alwaysBytes: data) }
        let padding = (8 - writer.count % 8) % 8
        var word = UInt64(writer.count)
        if padding > 0 { word |= UInt64(0x80 | padding) << 56 }
        var frame = ByteWriter()
        frame.appendLittleEndian(word)
        frame.append(writer.bytes)
        frame.append([UInt8](repeating: 0, count: padding))
        offsets.append(segments[segments.count - 1].bytes.count)
        segments[segments.count - 1].bytes += frame.bytes
    }

    /// The newest segment keeps some of the zeros that were reserved for it.
    func store(in directory: String, on disk: any Disk, reserved: Int = 4096) throws {
        for (number, segment) in segments.enumerated() {
            let isLast = number == segments.count - 1
            let zeros = [UInt8](repeating: 0, count: isLast ? reserved : 0)
            try disk.put(segment.bytes + zeros, at: "\(directory)/\(segment.name)")
        }
    }
}

/// A `.snap` file with the membership of a ledger, as etcd writes one.
enum SnapWriter {
    static func bytes(_ ledger: Ledger) -> [UInt8] {
        var members: [(String, JSONValue)] = []
        for member in ledger.members.list {
            let id = String(member.id, radix: 16)
            var raft: [(String, JSONValue)] = [
                ("peerURLs", .array(member.peerURLs.map { .string($0) }))
            ]
            if member.isLearner { raft.append(("isLearner", true)) }
            var leaves = [("raftAttributes", leaf(JSON.text(.object(raft))))]
            if !member.name.isEmpty {
                let attributes = JSONValue.object([
                    ("name", .string(member.name)),
                    ("clientURLs", .array(member.clientURLs.map { .string($0) })),
                ])
                leaves.append(("attributes", leaf(JSON.text(attributes))))
            }
            members.append((id, .object([("Children", .object(leaves))])))
        }
        var store: [(String, JSONValue)] = [
            ("members", .object([("Children", .object(members))]))
        ]
        if let version = ledger.clusterVersion { store.append(("version", leaf(version))) }
        let root = JSONValue.object([
            (
                "Root",
                .object([
                    ("Children", .object([("0", .object([("Children", .object(store))]))]))
                ])
            )
        ])
        var configuration = ByteWriter()
        for id in ledger.configuration.voters { configuration.appendField(1, always: id.number) }
        for id in ledger.configuration.learners { configuration.appendField(2, always: id.number) }
        configuration.appendField(5, always: 0)
        var metadata = ByteWriter()
        metadata.appendField(1, alwaysBytes: configuration.bytes)
        metadata.appendField(2, always: ledger.appliedIndex.number)
        metadata.appendField(3, always: ledger.appliedTerm.number)
        var snapshot = ByteWriter()
        snapshot.appendField(1, alwaysBytes: JSON.bytes(root))
        snapshot.appendField(2, alwaysBytes: metadata.bytes)
        var file = ByteWriter()
        file.appendField(1, always: UInt64(CRC32C.of(snapshot.bytes)))
        file.appendField(2, alwaysBytes: snapshot.bytes)
        return file.bytes
    }

    private static func leaf(_ value: String) -> JSONValue {
        .object([("Value", .string(value)), ("Children", .null)])
    }

    static func name(_ ledger: Ledger) -> String {
        func padded(_ number: UInt64) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "\(padded(ledger.appliedTerm.number))-\(padded(ledger.appliedIndex.number)).snap"
    }
}
