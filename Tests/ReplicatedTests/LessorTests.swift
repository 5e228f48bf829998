// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct LessorTests {
    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// A leader at time zero, with no leases yet.
    private func leader() -> Scribe {
        let scribe = Scribe()
        scribe.ledger.lessor.promote(now: at(0), extend: .seconds(1))
        return scribe
    }

    private func revoke(_ id: Int64) -> InternalRaftRequest.Command {
        .leaseRevoke(LeaseRevokeRequest(id: id))
    }

    /// Lease 1 is recorded with so many seconds left.
    private func record(_ seconds: Int64) -> InternalRaftRequest.Command {
        .leaseCheckpoint(
            LeaseCheckpointRequest(checkpoints: [LeaseCheckpoint(id: 1, remainingTTL: seconds)]))
    }

    // MARK: The log

    @Test func `a grant is refused without an id, twice, and beyond the bound`() throws {
        var scribe = Scribe()
        let granted = try LeaseGrantResponse(decoding: scribe.grant(7, ttl: 60).answer)
        #expect((granted.id, granted.ttl) == (7, 60))
        #expect(scribe.grant(0).failure == .leaseNotFound)
        #expect(scribe.grant(7).failure == .leaseExist)
        #expect(scribe.grant(8, ttl: 9_000_000_001).failure == .leaseTTLTooLarge)
        #expect(scribe.grant(9, ttl: 9_000_000_000).failure == nil)
        #expect(scribe.grant(-3, ttl: 5).failure == nil)
        let short = try LeaseGrantResponse(decoding: scribe.grant(10, ttl: -5).answer)
        #expect(short.ttl == 2)
        #expect(scribe.ledger.keyspace.revision == 1)
    }

    @Test func `a revocation deletes the keys in byte order in one revision`() {
        var scribe = Scribe()
        scribe.grant(7)
        for key in ["c", "a", "b"] { scribe.put(key, lease: 7) }
        scribe.put("other")
        let applied = scribe.apply(revoke(7))
        #expect(applied.changes.map { text($0.record.key) } == ["a", "b", "c"])
        #expect(applied.changes.map(\.record.revision.sub) == [0, 1, 2])
        #expect(applied.revision == 6)
        #expect(scribe.apply(revoke(7)).failure == .leaseNotFound)
        scribe.grant(8)
        #expect(scribe.apply(revoke(8)).revision == 6)
    }

    @Test func `keys move with puts and leave with deletes`() {
        var scribe = Scribe()
        scribe.grant(1)
        scribe.grant(2)
        for key in ["a", "b", "c"] { scribe.put(key, lease: 1) }
        scribe.put("a", lease: 2)
        scribe.put("b")
        scribe.delete("c")
        #expect(scribe.ledger.lessor.keys(of: 1) == [])
        #expect(scribe.ledger.lessor.keys(of: 2) == [bytes("a")])
        let both = TxnRequest(success: [
            .put(PutRequest(key: bytes("d"), lease: 1)),
            .deleteRange(DeleteRangeRequest(key: bytes("a"), rangeEnd: [0])),
        ])
        scribe.apply(.txn(both))
        #expect(scribe.ledger.lessor.keys(of: 1) == [])
        #expect(scribe.ledger.lessor.keys(of: 2) == [])
    }

    // MARK: The leader's time

    @Test func `a lease is named once its time is up, and again if nothing happens`() {
        var scribe = leader()
        scribe.grant(1, ttl: 10)
        scribe.grant(2, ttl: 5)
        #expect(scribe.ledger.lessor.expired(now: at(4.9), limit: 9) == [])
        #expect(scribe.ledger.lessor.expired(now: at(10), limit: 9) == [2, 1])
        #expect(scribe.ledger.lessor.expired(now: at(11), limit: 9) == [])
        #expect(scribe.ledger.lessor.expired(now: at(13), limit: 1) == [1])
        scribe.apply(revoke(2))
        #expect(scribe.ledger.lessor.expired(now: at(20), limit: 9) == [1])
    }

    /// Known bug: 20615.
    @Test func `a renewal gives the full time again and cannot save what has ended`() {
        var scribe = leader()
        scribe.grant(1, ttl: 10)
        #expect(
            scribe.ledger.lessor.renew(1, now: at(9)) == Renewal(ttl: 10, resetsCheckpoint: false))
        #expect(scribe.ledger.lessor.expired(now: at(18.9), limit: 9) == [])
        #expect(scribe.ledger.lessor.renew(1, now: at(19)) == nil)
        #expect(scribe.ledger.lessor.expired(now: at(19), limit: 9) == [1])
        #expect(scribe.ledger.lessor.renew(404, now: at(19)) == nil)
    }

    @Test func `an id granted again does not inherit the old deadline`() {
        var scribe = leader()
        scribe.grant(1, ttl: 5)
        scribe.apply(revoke(1))
        scribe.grant(1, ttl: 50)
        #expect(scribe.ledger.lessor.expired(now: at(6), limit: 9) == [])
        #expect(scribe.ledger.lessor.expired(now: at(50), limit: 9) == [1])
    }

    /// Known bug: 12291.
    @Test func `only the leader has deadlines, and a new one grants all time again`() {
        var scribe = Scribe()
        scribe.grant(1, ttl: 10)
        #expect(!scribe.ledger.lessor.isPrimary)
        #expect(scribe.ledger.lessor.expired(now: at(1_000), limit: 9) == [])
        #expect(scribe.ledger.lessor.renew(1, now: at(1)) == nil)
        scribe.ledger.lessor.promote(now: at(1_000), extend: .seconds(1))
        #expect(scribe.ledger.lessor.expired(now: at(1_010.9), limit: 9) == [])
        #expect(scribe.ledger.lessor.expired(now: at(1_011), limit: 9) == [1])
        scribe.ledger.lessor.demote()
        #expect(scribe.ledger.lessor.expired(now: at(2_000), limit: 9) == [])
    }

    @Test func `time to live counts whole seconds`() {
        var scribe = leader()
        scribe.grant(1, ttl: 10)
        let lessor = scribe.ledger.lessor
        #expect(lessor.timeToLive(1, now: at(0.5)) == LeaseTime(remaining: 9, granted: 10))
        #expect(lessor.timeToLive(1, now: at(99)) == LeaseTime(remaining: 0, granted: 10))
        #expect(lessor.timeToLive(2, now: at(1)) == nil)
    }

    @Test func `leases are listed by their end`() {
        var scribe = leader()
        for (id, ttl) in [(1, 30), (2, 10), (3, 20), (4, 10)] as [(Int64, Int64)] {
            scribe.grant(id, ttl: ttl)
        }
        #expect(scribe.ledger.lessor.leases() == [2, 4, 3, 1])
    }

    @Test func `the longest lease does not overflow the clock`() {
        var scribe = leader()
        scribe.now = at(1_000_000_000)
        scribe.grant(1, ttl: 9_000_000_000)
        #expect(scribe.ledger.lessor.expired(now: at(2_000_000_000), limit: 9) == [])
    }

    // MARK: Recorded time

    /// Known bug: 9395.
    @Test func `long leases have their remaining time recorded every five minutes`() {
        var scribe = leader()
        scribe.grant(1, ttl: 1_000)
        scribe.grant(2, ttl: 200)
        #expect(scribe.ledger.lessor.checkpointsDue(now: at(299), limit: 9) == [])
        let due = scribe.ledger.lessor.checkpointsDue(now: at(300), limit: 9)
        #expect(due == [LeaseCheckpoint(id: 1, remainingTTL: 700)])
        scribe.apply(
            .leaseCheckpoint(
                LeaseCheckpointRequest(
                    checkpoints: [LeaseCheckpoint(id: 404, remainingTTL: 1)] + due)
            ))
        #expect(scribe.ledger.lessor.checkpointsDue(now: at(301), limit: 9) == [])
        scribe.ledger.lessor.promote(now: at(400), extend: .seconds(1))
        #expect(scribe.ledger.lessor.expired(now: at(1_100), limit: 9) == [2])
        #expect(scribe.ledger.lessor.expired(now: at(1_101), limit: 9) == [1])
    }

    @Test func `a renewal of a recorded lease says that the record must go first`() {
        var scribe = leader()
        scribe.grant(1, ttl: 1_000)
        scribe.apply(record(400))
        #expect(
            scribe.ledger.lessor.renew(1, now: at(1))
                == Renewal(ttl: 1_000, resetsCheckpoint: true))
        scribe.apply(record(0))
        #expect(
            scribe.ledger.lessor.renew(1, now: at(2))
                == Renewal(ttl: 1_000, resetsCheckpoint: false))
    }

    /// The former leader answered the renewal, and its reset comes behind the new leader's mark.
    @Test func `a reset of the leader before gives a lease its full time`() {
        var scribe = Scribe()
        scribe.grant(1, ttl: 1_000)
        scribe.apply(record(400))
        scribe.ledger.lessor.promote(now: at(600), extend: .seconds(1))
        scribe.now = at(601)
        scribe.apply(record(0))
        #expect(scribe.ledger.lessor.expired(now: at(1_002), limit: 9).isEmpty)
        #expect(scribe.ledger.lessor.timeToLive(1, now: at(1_001))?.remaining == 600)
        #expect(scribe.ledger.lessor.expired(now: at(1_602), limit: 9) == [1])
    }

    @Test func `a renewal that overtakes a record makes it go too`() {
        var scribe = leader()
        scribe.grant(1, ttl: 1_000)
        func resets(_ seconds: Double) -> Bool? {
            scribe.ledger.lessor.renew(1, now: at(seconds))?.resetsCheckpoint
        }
        #expect(resets(10) == false)
        #expect(scribe.ledger.lessor.checkpointsDue(now: at(300), limit: 9).count == 1)
        // The record is proposed and not yet applied.
        #expect(resets(301) == true)
        scribe.apply(record(710))
        #expect(resets(302) == true)
        scribe.apply(record(0))
        #expect(resets(303) == false)
        // A reset that was asked for before the record says nothing about it.
        #expect(scribe.ledger.lessor.checkpointsDue(now: at(600), limit: 9).count == 1)
        scribe.apply(record(0))
        #expect(resets(601) == true)
    }

    /// Known bug: 9395.
    @Test func `recorded time survives a restart`() throws {
        var scribe = Scribe()
        scribe.grant(1, ttl: 1_000)
        scribe.put("a", lease: 1)
        scribe.apply(
            .leaseCheckpoint(
                LeaseCheckpointRequest(
                    checkpoints: [LeaseCheckpoint(id: 1, remainingTTL: 300)])))
        let ledger = try reloaded(scribe.ledger)
        #expect(ledger.stateHash() == scribe.ledger.stateHash())
        #expect(ledger.lessor.keys(of: 1) == [bytes("a")])
        ledger.lessor.promote(now: at(0), extend: .zero)
        #expect(
            ledger.lessor.timeToLive(1, now: at(0)) == LeaseTime(remaining: 300, granted: 1_000))
    }

    // MARK: Many

    @Test func `expiry agrees with a naive lessor`() {
        var random = Random(seed: 3)
        var scribe = leader()
        var deadlines: [Int64: Int64] = [:]
        for step in 0..<3_000 {
            let now = Int64(step)
            scribe.now = at(Double(step))
            let id = Int64(random.below(40) + 1)
            switch random.below(5) {
            case 0, 1:
                let ttl = Int64(random.below(60) + 2)
                let wasThere = deadlines[id] != nil
                #expect((scribe.grant(id, ttl: ttl).failure == .leaseExist) == wasThere)
                if !wasThere { deadlines[id] = now + ttl }
            case 2:
                let renewal = scribe.ledger.lessor.renew(id, now: scribe.now)
                if let deadline = deadlines[id], deadline > now {
                    #expect(renewal != nil)
                    deadlines[id] = now + (renewal?.ttl ?? 0)
                } else {
                    #expect(renewal == nil)
                }
            default:
                let due = scribe.ledger.lessor.expired(now: scribe.now, limit: 1_000)
                #expect(
                    Set(due) == Set(deadlines.filter { $0.value <= now }.keys), "at \(step)")
                for id in due {
                    scribe.apply(revoke(id))
                    deadlines[id] = nil
                }
            }
        }
    }

    @Test func `twelve thousand leases are no burden`() {
        var scribe = leader()
        for id in 1...12_000 { scribe.grant(Int64(id), ttl: Int64(10 + id % 50)) }
        for id in 1...12_000 { _ = scribe.ledger.lessor.renew(Int64(id), now: at(5)) }
        #expect(scribe.ledger.lessor.expired(now: at(14), limit: 100) == [])
        var named = 0
        while true {
            let due = scribe.ledger.lessor.expired(now: at(100), limit: 1_000)
            if due.isEmpty { break }
            named += due.count
            for id in due { scribe.apply(revoke(id)) }
        }
        #expect(named == 12_000)
        #expect(scribe.ledger.lessor.count == 0)
    }
}
