// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    /// New clusters out of what is left of old ones.
    struct PodRecoveryTests {
        @Test func `a restore ticket makes a new cluster of a backup`() throws {
            let folder = try TemporaryFolder()
            let (old, new) = (try Pod(0, folder), try Pod(1, folder))
            try old.found()
            for number in 0..<20 { try old.put("k\(number)", "v\(number)") }
            let made = try runCtl(
                ["backup", "--endpoints=\(old.endpoint)", "--dir=\(folder["backups"])"], folder)
            #expect(made.code == 0, "\(made)")
            let manifest = try JSON.parse(made.output)
            let path = folder["backups"] + "/" + (manifest["file"]?.string ?? "")
            let oldID = try old.word("clusterID")
            try old.kill()
            func ticket(_ generation: Int64, _ path: String, _ sum: String) -> JSONValue {
                new.ticket(
                    "restore", generation, cluster: "c2",
                    [("restore", .object([("path", .string(path)), ("sha256", .string(sum))]))])
            }
            let sum = manifest["sha256"]?.string ?? ""
            try new.start()
            try new.wait(for: "AwaitingTicket")
            let wrong = String(repeating: "0", count: 64)
            #expect(try new.post(ticket(1, path, wrong)) == 200)
            try new.wait(for: "Refused", reason: "SHA-256")
            #expect(try new.ask("GET", "/livez").status == 200)
            #expect(try new.post(ticket(2, path + "-missing", sum)) == 200)
            try new.wait(for: "Refused", reason: "missing")
            #expect(try new.post(ticket(3, path, sum)) == 200)
            let said = try new.wait(for: "Running")
            #expect(said["clusterID"]?.string != oldID)
            #expect(said["clusterUID"]?.string == "c2")
            let answer = try new.client().range(RangeRequest(key: bytes("k7")))
            #expect(answer.kvs.first.map { text($0.value) } == "v7")
            let revision = try #require(manifest["revision"]?.int64)
            #expect(answer.header?.revision == revision + 1_000_000_000)
            #expect(try new.client().memberList(MemberListRequest()).members.count == 1)
            try new.kill()
            try new.start()
            #expect(try new.wait(for: "Running")["clusterID"] == said["clusterID"])
            #expect(try new.get("k19") == "v19")
        }

        /// Killed at each file that the work leaves behind, it is the same cluster in the end.
        @Test func `a restore that is killed is done again`() throws {
            let folder = try TemporaryFolder()
            let old = try Pod(0, folder)
            try old.found()
            try old.put("k", "v")
            let made = try runCtl(
                ["backup", "--endpoints=\(old.endpoint)", "--dir=\(folder["backups"])"], folder)
            let manifest = try JSON.parse(made.output)
            let path = folder["backups"] + "/" + (manifest["file"]?.string ?? "")
            try old.kill()
            let files = ["keelson.intent.json", "keelson.new.partial", "keelson.new", "member"]
            for (number, name) in files.enumerated() {
                let new = try Pod(number + 1, folder)
                try new.file(
                    new.ticket("restore", 1, [("restore", .object([("path", .string(path))]))]))
                try new.start()
                try eventually("\(name) is there") {
                    Directory.exists("\(new.dataDirectory)/\(name)")
                        || Directory.exists("\(new.dataDirectory)/keelson.json")
                }
                try new.kill()
                try new.start()
                try new.wait(for: "Running")
                #expect(try new.get("k") == "v", "killed at \(name)")
                let left = try Directory.list(new.dataDirectory)
                #expect(left == ["keelson.json", "keelson.lock", "member"])
                try new.kill()
            }
        }

        @Test func `a survivor goes on alone when it is told to`() throws {
            let folder = try TemporaryFolder()
            let pods = try (0..<3).map { try Pod($0, folder) }
            try pods[0].found()
            for pod in pods.dropFirst() {
                let id = try pods[0].add(pod)
                try pod.file(pod.joinTicket(id, seed: pods[0]))
                try pod.start()
                try pod.wait(for: "Running")
                try pods[0].promote(id)
            }
            for number in 0..<10 { try pods[0].put("k\(number)", "v") }
            let survivor = pods[1]
            try eventually("the survivor has it all") { try survivor.get("k9") == "v" }
            let oldID = try survivor.word("clusterID")
            for pod in pods { try pod.kill() }
            try survivor.file(survivor.ticket("hold", 5))
            survivor.uid = "uid-new"
            try survivor.start()
            try survivor.wait(for: "AwaitingTicket", reason: "hold")
            #expect(try survivor.post(survivor.ticket("force-new-cluster", 6)) == 200)
            let said = try survivor.wait(for: "Running")
            #expect(said["clusterID"]?.string != oldID)
            #expect(said["ticketGeneration"]?.int64 == 6)
            #expect(try survivor.client().memberList(MemberListRequest()).members.count == 1)
            #expect(try survivor.get("k9") == "v")
            try survivor.put("after", "all")
            #expect(Directory.exists(survivor.dataDirectory + "/member.before-6/wal"))
            try survivor.kill()
            // The same ticket again changes nothing.
            try survivor.file(survivor.ticket("force-new-cluster", 6))
            try survivor.start()
            #expect(try survivor.wait(for: "Running")["clusterID"] == said["clusterID"])
            #expect(try survivor.get("after") == "all")
            // The others belong to the past: they cannot join, and do not disturb.
            try pods[0].start()
            try survivor.put("still", "here")
        }
    }
}
