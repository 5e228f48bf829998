// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    /// Members in pods: started by tickets, by nothing else.
    struct TicketTests {
        @Test func `pods become a cluster by tickets, and come back without any`() throws {
            let folder = try TemporaryFolder()
            let pods = try (0..<3).map { try Pod($0, folder) }
            try pods[0].found()
            try pods[0].put("before", "joining")
            for (place, pod) in pods.dropFirst().enumerated() {
                let id = try pods[0].add(pod)
                let ticket = pod.joinTicket(id, seed: pods[0])
                try pod.start()
                try pod.wait(for: "AwaitingTicket")
                // One is told by the file, the other by the call.
                if place == 0 { try pod.file(ticket) } else { #expect(try pod.post(ticket) == 200) }
                let said = try pod.wait(for: "Running")
                #expect(said["memberID"]?.string == String(id, radix: 16))
                #expect(try pod.ask("GET", "/readyz").status == 503, "a learner is not ready")
                try pods[0].promote(id)
                try eventually("\(pod.name) is ready") {
                    try pod.ask("GET", "/readyz").status == 200
                }
                #expect(try pod.get("before") == "joining")
            }
            let clusterIDs = try Set(pods.map { try $0.word("clusterID") })
            #expect(clusterIDs.count == 1)
            // Everything is torn down at once; the pods that come are others.
            for pod in pods { try pod.kill() }
            try Directory.removeTree(folder["tickets"])
            for pod in pods {
                pod.uid += "-again"
                try pod.start()
            }
            for pod in pods { try pod.wait(for: "Running") }
            // Until it has heard from the leader it is what its log says: perhaps a learner.
            try eventually("the last one knows that it votes") {
                try pods[2].ask("GET", "/readyz").status == 200
            }
            #expect(try pods[2].get("before") == "joining")
            #expect(try Set(pods.map { try $0.word("clusterID") }) == clusterIDs)
            try expectReadyWithoutQuorum(pods)
        }

        /// Probes of pods ask about the pod alone; others may ask for more.
        private func expectReadyWithoutQuorum(_ pods: [Pod]) throws {
            try pods[1].kill()
            try pods[2].kill()
            #expect(try pods[0].ask("GET", "/livez").status == 200)
            #expect(try pods[0].ask("GET", "/readyz").status == 200)
            try eventually("a linearizable check fails") {
                try pods[0].ask("GET", "/readyz?linearizable=true").status == 503
            }
            #expect(try pods[0].ask("GET", "/livez").status == 200)
        }

        @Test func `an empty disk waits, whatever is not meant for it`() throws {
            let folder = try TemporaryFolder()
            let pod = try Pod(0, folder)
            try pod.start()
            try pod.wait(for: "AwaitingTicket", reason: "no ticket")
            #expect(try pod.ask("GET", "/livez").status == 200)
            let unready = try pod.ask("GET", "/readyz")
            #expect(unready.status == 503 && unready.body.contains("no ticket"))
            #expect(try pod.ask("GET", "/metrics").status == 200)
            #expect(try pod.ask("PUT", "/ticket").status == 405)
            #expect(try pod.post(pod.ticket("bootstrap"), token: "wrong") == 401)
            #expect(try pod.post("nonsense") == 422)
            #expect(try pod.post(pod.ticket("fly")) == 422)
            // A file that is left over from the pod before this one.
            let uid = pod.uid
            pod.uid = "somebody-else"
            try pod.file(pod.ticket("bootstrap"))
            try pod.wait(for: "AwaitingTicket", reason: "for pod somebody-else")
            #expect(try pod.post(pod.ticket("bootstrap", 2)) == 409)
            pod.uid = uid
            try pod.file(pod.ticket("resume", 3))
            let lost = try pod.wait(for: "AwaitingTicket", reason: "lost")
            #expect(lost["dataLost"]?.bool == true)
            #expect(try pod.post(pod.ticket("bootstrap", 2)) == 409, "older than what is known")
            #expect(!Directory.exists(pod.dataDirectory + "/member"))
            #expect(try pod.running().terminate() == .exited(code: 0))
        }

        @Test func `lost data is not founded anew, and not joined with an old name`() throws {
            let folder = try TemporaryFolder()
            let (seed, other) = (try Pod(0, folder), try Pod(1, folder))
            try seed.found()
            let id = try seed.add(other)
            // A member that nobody knows: it asks on, until a better ticket comes.
            try other.file(other.joinTicket(id ^ 1, seed: seed))
            try other.start()
            try other.wait(for: "AwaitingTicket", reason: "not one of the cluster's members")
            #expect(try other.post(other.joinTicket(id, 2, seed: seed)) == 200)
            try other.wait(for: "Running")
            #expect(try other.post(other.joinTicket(id, 2, seed: seed)) == 200, "said again")
            try other.file(other.joinTicket(id, 2, seed: seed))
            try seed.promote(id)
            try other.kill()
            // The volume is gone, the ticket is not.
            try Directory.removeTree(other.dataDirectory)
            try other.start()
            let said = try other.wait(for: "AwaitingTicket", reason: "has run before")
            #expect(said["dataLost"]?.bool == true)
            #expect(!Directory.exists(other.dataDirectory + "/member"))
            try other.kill()
            try seed.kill()
            // The identity is there, and the log is not: the permission was used.
            try Directory.removeTree(seed.dataDirectory + "/member")
            try seed.file(seed.ticket("bootstrap"))
            try seed.start()
            #expect(try seed.wait(for: "AwaitingTicket")["dataLost"]?.bool == true)
        }

        @Test func `a volume of another cluster is refused and left alone`() throws {
            let folder = try TemporaryFolder()
            let pod = try Pod(0, folder)
            try pod.found()
            try pod.put("k", "v")
            #expect(try pod.post(pod.ticket("resume", 9, cluster: "c2")) == 409)
            #expect(try pod.running().terminate() == .exited(code: 0))
            try pod.file(pod.ticket("resume", 9, cluster: "c2"))
            try pod.start()
            let (code, message) = try pod.end()
            #expect(code == 3, "\(message)")
            #expect(message["reason"]?.string == "ForeignVolume")
            #expect(message["exitCode"]?.int64 == 3)
            #expect(message["clusterUID"]?.string == "c1")
            try pod.file(pod.ticket("resume", 10))
            try pod.start()
            try pod.wait(for: "Running")
            #expect(try pod.get("k") == "v")
        }

        @Test func `a removed member never comes back`() throws {
            let folder = try TemporaryFolder()
            let (seed, other) = (try Pod(0, folder), try Pod(1, folder))
            try seed.found()
            let id = try seed.add(other)
            try other.file(other.joinTicket(id, seed: seed))
            try other.start()
            try other.wait(for: "Running")
            try eventually("it is removed") {
                (try? seed.client().memberRemove(MemberRemoveRequest(id: id))) != nil
            }
            let (code, message) = try other.end()
            #expect(code == 4, "\(message)")
            #expect(message["reason"]?.string == "MemberRemoved")
            #expect(message["memberID"]?.string == String(id, radix: 16))
            let again = try seed.add(other)
            #expect(again != id)
            try other.file(other.joinTicket(again, 7, seed: seed))
            try other.start()
            #expect(try other.end().code == 4)
            #expect(Directory.exists(other.dataDirectory + "/member/wal"), "the data stays")
        }

        @Test func `a start that was cut short goes on where it was`() throws {
            let folder = try TemporaryFolder()
            let pod = try Pod(0, folder)
            let intent = pod.dataDirectory + "/keelson.intent.json"
            // Cut between the intent and the log: no ticket is needed, and only this pod may.
            try Directory.make(pod.dataDirectory)
            let file = try File(intent, .replace)
            try file.write(at: 0, JSON.bytes(pod.ticket("bootstrap", 4)))
            file.close()
            let uid = pod.uid
            pod.uid = "another"
            try pod.start()
            try pod.wait(for: "AwaitingTicket")
            #expect(!Directory.exists(pod.dataDirectory + "/member"))
            try pod.kill()
            pod.uid = uid
            try pod.start()
            let first = try pod.wait(for: "Running")
            #expect(first["ticketGeneration"]?.int64 == 4)
            #expect(!Directory.exists(intent))
            try pod.put("k", "v")
            try pod.kill()
            // Cut between the log and the identity.
            let left = try File(intent, .replace)
            try left.write(at: 0, JSON.bytes(pod.ticket("bootstrap", 4)))
            left.close()
            try Directory.remove(pod.dataDirectory + "/keelson.json")
            try pod.start()
            let second = try pod.wait(for: "Running")
            #expect(second["clusterID"] == first["clusterID"])
            #expect(second["memberID"] == first["memberID"])
            #expect(try pod.get("k") == "v")
        }

        @Test func `killed as soon as it begins, a pod founds one cluster`() throws {
            for round in 0..<4 {
                let folder = try TemporaryFolder()
                let pod = try Pod(0, folder)
                try pod.file(pod.ticket("bootstrap"))
                let files = [
                    "/keelson.intent.json", "/member/wal", "/keelson.json", "/member/lock",
                ]
                try pod.start()
                // The intent is there for milliseconds only; the identity replaces it.
                try eventually("\(files[round]) is there, or was") {
                    Directory.exists(pod.dataDirectory + files[round])
                        || Directory.exists(pod.dataDirectory + "/keelson.json")
                }
                try pod.kill()
                try pod.start()
                let said = try pod.wait(for: "Running")
                try pod.put("k", "\(round)")
                try pod.kill()
                try pod.start()
                #expect(try pod.wait(for: "Running")["clusterID"] == said["clusterID"])
                #expect(try pod.get("k") == "\(round)")
            }
        }

        @Test func `without a ticket directory nothing of this applies`() throws {
            let cluster = try Cluster(1)
            let port = try Ports.free()
            let message = cluster.folder["message"]
            cluster[0].flags.append("--listen-metrics-urls=http://127.0.0.1:\(port)")
            cluster[0].flags.append("--termination-log=\(message)")
            try cluster.start()
            for target in ["/identity", "/ticket"] {
                let request = WebRequest(
                    "GET", host: "127.0.0.1", port: port, target: target,
                    dialTimeout: .seconds(2))
                #expect(try WebClient().exchange(request).status == 404)
            }
            #expect(try cluster[0].running().terminate() == .exited(code: 0))
            #expect(!Directory.exists(message), "a clean end leaves no message")
            cluster[0].flags.append("--no-such-flag")
            try cluster.start(0)
            #expect(try cluster[0].running().waitForEnd() == .exited(code: 2))
            let said = try JSON.parse(File(message, .read).readAll())
            #expect(said["reason"]?.string == "Usage")
            #expect(said["error"]?.string?.contains("no-such-flag") == true)
        }
    }
}
