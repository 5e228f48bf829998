// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Formats
internal import Kube
internal import KubeClient
internal import Posix
internal import Program

/// Whether we lead, for all threads to ask.
final class Lead: @unchecked Sendable {
    private let lock = Lock()
    private var until: Instant?
    private var always = false

    var isOurs: Bool {
        lock.withLock { always || (until.map { MonotonicClock.now < $0 } ?? false) }
    }

    func set(until time: Instant?) { lock.withLock { until = time } }
    func setAlways() { lock.withLock { always = true } }
}

/// Takes and holds the Lease on a thread of its own; gives it back at the end.
struct LeaderLoop {
    let client: KubeClient
    /// For the last word, when the other one has been stopped.
    let farewell: KubeClient
    let store: ClusterStore
    let lead: Lead
    let log: Logger
    let namespace: String
    let name: String
    let identity: String
    let timing: LeaderElection.Timing
    let seed: UInt64

    func run() {
        var election = LeaderElection(
            namespace: namespace, name: name, identity: identity, timing: timing,
            now: MonotonicClock.now, seed: seed)
        var wasLeader = false
        while true {
            do throws(KubeError) {
                try turn(&election)
            } catch {
                if error == .stopped { break }
                election.failed(now: MonotonicClock.now)
                log.warn("the lease cannot be had", ["error": .string("\(error)")])
            }
            let isLeader = election.isLeader(now: MonotonicClock.now)
            lead.set(until: election.leadsUntil)
            store.setLeads(isLeader)
            if isLeader != wasLeader {
                log.info(
                    isLeader ? "leading" : "not leading any more",
                    ["holder": .string(election.holder)])
                wasLeader = isLeader
            }
        }
        release(&election)
    }

    private func turn(_ election: inout LeaderElection) throws(KubeError) {
        let begun = MonotonicClock.now
        switch election.step(now: begun, wall: WallClock.nanoseconds) {
        case .wait(let time): try client.pause(until: time)
        case .read(let key): election.read(try client.get(key), now: MonotonicClock.now)
        case .create(let lease): try write(&election, begun, .create(lease, as: .lease))
        case .replace(let lease): try write(&election, begun, .replace(lease, as: .lease))
        }
    }

    private func write(
        _ election: inout LeaderElection, _ begun: Instant, _ request: KubeRequest
    ) throws(KubeError) {
        let response = try client.send(request, within: .seconds(5))
        do throws(StatusError) {
            let written = try response.object()
            election.wrote(written, begun: begun, now: MonotonicClock.now)
        } catch {
            if !error.isConflict, !error.isAlreadyExists {
                log.warn("the lease was refused", ["error": .string(error.message)])
            }
            election.refused(error, now: MonotonicClock.now)
        }
    }

    private func release(_ election: inout LeaderElection) {
        lead.set(until: nil)
        store.setLeads(false)
        guard let lease = election.release(now: MonotonicClock.now, wall: WallClock.nanoseconds)
        else { return }
        do throws(KubeError) {
            _ = try farewell.send(.replace(lease, as: .lease), within: .seconds(3))
            log.info("the lease is given back")
        } catch {
            log.warn("the lease could not be given back", ["error": .string("\(error)")])
        }
    }
}
