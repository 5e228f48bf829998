// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated

/// Writes entries for a ledger, one after the other, and reads its answers back as messages.
struct Scribe {
    static let cluster = ClusterID(0xc1)
    static let member = MemberID(0xa)

    var ledger: Ledger
    var now = Instant(nanoseconds: 0)
    var isProposer = true
    private var requests: UInt64 = 100

    init(_ settings: LedgerSettings = Scribe.settings()) {
        ledger = Ledger(settings: settings)
    }

    init(_ ledger: Ledger) {
        self.ledger = ledger
    }

    static func settings(quotaBytes: Int64 = 0, maxLearners: Int = 1) -> LedgerSettings {
        LedgerSettings(
            clusterID: cluster, memberID: member, quotaBytes: quotaBytes,
            maxLearners: maxLearners)
    }

    @discardableResult
    mutating func apply(_ kind: Entry.Kind = .normal, data: [UInt8]) -> Applied {
        let entry = Entry(
            kind: kind, term: Term(max(1, ledger.appliedTerm.number)),
            index: ledger.appliedIndex.next, data: data)
        return ledger.apply(entry, isProposer: isProposer, now: now)
    }

    @discardableResult
    mutating func apply(_ command: InternalRaftRequest.Command) -> Applied {
        requests += 1
        let header = RequestHeader(id: requests)
        return apply(data: InternalRaftRequest(command: command, header: header).encoded())
    }

    /// In somebody's name, by default with the auth revision of now.
    @discardableResult
    mutating func apply(
        as user: String, at revision: UInt64? = nil, _ command: InternalRaftRequest.Command
    ) -> Applied {
        requests += 1
        let header = RequestHeader(
            id: requests, username: user, authRevision: revision ?? ledger.auth.revision)
        return apply(data: InternalRaftRequest(command: command, header: header).encoded())
    }

    @discardableResult
    mutating func put(_ key: String, _ value: String = "v", lease: Int64 = 0) -> Applied {
        apply(.put(PutRequest(key: bytes(key), value: bytes(value), lease: lease)))
    }

    @discardableResult
    mutating func delete(_ key: String, _ end: String = "") -> Applied {
        apply(.deleteRange(DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end))))
    }

    @discardableResult
    mutating func grant(_ id: Int64, ttl: Int64 = 10) -> Applied {
        apply(.leaseGrant(LeaseGrantRequest(ttl: ttl, id: id)))
    }

    @discardableResult
    mutating func change(_ command: MembershipCommand) -> Applied {
        apply(.change, data: command.entryData(requestID: 7))
    }

    func range(_ request: RangeRequest) throws -> RangeResponse {
        try RangeResponse(decoding: encoded(ledger.range(request).get()))
    }

    func keys(_ key: String = "\0", _ end: String = "\0") throws -> [String] {
        try range(RangeRequest(key: bytes(key), rangeEnd: bytes(end))).kvs.map { text($0.key) }
    }
}

let header = ResponseHeader(clusterID: 0xc1, memberID: 0xa, revision: 99, raftTerm: 3)

func encoded(_ reply: Reply) -> [UInt8] {
    var writer = ByteWriter()
    reply.encode(header: header, into: &writer)
    return writer.bytes
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

extension Applied {
    var failure: EtcdError? {
        if case .failure(let error) = outcome { error } else { nil }
    }

    var reply: Reply? {
        if case .reply(let reply) = outcome { reply } else { nil }
    }

    /// The encoded reply, a text for a failure: what a client would see.
    var answer: [UInt8] {
        switch outcome {
        case .reply(let reply): encoded(reply)
        case .failure(let error): bytes(error.text)
        case .nothing: []
        }
    }

    func txn() throws -> TxnResponse { try TxnResponse(decoding: answer) }
}

/// The rows of a ledger put into a new one, as a restart does.
func reloaded(_ ledger: Ledger) throws -> Ledger {
    try load(rows(of: ledger.view()), ledger.settings)
}

typealias Row = (bucket: String, key: [UInt8], value: [UInt8])

func rows(of view: LedgerView) -> [Row] {
    var rows: [Row] = []
    for bucket in LedgerView.bucketNames {
        unsafe view.forEachRow(in: bucket) { key, value in
            rows.append((bucket, unsafe Array(key), unsafe Array(value)))
        }
    }
    return rows
}

func load(_ rows: [Row], _ settings: LedgerSettings) throws -> Ledger {
    var loader = LedgerLoader(settings: settings)
    for row in rows {
        try unsafe row.key.span.withUnsafeBytes { key throws(LoadFailure) in
            try unsafe row.value.span.withUnsafeBytes { value throws(LoadFailure) in
                try unsafe loader.row(bucket: row.bucket, key: key, value: value)
            }
        }
    }
    return try loader.finish()
}

/// What `Ledger.stateHash` covers without the place in the log, which moves with refused entries.
func contentHash(_ ledger: Ledger) -> UInt32 {
    var crc = CRC32C(continuing: ledger.view().hash())
    for id in ledger.lessor.leases().sorted() {
        for key in ledger.lessor.keys(of: id) { crc.update(key) }
    }
    return crc.value
}
