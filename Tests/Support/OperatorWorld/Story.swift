// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

/// A world that is told what happens, line by line, and tells what its operator did about it.
package final class Story {
    private let world: World

    package init(seed: UInt64 = 1) {
        world = World(seed: seed)
        world.log = []
    }

    /// Steps and events of the operator while the orders were carried out.
    package func play(_ command: String, _ arguments: [String: String]) -> String {
        world.log = []
        let pod = arguments["pod"] ?? ""
        let number = Int(arguments["replicas"] ?? arguments["seconds"] ?? "") ?? 0
        switch command {
        case "found": world.found(replicas: number)
        case "run": world.run(seconds: number)
        case "scale": world.set(replicas: number)
        case "lose-disk": world.loseDisk(pod)
        case "delete-pod": world.deletePod(pod)
        case "stop": world.stop(pod)
        case "approve": world.approveRecovery(of: arguments["cluster"])
        case "annotate":
            world.change { $0.annotations[arguments["note"] ?? ""] = arguments["value"] }
        case "edit":
            let path = (arguments["field"] ?? "").split(separator: ".").map(String.init)
            let value = arguments["value"] ?? ""
            world.change {
                $0[path: ["spec"] + path] = Int64(value).map(JSONValue.integer) ?? .string(value)
            }
        case "corrupt": world.corrupt(pod)
        case "fill": world.fillStores()
        case "delete-keys": world.deleteKeys()
        case "strike":
            guard let mishap = Mishap(rawValue: arguments["mishap"] ?? "") else {
                return "there is no such mishap"
            }
            world.strike(mishap)
        case "heal": world.heal(all: true)
        case "show":
            return world.complaint.split(separator: ", operation").first.map(String.init) ?? ""
        case "condition":
            return (arguments["type"] ?? "").split(separator: ",")
                .map { "\($0): \(world.conditionText(String($0)))" }.joined(separator: "\n")
        case "remains": return world.remains
        default:
            guard world.obey(command, arguments) else { return "there is no such order" }
        }
        if command != "run", let seconds = Int(arguments["for"] ?? "") {
            world.run(seconds: seconds)
        }
        if arguments["quiet"] != nil { return world.failure.map { "BROKEN \($0.rule)" } ?? "" }
        let said = (world.log ?? []).filter { $0.hasPrefix("event ") || $0.hasPrefix("step ") }
        let broken = world.failure.map { ["BROKEN \($0.rule): \($0.reason)"] } ?? []
        return (said + broken).joined(separator: "\n")
    }
}

/// One course of events, run with an operator that dies after its n-th write.
package enum Courses {
    package static let names = ["grow", "shrink", "replace", "roll", "hibernate", "forget"]

    /// Nil if all went well, else what did not. `writes` says how many there were.
    package static func run(
        _ name: String, killAfter write: Int?, writes: inout Int
    ) -> String? {
        var knobs = WorldKnobs()
        knobs.killAfterWrite = write
        let world = World(seed: 7, knobs: knobs)
        world.found(replicas: name == "grow" ? 1 : 3)
        if name == "shrink" { world.set(replicas: 5) }
        world.run(seconds: 300) { world.isWhole }
        course(name, world)
        world.run(seconds: 2)
        world.run(seconds: 900) { world.isWhole }
        writes = world.writeCount
        world.judgeHistory()
        if let failure = world.failure { return "\(failure.rule): \(failure.reason)" }
        return world.isWhole ? nil : world.complaint
    }

    private static func course(_ name: String, _ world: World) {
        switch name {
        case "grow": world.set(replicas: 3)
        case "shrink": world.set(replicas: 3)
        case "replace": world.loseDisk("demo-0")
        case "roll": world.strike(.changeConfig)
        case "hibernate":
            world.strike(.hibernate)
            world.run(seconds: 60)
            world.heal(all: true)
        default:
            world.strike(.stripStatusAndMap)
            world.run(seconds: 5)
            world.loseDisk("demo-1")
        }
    }
}

extension World {
    /// Its process ends with an error, again and again.
    func stop(_ pod: String) {
        if pod.isEmpty { knobs.crashing = [] } else { knobs.crashing.append(pod) }
        guard var process = etcd.processes[pod] else { return }
        process.exitCode = 1
        etcd.processes[pod] = process
    }

    /// It raises the alarm CORRUPT.
    func corrupt(_ pod: String) {
        guard let process = etcd.processes[pod], let id = etcd.disk(process)?.memberID else {
            return
        }
        etcd.alarms.append(MemberAlarm(kind: .corrupt, memberID: id))
    }

    /// With keys that live: no compaction makes room.
    func fillStores() {
        guard let (_, list) = truth, let first = list.first else { return }
        etcd.alarms = [MemberAlarm(kind: .noSpace, memberID: first.id)]
        for name in etcd.disks.keys {
            _ = etcd.disks.update(name) { disk in
                disk.sizeBytes = 2100 << 20
                disk.inUseBytes = 2100 << 20
            }
        }
    }

    /// What they took is history until the next compaction.
    func deleteKeys() {
        guard let (id, _) = truth else { return }
        etcd.write(id, isDeletion: true)
        etcd.historyBytes = 1800 << 20
    }

    func approveRecovery(of cluster: String? = nil) {
        lossIsAllowed = true
        let id = cluster ?? api.get(clusterKey)?.string("status", "clusterID") ?? ""
        change { $0.annotations["keelson.dev/approve-quorum-recovery"] = id }
    }
}
