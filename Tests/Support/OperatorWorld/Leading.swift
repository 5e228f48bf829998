// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Kube

// Several operators, one of which leads: the product's own election on the simulated API.
extension World {
    /// The lease is read or renewed, if it is time.
    func elect(_ process: OperatorProcess) {
        guard var election = process.election else { return }
        for _ in 0..<3 {
            let step = election.step(now: now, wall: now.nanoseconds)
            if case .wait = step { break }
            if refusal() != nil {
                election.failed(now: now)
                break
            }
            switch step {
            case .wait: break
            case .read(let key): election.read(api.get(key), now: now)
            case .create(let lease): note(api.create(lease, now: now), &election)
            case .replace(let lease): note(api.update(lease), &election)
            }
        }
        process.election = election
    }

    private func note(_ answer: APIAnswer, _ election: inout LeaderElection) {
        switch answer {
        case .done(let lease?):
            if chance(knobs.lostReplyPercent) { return election.failed(now: now) }
            election.wrote(lease, begun: now, now: now)
        case .conflict, .exists, .done(nil):
            election.refused(.conflict(.lease, "keelson-operator"), now: now)
        case .missing:
            election.refused(.notFound(.lease, "keelson-operator"), now: now)
        }
    }

    /// What the shell asks before each write.
    func mayWrite(_ process: OperatorProcess) -> Bool {
        guard let election = process.election, !knobs.ignoresLease else { return true }
        return election.isLeader(now: now)
    }
}
