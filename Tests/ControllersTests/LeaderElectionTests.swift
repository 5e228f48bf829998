// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Controllers

@Suite struct LeaderElectionTests {
    private func election(_ identity: String, _ seed: UInt64 = 1) -> LeaderElection {
        LeaderElection(namespace: "ns", name: "op", identity: identity, now: at(0), seed: seed)
    }

    private func lease(_ holder: String, _ version: Int, renewed: String = "x") -> KubeObject {
        var lease = KubeObject(.lease, namespace: "ns", name: "op")
        lease.resourceVersion = "\(version)"
        lease["spec", "holderIdentity"] = .string(holder)
        lease["spec", "leaseDurationSeconds"] = 15
        lease["spec", "renewTime"] = .string(renewed)
        return lease
    }

    private func acquired() -> LeaderElection {
        var machine = election("me")
        machine.read(nil, now: at(0))
        guard case .create(var made) = machine.step(now: at(0), wall: 0) else { return machine }
        made.resourceVersion = "1"
        machine.wrote(made, begun: at(0), now: at(0.1))
        return machine
    }

    @Test func `the first one makes the lease and leads`() {
        var machine = election("me")
        #expect(machine.step(now: at(0), wall: 0) == .read(machine.key))
        machine.read(nil, now: at(0))
        guard case .create(let made) = machine.step(now: at(0), wall: 1_000_000_000) else {
            Issue.record("no create")
            return
        }
        #expect(made.string("spec", "holderIdentity") == "me")
        #expect(made.string("spec", "renewTime") == "1970-01-01T00:00:01.000000Z")
        #expect(made.int("spec", "leaseDurationSeconds") == 15)
        #expect(!machine.isLeader(now: at(0)))
        machine.wrote(made, begun: at(1), now: at(4))
        #expect(machine.isLeader(now: at(4)))
        // It counts from before the request.
        #expect(machine.isLeader(now: at(10.9)) && !machine.isLeader(now: at(11)))
    }

    @Test func `who leads renews every two seconds what it wrote`() {
        var machine = acquired()
        guard case .wait(let time) = machine.step(now: at(0.1), wall: 0) else {
            Issue.record("no wait")
            return
        }
        #expect(time >= at(2.1) && time <= at(2.5))
        guard case .replace(let renewed) = machine.step(now: time, wall: 5_000_000_000) else {
            Issue.record("no renewal")
            return
        }
        #expect(renewed.resourceVersion == "1")
        #expect(renewed.int("spec", "leaseTransitions") == 0)
        machine.wrote(renewed, begun: time, now: time)
        #expect(machine.leadsUntil == time + .seconds(10))
    }

    @Test func `another's lease is taken only after it stood still for its time here`() {
        var machine = election("me")
        // The times in it are nobody's business: this one looks long expired.
        machine.read(lease("other", 5, renewed: "1999-01-01T00:00:00.000000Z"), now: at(100))
        for second in stride(from: 102.0, to: 115, by: 2) {
            machine.read(lease("other", 5, renewed: "1999-01-01T00:00:00.000000Z"), now: at(second))
            guard case .wait = machine.step(now: at(second), wall: 0) else {
                Issue.record("taken at \(second)")
                return
            }
        }
        // A renewal begins the time anew.
        machine.read(lease("other", 6, renewed: "y"), now: at(114))
        machine.read(lease("other", 6, renewed: "y"), now: at(128))
        guard case .wait = machine.step(now: at(128), wall: 0) else {
            Issue.record("taken too early")
            return
        }
        machine.read(lease("other", 6, renewed: "y"), now: at(129))
        guard case .replace(let taken) = machine.step(now: at(129), wall: 0) else {
            Issue.record("not taken")
            return
        }
        #expect(taken.resourceVersion == "6")
        #expect(taken.string("spec", "holderIdentity") == "me")
        #expect(taken.int("spec", "leaseTransitions") == 0)
    }

    @Test func `a write that meets another's is no leadership`() {
        var machine = acquired()
        machine.refused(.conflict(.lease, "op"), now: at(5))
        #expect(machine.step(now: at(5.3), wall: 0) == .read(machine.key))
        machine.read(lease("other", 9), now: at(5.4))
        #expect(!machine.isLeader(now: at(5.4)))
        #expect(machine.holder == "other")
    }

    @Test func `leadership ends before others may take it`() {
        var machine = acquired()
        for second in stride(from: 2.5, to: 9, by: 2) { machine.failed(now: at(second)) }
        #expect(machine.isLeader(now: at(9.9)) && !machine.isLeader(now: at(10)))
        // And then it asks before it writes.
        #expect(machine.step(now: at(20), wall: 0) == .read(machine.key))
    }

    @Test func `who stops gives the lease back`() {
        var machine = acquired()
        let released = machine.release(now: at(3), wall: 0)
        #expect(released?.string("spec", "holderIdentity") == "")
        #expect(!machine.isLeader(now: at(3)))
        #expect(machine.release(now: at(3), wall: 0) == nil)
        var other = election("other")
        var given = released ?? lease("me", 1)
        given.resourceVersion = "2"
        other.read(given, now: at(3.1))
        guard case .replace(let taken) = other.step(now: at(3.1), wall: 0) else {
            Issue.record("the next one waits")
            return
        }
        #expect(taken.int("spec", "leaseTransitions") == 1)
    }

    /// A server with one lease, contenders with their own delays and lost answers: never two lead.
    @Test func `never do two lead`() throws {
        for seed in UInt64(1)...40 {
            var random = Random(seed: seed)
            var stored: KubeObject?
            var version = 0
            var machines = (0..<3).map { election("c\($0)", seed &+ UInt64($0)) }
            var paused = [0.0, 0.0, 0.0]
            var leaderCount = 0
            for tick in 0..<3000 {
                let now = Double(tick) * 0.1
                for index in machines.indices where paused[index] <= now {
                    if random.below(400) == 0 { paused[index] = now + Double(random.below(30)) }
                    switch machines[index].step(now: at(now), wall: Int64(tick) * 100_000_000) {
                    case .wait: break
                    case .read: machines[index].read(stored, now: at(now))
                    case .create(var object), .replace(var object):
                        guard object.resourceVersion == (stored?.resourceVersion ?? "") else {
                            machines[index].refused(.conflict(.lease, "op"), now: at(now))
                            continue
                        }
                        version += 1
                        object.resourceVersion = "\(version)"
                        if random.chance(percent: 90) { stored = object }
                        if stored == object, random.chance(percent: 90) {
                            machines[index].wrote(object, begun: at(now), now: at(now))
                        } else {
                            machines[index].failed(now: at(now))
                        }
                    }
                }
                let leaders = machines.filter { $0.isLeader(now: at(now)) }.count
                #expect(leaders <= 1, "seed \(seed), second \(now)")
                leaderCount += leaders
            }
            #expect(leaderCount > 1500, "seed \(seed)")
        }
    }
}
