// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Raft
internal import Replicated

/// When the leader last looked after leases.
struct LeaseKeeper {
    var expiryCheckedAt: Instant?
    /// Leases whose revocation is under way, until it is applied or its time is up.
    var revoking = SortedMap<Int64, Instant>()

    static let expiryInterval = Duration.milliseconds(500)
}

// The leader alone lets leases end, by proposing their revocation; appliers read no clock. Renewal
// never enters the log: the leader proves its leadership by a read round and moves the deadline.
extension Node {
    /// A new leader looks after leases from its own first entry on. Before that is applied, the log
    /// may hold renewals that this member does not know of yet, and it would end leases early.
    func leadLeases(upTo term: Term) {
        guard isLeader, term == raft.term else { return }
        ledger.lessor.promote(now: now, extend: settings.electionTimeout)
    }

    func keepLeases(_ outputs: inout [Output]) {
        guard isLeader, loading == nil else { return }
        guard
            now - (leases.expiryCheckedAt ?? now) >= LeaseKeeper.expiryInterval
                || leases.expiryCheckedAt == nil
        else { return }
        leases.expiryCheckedAt = now
        revokeExpired(&outputs)
        checkpointLeases()
    }

    private func revokeExpired(_ outputs: inout [Output]) {
        for id in leases.revoking.keys {
            guard let asked = leases.revoking[id] else { continue }
            if !ledger.lessor.contains(id) || now - asked > settings.requestTimeout {
                leases.revoking[id] = nil
            }
        }
        var count = 0
        for id in ledger.lessor.expired(now: now, limit: Limits.leaseRevokes)
        where leases.revoking[id] == nil {
            leases.revoking[id] = now
            var request = LeaseRevokeRequest()
            request.id = id
            propose(.leaseRevoke(request), call: nil, purpose: .duty)
            count += 1
        }
        if count > 0 { outputs.append(.note(.leasesExpired(count: count))) }
    }

    /// A lease that is gone may be granted anew under its id.
    func forgetRevocations() {
        for id in leases.revoking.keys where !ledger.lessor.contains(id) {
            leases.revoking[id] = nil
        }
    }

    private func checkpointLeases() {
        let due = ledger.lessor.checkpointsDue(now: now, limit: Limits.leaseRevokes)
        guard !due.isEmpty else { return }
        var request = LeaseCheckpointRequest()
        request.checkpoints = due
        propose(.leaseCheckpoint(request), call: nil, purpose: .duty)
    }

    /// A renewed lease runs its full time again, also after the next election.
    /// The client is told when all members know it.
    private func resetCheckpoint(_ id: Int64, _ call: CallNumber, _ answer: [UInt8]) {
        var checkpoint = LeaseCheckpoint()
        checkpoint.id = id
        var request = LeaseCheckpointRequest()
        request.checkpoints = [checkpoint]
        propose(.leaseCheckpoint(request), call: call, purpose: .renewal(answer))
    }

    // MARK: Client calls

    /// Renewals and time-to-live are the leader's to answer; a follower passes them on.
    func acceptLeaseRead(_ call: Call, _ request: Request, _ outputs: inout [Output]) {
        if isLeader {
            enqueueRead(call, request, &outputs)
            return
        }
        // The leader trusts its peers: who may ask is settled here.
        if let error = refusalToServe(request, call.identity) {
            outputs.append(.reply(call.number, .failure(error)))
            return
        }
        guard let leader = raft.leader else {
            outputs.append(.reply(call.number, .failure(.noLeader)))
            return
        }
        switch request {
        case .leaseKeepAlive(let id):
            outputs.append(.forward(call.number, to: leader, .leaseKeepAlive(id)))
        case .leaseTimeToLive(let asked):
            outputs.append(.forward(call.number, to: leader, .leaseTimeToLive(asked)))
        default:
            // A peer took us for the leader and we are not, or not any more.
            outputs.append(.reply(call.number, .failure(.notPrimaryLessor)))
        }
    }

    func renew(_ call: CallNumber, _ id: Int64, _ outputs: inout [Output]) {
        guard isLeader else {
            outputs.append(.reply(call, .failure(.notPrimaryLessor)))
            return
        }
        var response = LeaseKeepAliveResponse()
        response.header = header()
        response.id = id
        // A lease that is being revoked cannot be saved: its revocation may be in the log.
        if leases.revoking[id] == nil, let renewal = ledger.lessor.renew(id, now: now) {
            response.ttl = renewal.ttl
            if renewal.resetsCheckpoint {
                resetCheckpoint(id, call, response.encoded())
                return
            }
        }
        outputs.append(.reply(call, .message(response.encoded())))
    }

    func answerTimeToLive(
        _ call: CallNumber, _ asked: LeaseTimeToLiveRequest, _ outputs: inout [Output]
    ) {
        var response = LeaseTimeToLiveResponse()
        response.header = header()
        response.id = asked.id
        if let lease = ledger.lessor.timeToLive(asked.id, now: now) {
            response.ttl = lease.remaining
            response.grantedTTL = lease.granted
            if asked.keys { response.keys = ledger.lessor.keys(of: asked.id) }
        } else {
            response.ttl = -1
        }
        outputs.append(.reply(call, .message(response.encoded())))
    }

    func answerLeases(_ call: Call, _ outputs: inout [Output]) {
        if let error = refusalToServe(.leaseLeases, call.identity) {
            outputs.append(.reply(call.number, .failure(error)))
            return
        }
        var response = LeaseLeasesResponse()
        response.header = header()
        response.leases = ledger.lessor.leases().map { id in
            var status = LeaseStatus()
            status.id = id
            return status
        }
        outputs.append(.reply(call.number, .message(response.encoded())))
    }
}
