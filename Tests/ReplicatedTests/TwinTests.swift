// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

/// Random but seeded requests over few keys, leases and members, so that they meet.
struct Workload {
    var random: Random

    init(seed: UInt64) {
        random = Random(seed: seed)
    }

    mutating func entry() -> (kind: Entry.Kind, data: [UInt8]) {
        if random.chance(percent: 4) { return (.change, change().entryData(requestID: 1)) }
        if random.chance(percent: 3) { return (.normal, []) }
        if random.chance(percent: 3) { return (.normal, cluster()) }
        let id = random.next()
        return (.normal, InternalRaftRequest(id: id, command: command()).encoded())
    }

    private mutating func command() -> InternalRaftRequest.Command {
        switch random.below(20) {
        case 0...5: return .put(put())
        case 6...7: return .deleteRange(delete())
        case 8...11: return .txn(txn(depth: 0))
        case 12: return .compaction(CompactionRequest(revision: Int64(random.below(400)) - 5))
        case 13...14:
            return .leaseGrant(LeaseGrantRequest(ttl: Int64(random.below(900)), id: lease()))
        case 15: return .leaseRevoke(LeaseRevokeRequest(id: lease()))
        case 16:
            let checkpoint = LeaseCheckpoint(id: lease(), remainingTTL: Int64(random.below(900)))
            return .leaseCheckpoint(LeaseCheckpointRequest(checkpoints: [checkpoint]))
        case 17:
            var alarm = AlarmRequest()
            // Cleared more often than raised, or nothing would be applied for long.
            alarm.action =
                [.get, .activate, .deactivate, .deactivate, .deactivate][
                    random.below(5)]
            alarm.alarm = [.none, .noSpace, .corrupt][random.below(3)]
            return .alarm(alarm)
        case 18: return .range(range())
        default: return .authUserList(AuthUserListRequest())
        }
    }

    private mutating func key() -> [UInt8] { [97 + UInt8(random.below(12))] }
    private mutating func lease() -> Int64 { Int64(random.below(6)) }

    private mutating func end() -> [UInt8] {
        switch random.below(4) {
        case 0: [0]
        case 1: key()
        default: []
        }
    }

    private mutating func put() -> PutRequest {
        PutRequest(
            key: key(), value: random.bytes(random.below(5)),
            lease: random.chance(percent: 30) ? lease() : 0, prevKV: random.chance(percent: 30),
            ignoreValue: random.chance(percent: 10), ignoreLease: random.chance(percent: 10))
    }

    private mutating func delete() -> DeleteRangeRequest {
        DeleteRangeRequest(key: key(), rangeEnd: end(), prevKV: random.chance(percent: 30))
    }

    private mutating func range() -> RangeRequest {
        RangeRequest(
            key: key(), rangeEnd: end(), limit: Int64(random.below(4)),
            revision: random.chance(percent: 30) ? Int64(random.below(400)) : 0,
            sortOrder: RangeRequest.SortOrder(number: Int32(random.below(3))),
            sortTarget: RangeRequest.SortTarget(number: Int32(random.below(5))))
    }

    private mutating func txn(depth: Int) -> TxnRequest {
        var txn = TxnRequest()
        if random.chance(percent: 50) {
            txn.compare = [
                Compare(
                    result: Compare.CompareResult(number: Int32(random.below(4))),
                    target: .version, key: key(), targetUnion: .version(Int64(random.below(3))),
                    rangeEnd: end())
            ]
        }
        txn.success = branch(depth: depth)
        txn.failure = branch(depth: depth)
        return txn
    }

    private mutating func branch(depth: Int) -> [RequestOp] {
        (0..<random.below(4)).map { _ in
            switch random.below(depth < 2 ? 8 : 7) {
            case 0...2: .put(put())
            case 3...4: .deleteRange(delete())
            case 5: .range(range())
            case 6: RequestOp.none
            default: .txn(txn(depth: depth + 1))
            }
        }
    }

    private mutating func change() -> MembershipCommand {
        let id = MemberID(UInt64(random.below(9)))
        let url = "http://\(random.below(9))"
        switch random.below(5) {
        case 0...1:
            return .add(id: id, peerURLs: [url], isLearner: random.chance(percent: 40))
        case 2: return .promote(id)
        case 3: return .update(id, peerURLs: [url])
        default: return random.chance(percent: 20) ? .remove(id) : .promote(id)
        }
    }

    private mutating func cluster() -> [UInt8] {
        let id = MemberID(UInt64(random.below(9)))
        switch random.below(4) {
        case 0: return ClusterRequest.setVersion("3.\(random.below(8)).0", requestID: 3)
        case 1: return ClusterRequest.setVersionForOldMembers("3.5.0", requestID: 3)
        case 2:
            return ClusterRequest.publish(id, name: "n", clientURLs: ["c"], requestID: 4)
        default:
            return ClusterRequest.publishForOldMembers(
                id, name: "o", clientURLs: [], requestID: 4)
        }
    }
}

@Suite struct TwinTests {
    /// Known bugs: 13766, 17780.
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `a ledger restored in the middle goes on as the one that never stopped`(
        _ seed: UInt64
    ) throws {
        var workload = Workload(seed: seed)
        var steady = Scribe()
        var other = Scribe()
        var corrupt = 0
        for step in 0..<600 {
            let (kind, data) = workload.entry()
            let left = steady.apply(kind, data: data)
            let right = other.apply(kind, data: data)
            #expect(left.answer == right.answer, "step \(step)")
            #expect(left.revision == right.revision)
            #expect(left.requestID == right.requestID)
            #expect(left.membership == right.membership)
            #expect(
                left.changes.map(\.record.revision) == right.changes.map(\.record.revision))
            if left.failure == .corrupt { corrupt += 1 }
            // One removes compacted rows as it goes, the other when it restarts.
            if step % 5 == 0 { _ = steady.ledger.keyspace.removeCompacted(budget: 3) }
            if step % 50 == 49 {
                #expect(steady.ledger.stateHash() == other.ledger.stateHash(), "step \(step)")
                other.ledger = try reloaded(other.ledger)
                #expect(steady.ledger.stateHash() == other.ledger.stateHash(), "step \(step)")
            }
        }
        #expect(corrupt < 400, "the workload is stuck")
    }

    @Test func `who proposed and who leads does not matter to the state`() {
        var workload = Workload(seed: 77)
        var leader = Scribe()
        leader.ledger.lessor.promote(now: leader.now, extend: .seconds(1))
        var follower = Scribe()
        follower.isProposer = false
        for step in 0..<1_500 {
            let (kind, data) = workload.entry()
            leader.now = Instant(nanoseconds: Int64(step) * 1_000_000_000)
            _ = leader.ledger.lessor.expired(now: leader.now, limit: 5)
            leader.apply(kind, data: data)
            follower.apply(kind, data: data)
        }
        #expect(leader.ledger.stateHash() == follower.ledger.stateHash())
    }

    @Test func `each entry moves the index by one and a failure writes nothing`() {
        var workload = Workload(seed: 5)
        var scribe = Scribe()
        for step in 1...800 {
            let (kind, data) = workload.entry()
            let before = contentHash(scribe.ledger)
            let applied = scribe.apply(kind, data: data)
            #expect(scribe.ledger.appliedIndex == LogIndex(UInt64(step)))
            if applied.failure != nil {
                #expect(applied.changes.isEmpty)
                #expect(contentHash(scribe.ledger) == before)
            }
        }
    }
}
