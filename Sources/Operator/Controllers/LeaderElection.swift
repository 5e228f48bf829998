// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

/// One of several operators holds a Lease and renews it; the others take it over when nobody
/// renewed it for as long as it says.
///
/// Clocks of machines differ, so the times in the Lease are for people. Whether it has run out is
/// told by our own clock: from when we saw it change last. And who leads stops before the others
/// may take over: the holder counts from before its request, they from after they saw the answer.
package struct LeaderElection: Sendable {
    package struct Timing: Equatable, Sendable {
        package var leaseDuration: Duration = .seconds(15)
        /// Without a renewal for this long we no longer lead.
        package var renewDeadline: Duration = .seconds(10)
        package var retryPeriod: Duration = .seconds(2)

        package init() {}
    }

    package enum Step: Equatable, Sendable {
        /// Then tell `read` or `failed`.
        case read(ObjectKey)
        /// `POST`; then tell `wrote` or `refused`, `failed`.
        case create(KubeObject)
        /// `PUT` with the version inside.
        case replace(KubeObject)
        case wait(until: Instant)
    }

    private enum Phase: Equatable {
        case idle(until: Instant)
        case reading
        case writing
    }

    package let key: ObjectKey
    package let identity: String
    private let timing: Timing
    private var phase: Phase
    /// The Lease as last seen, and when we first saw it so.
    private var lease: KubeObject?
    private var seenAt: Instant
    /// When the last request that made or kept us leader was begun.
    private var renewedAt: Instant?
    private var random: Random

    package init(
        namespace: String, name: String, identity: String, timing: Timing = Timing(),
        now: Instant, seed: UInt64
    ) {
        invariant(
            timing.renewDeadline < timing.leaseDuration
                && timing.retryPeriod < timing.renewDeadline, "election with \(timing)")
        key = ObjectKey(.lease, namespace: namespace, name: name)
        self.identity = identity
        self.timing = timing
        phase = .reading
        seenAt = now
        random = Random(seed: seed)
    }

    /// Whether we may write now.
    package func isLeader(now: Instant) -> Bool {
        guard let renewedAt else { return false }
        return now - renewedAt < timing.renewDeadline
    }

    /// Until when we surely lead if nothing more happens; nil if we do not.
    package var leadsUntil: Instant? { renewedAt.map { $0 + timing.renewDeadline } }

    /// Who leads as far as we know; empty if nobody.
    package var holder: String { lease?.string("spec", "holderIdentity") ?? "" }

    /// `wall`: nanoseconds since 1970, for the people who read the Lease.
    package mutating func step(now: Instant, wall: Int64) -> Step {
        switch phase {
        case .idle(let time) where now < time: return .wait(until: time)
        case .idle, .reading:
            // Who leads renews what it wrote itself; if that was changed it is refused, and read.
            if isLeader(now: now), case .idle = phase, let lease {
                phase = .writing
                return .replace(claimed(lease, wall))
            }
            phase = .reading
            return .read(key)
        case .writing:
            guard let lease else { return .create(fresh(wall)) }
            return .replace(claimed(lease, wall))
        }
    }

    /// `nil`: there is none.
    package mutating func read(_ found: KubeObject?, now: Instant) {
        note(found, now)
        guard let found else { return phase = .writing }
        let holder = found.string("spec", "holderIdentity") ?? ""
        if holder.isEmpty || holder == identity || now >= seenAt + duration(of: found) {
            phase = .writing
        } else {
            renewedAt = nil
            rest(now)
        }
    }

    /// The answer to `create` or `replace`, which was begun at `begun`.
    package mutating func wrote(_ answer: KubeObject, begun: Instant, now: Instant) {
        note(answer, now)
        renewedAt = begun
        rest(now)
    }

    /// Somebody was faster, or it is forbidden: look again, not at once.
    package mutating func refused(_ error: StatusError, now: Instant) {
        if error.isConflict || error.isAlreadyExists || error.isNotFound { lease = nil }
        let wait: Duration = isLeader(now: now) ? .milliseconds(200) : timing.retryPeriod
        phase = .idle(until: now + wait)
    }

    package mutating func failed(now: Instant) {
        rest(now)
    }

    /// What to write when we stop, so that the next one need not wait; nil if we do not lead.
    package mutating func release(now: Instant, wall: Int64) -> KubeObject? {
        guard isLeader(now: now), var lease else { return nil }
        renewedAt = nil
        phase = .idle(until: now + timing.leaseDuration)
        lease["spec", "holderIdentity"] = ""
        lease["spec", "leaseDurationSeconds"] = 1
        lease["spec", "renewTime"] = .string(KubeTime.microseconds(wall))
        return lease
    }

    // MARK: Parts

    private mutating func rest(_ now: Instant) {
        let jitter = timing.retryPeriod / 1000 * random.below(200)
        phase = .idle(until: now + timing.retryPeriod + jitter)
    }

    /// The clock of the others' right starts anew only when the Lease says something new.
    private mutating func note(_ found: KubeObject?, _ now: Instant) {
        let isSame =
            found?.resourceVersion == lease?.resourceVersion && found?["spec"] == lease?["spec"]
        if !isSame || lease == nil { seenAt = now }
        lease = found
    }

    private func duration(of lease: KubeObject) -> Duration {
        .seconds(min(max(lease.int("spec", "leaseDurationSeconds") ?? 15, 1), 3600))
    }

    private func fresh(_ wall: Int64) -> KubeObject {
        claimed(KubeObject(.lease, namespace: key.namespace, name: key.name), wall)
    }

    private func claimed(_ lease: KubeObject, _ wall: Int64) -> KubeObject {
        var lease = lease
        let time = JSONValue.string(KubeTime.microseconds(wall))
        if lease.string("spec", "holderIdentity") != identity {
            let count = lease.int("spec", "leaseTransitions") ?? -1
            lease["spec", "leaseTransitions"] = .integer(Int64(max(0, min(count, 1 << 30) + 1)))
            lease["spec", "acquireTime"] = time
            lease["spec", "holderIdentity"] = .string(identity)
        }
        lease["spec", "leaseDurationSeconds"] = .integer(timing.leaseDuration.components.seconds)
        lease["spec", "renewTime"] = time
        return lease
    }
}
