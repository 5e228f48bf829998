// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI

/// The leases and the keys attached to them.
///
/// Which leases exist, their granted and remaining seconds and their keys are replicated state.
/// Deadlines are not: only the leader (`isPrimary`) has them, in its own monotonic time. It never
/// ends a lease by itself but asks for a revocation through the log (`expired`).
package struct Lessor: Sendable {
    /// Granted seconds above this are refused (etcd's bound, about 285 years).
    package static let maximumTTL: Int64 = 9_000_000_000
    /// Leases that live longer than this have their remaining time recorded this often.
    package static let checkpointInterval = Duration.seconds(300)
    /// A lease whose revocation was asked for and did not come is named again after this.
    static let expiryRetry = Duration.seconds(3)

    struct Lease: Sendable {
        var ttl: Int64
        /// Seconds left when last recorded through the log; zero when never, or reset by a renewal.
        var recorded: Int64
        var keys: Set<[UInt8]> = []
        /// Meaningful on the leader only.
        var deadline = Instant(nanoseconds: 0)
        /// On the leader: a record is on its way through the log. A renewal that overtakes it must
        /// be followed by another, or the record would outlive it.
        var isRecording = false
        var life: UInt64

        /// What a new leader grants again.
        var secondsToServe: Int64 { recorded > 0 ? recorded : ttl }
    }

    private let minimumTTL: Int64
    private var byID: [Int64: Lease] = [:]
    private var lives: UInt64 = 0
    private var expiries = DeadlineQueue()
    private var checkpoints = DeadlineQueue()
    package private(set) var isPrimary = false

    package init(minimumTTL: Int64) {
        self.minimumTTL = minimumTTL
    }

    package var count: Int { byID.count }

    package func contains(_ id: Int64) -> Bool { byID[id] != nil }

    // MARK: State of the log

    /// Answers the granted seconds. Zero is no id: whoever proposes a grant has chosen one.
    mutating func grant(
        _ id: Int64, ttl: Int64, now: Instant
    ) -> Result<Int64, EtcdError> {
        if id == 0 { return .failure(.leaseNotFound) }
        if ttl > Lessor.maximumTTL { return .failure(.leaseTTLTooLarge) }
        if byID[id] != nil { return .failure(.leaseExist) }
        let granted = max(ttl, minimumTTL)
        restore(id, ttl: granted, recorded: 0)
        if isPrimary { schedule(id, from: now, extendedBy: .zero) }
        return .success(granted)
    }

    /// Takes the lease away; answers its keys in byte order, nil when there was no such lease.
    mutating func revoke(_ id: Int64) -> [[UInt8]]? {
        guard let lease = byID.removeValue(forKey: id) else { return nil }
        return lease.keys.sorted(by: isBytewiseBefore)
    }

    mutating func attach(_ key: [UInt8], to id: Int64) {
        guard id != 0 else { return }
        byID[id]?.keys.insert(key)
    }

    mutating func detach(_ key: [UInt8], from id: Int64) {
        guard id != 0 else { return }
        byID[id]?.keys.remove(key)
    }

    /// Records the seconds left; zero forgets what was recorded: the lease was renewed. A former
    /// leader may have renewed it, in an entry behind the one that began this leader's time, so the
    /// leader gives it its full time once more. False for an unknown lease.
    @discardableResult
    mutating func record(remaining: Int64, of id: Int64, now: Instant) -> Bool {
        guard let lease = byID[id] else { return false }
        byID[id]?.recorded = min(max(remaining, 0), lease.ttl)
        if remaining <= 0, isPrimary {
            let full = saturated(now, seconds: lease.ttl, extendedBy: .zero)
            byID[id]?.deadline = max(lease.deadline, full)
        }
        // From here on `recorded` says it. A reset may be older than a record that still comes.
        if remaining > 0 { byID[id]?.isRecording = false }
        return true
    }

    /// A lease as a checkpoint had it.
    mutating func restore(_ id: Int64, ttl: Int64, recorded: Int64) {
        lives += 1
        let ttl = max(ttl, minimumTTL)
        byID[id] = Lease(ttl: ttl, recorded: min(max(recorded, 0), ttl), life: lives)
    }

    // MARK: The leader's time

    /// This member became leader: every lease gets all its time (or what was recorded of it) and
    /// `extend` on top, since renewals may have been answered that this member never saw.
    package mutating func promote(now: Instant, extend: Duration) {
        isPrimary = true
        expiries.removeAll()
        checkpoints.removeAll()
        for id in byID.keys.sorted() { schedule(id, from: now, extendedBy: extend) }
    }

    package mutating func demote() {
        isPrimary = false
        expiries.removeAll()
        checkpoints.removeAll()
    }

    /// Leases whose time is up, longest overdue first, at most `limit`. Each is named again after
    /// three seconds unless it was revoked meanwhile. Empty when this member is not the leader.
    package mutating func expired(now: Instant, limit: Int) -> [Int64] {
        var due: [Int64] = []
        while due.count < limit, let ticket = expiries.takeDue(at: now) {
            guard let lease = byID[ticket.lease], lease.life == ticket.life else { continue }
            var next = ticket
            if lease.deadline <= now {
                due.append(ticket.lease)
                next.at = now + Lessor.expiryRetry
            } else {
                next.at = lease.deadline
            }
            expiries.add(next)
        }
        return due
    }

    /// Gives a lease its full time again. Nil when it is gone, when its time is up (its revocation
    /// is under way and cannot be called back), or when this member is not the leader.
    package mutating func renew(_ id: Int64, now: Instant) -> Renewal? {
        guard isPrimary, let lease = byID[id], lease.deadline > now else { return nil }
        let deadline = saturated(now, seconds: lease.ttl, extendedBy: .zero)
        byID[id]?.deadline = deadline
        return Renewal(ttl: lease.ttl, resetsCheckpoint: lease.recorded > 0 || lease.isRecording)
    }

    /// Nil for an unknown lease. A member that is not the leader answers the granted seconds.
    package func timeToLive(_ id: Int64, now: Instant) -> LeaseTime? {
        guard let lease = byID[id] else { return nil }
        let left =
            isPrimary ? max(0, (lease.deadline - now).nanoseconds) / 1_000_000_000 : lease.ttl
        return LeaseTime(remaining: left, granted: lease.ttl)
    }

    /// The attached keys in byte order.
    package func keys(of id: Int64) -> [[UInt8]] {
        byID[id]?.keys.sorted(by: isBytewiseBefore) ?? []
    }

    /// All ids, those that end first in front.
    package func leases() -> [Int64] {
        let primary = isPrimary
        return byID.sorted { left, right in
            if primary, left.value.deadline != right.value.deadline {
                return left.value.deadline < right.value.deadline
            }
            return left.key < right.key
        }.map(\.key)
    }

    /// What a leader should record through the log now, at most `limit` leases: the seconds left of
    /// those that still have more than five minutes, each every five minutes.
    package mutating func checkpointsDue(now: Instant, limit: Int) -> [LeaseCheckpoint] {
        var due: [LeaseCheckpoint] = []
        while due.count < limit, let ticket = checkpoints.takeDue(at: now) {
            guard let lease = byID[ticket.lease], lease.life == ticket.life else { continue }
            checkpoints.add(
                .init(
                    at: now + Lessor.checkpointInterval, lease: ticket.lease, life: ticket.life))
            let left = (lease.deadline - now).nanoseconds
            let seconds = left / 1_000_000_000 + (left % 1_000_000_000 > 0 ? 1 : 0)
            guard seconds > 0, seconds < lease.secondsToServe else { continue }
            due.append(LeaseCheckpoint(id: ticket.lease, remainingTTL: seconds))
            byID[ticket.lease]?.isRecording = true
        }
        return due
    }

    private mutating func schedule(_ id: Int64, from now: Instant, extendedBy more: Duration) {
        guard let lease = byID[id] else { return }
        let deadline = saturated(now, seconds: lease.secondsToServe, extendedBy: more)
        byID[id]?.deadline = deadline
        byID[id]?.isRecording = false
        expiries.add(.init(at: deadline, lease: id, life: lease.life))
        if lease.ttl > Lessor.checkpointInterval.components.seconds {
            checkpoints.add(
                .init(at: now + Lessor.checkpointInterval, lease: id, life: lease.life))
        }
    }

    private func saturated(
        _ now: Instant, seconds: Int64, extendedBy more: Duration
    ) -> Instant {
        let (length, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (extended, overflow) = length.addingReportingOverflow(more.nanoseconds)
        let (end, pastEnd) = extended.addingReportingOverflow(now.nanoseconds)
        return Instant(nanoseconds: tooLong || overflow || pastEnd ? .max : end)
    }

    // MARK: Rows

    struct Row: Sendable {
        var id: Int64
        var ttl: Int64
        var recorded: Int64
    }

    /// In the byte order of their keys in a file: negative ids come last.
    func rows() -> [Row] {
        byID.map { Row(id: $0.key, ttl: $0.value.ttl, recorded: $0.value.recorded) }
            .sorted { UInt64(bitPattern: $0.id) < UInt64(bitPattern: $1.id) }
    }

    /// The attached keys of every lease, ids ascending; for comparing members.
    func hashAttachments(into crc: inout CRC32C) {
        for id in byID.keys.sorted() {
            var writer = ByteWriter()
            writer.appendBigEndian(id)
            for key in keys(of: id) {
                writer.appendVarint(UInt64(key.count))
                writer.append(key)
            }
            crc.update(writer.bytes)
        }
    }
}

/// The answer to a renewal.
package struct Renewal: Equatable, Sendable {
    package var ttl: Int64
    /// A shorter time than `ttl` is recorded in the log, or about to be. The leader must record zero for this lease
    /// and see that applied before it answers, or its successor may end the lease too early.
    package var resetsCheckpoint: Bool

    package init(ttl: Int64, resetsCheckpoint: Bool) {
        self.ttl = ttl
        self.resetsCheckpoint = resetsCheckpoint
    }
}

package struct LeaseTime: Equatable, Sendable {
    /// Whole seconds.
    package var remaining: Int64
    package var granted: Int64

    package init(remaining: Int64, granted: Int64) {
        self.remaining = remaining
        self.granted = granted
    }
}

func isBytewiseBefore(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.lexicographicallyPrecedes(right)
}
