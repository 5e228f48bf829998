// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    /// Backup jobs against a live cluster, as a CronJob runs them.
    struct BackupTests {
        private func fill(_ cluster: Cluster, megabytes: Int) throws {
            let client = try cluster.client()
            let block = [UInt8](repeating: 7, count: 1 << 20)
            for number in 0..<megabytes {
                _ = try client.put(PutRequest(key: bytes("big/\(number)"), value: block))
            }
        }

        private func names(_ path: String) throws -> [String] {
            try Directory.list(path).filter { !$0.hasPrefix(".") }
        }

        @Test func `a backup is taken from a follower, verified, and kept by rule`() throws {
            let cluster = try Cluster(3)
            try cluster.showingOutput {
                try cluster.start()
                let folder = cluster.folder
                let leader = try cluster.leader()
                let words = [
                    "backup", "--endpoints=\(cluster[leader].endpoint)",
                    "--dir=\(folder["backups"])", "--cluster=demo", "--name=nightly",
                    "--keep-last=2", "--keep-hourly=0", "--max-age=", "--compress=none",
                    "--termination-log=\(folder["message"])",
                ]
                let client = try cluster.client()
                var made: [String] = []
                for round in 0..<4 {
                    _ = try client.put(PutRequest(key: bytes("k"), value: bytes("\(round)")))
                    let run = try runCtl(words + ["--uid=u\(round)"], folder)
                    #expect(run.code == 0, "\(run)")
                    let line = try JSON.parse(run.output)
                    #expect(try JSON.parse(File(folder["message"], .read).readAll()) == line)
                    #expect(line["stored"]?.int64 == Int64(min(round + 1, 2)))
                    #expect(line["pruned"]?.int64 == (round < 2 ? 0 : 1))
                    #expect(line["verified"]?.bool == true)
                    #expect(line["member"]?.string != cluster[leader].name)
                    made.append(line["file"]?.string ?? "")
                }
                let kept = made.suffix(2).flatMap { [$0, $0 + ".json"] }
                #expect(try names(folder["backups"]) == kept)
                // The job is started again: it was done.
                let again = try JSON.parse(runCtl(words + ["--uid=u3"], folder).output)
                #expect(again["file"]?.string == made[3])
                #expect(try names(folder["backups"]) == kept)
                try expectVerbs(folder, newest: made[3])
            }
        }

        private func expectVerbs(_ folder: TemporaryFolder, newest: String) throws {
            let path = folder["backups/\(newest)"]
            let log = folder["check.message"]
            let checked = try runCtl(
                ["backup", "check", path, "--termination-log=\(log)"], folder)
            #expect(text(try File(log, .read).readAll()) == checked.output)
            #expect(checked.code == 0)
            #expect(try JSON.parse(checked.output)["file"]?.string == newest)
            let list = try runCtl(["backup", "list", "--dir=\(folder["backups"])"], folder)
            #expect(list.output.split(separator: "\n").count == 2)
            let file = try File(path, .update)
            let old = try file.read(at: 5_000, count: 1)
            try file.write(at: 5_000, [(old.first ?? 0) ^ 0x55])
            file.close()
            let bad = try runCtl(["backup", "check", path], folder)
            #expect(bad.code == 1 && bad.output.contains("SHA-256"), "\(bad)")
            let verify = try runCtl(["backup", "verify", "--dir=\(folder["backups"])"], folder)
            #expect(verify.code == 1)
            #expect(verify.output.contains(": whole\n"))
        }

        @Test func `a backup that is killed leaves nothing that looks like one`() throws {
            let cluster = try Cluster(1)
            try cluster.showingOutput {
                try cluster.start()
                try fill(cluster, megabytes: 24)
                let folder = cluster.folder
                let words = [
                    "backup", "--endpoints=\(cluster[0].endpoint)", "--cluster=demo",
                    "--dir=\(folder["backups"])",
                ]
                let program = try #require(Tools.product("keelsonctl"))
                let job = try ServerProcess(program, words, output: folder["job"])
                try job.wait(for: "a part is there") {
                    guard Directory.exists(folder["backups"]) else { return false }
                    return try names(folder["backups"]).contains { $0.hasSuffix(".partial") }
                }
                try job.kill()
                #expect(try names(folder["backups"]).allSatisfy { $0.hasSuffix(".db.partial") })
                let list = try runCtl(["backup", "list", "--dir=\(folder["backups"])"], folder)
                #expect(list.code == 0 && list.output.isEmpty)
                let run = try runCtl(words, folder)
                #expect(run.code == 0, "\(run)")
                let left = try names(folder["backups"])
                #expect(left.count == 2 && left.allSatisfy { !$0.hasSuffix(".partial") }, "\(left)")
            }
        }

        @Test func `a full disk ends a backup with a sentence and leaves nothing`() throws {
            let cluster = try Cluster(1)
            try cluster.showingOutput {
                try cluster.start()
                try fill(cluster, megabytes: 8)
                let folder = cluster.folder
                let words = [
                    "backup", "--endpoints=\(cluster[0].endpoint)", "--cluster=demo",
                    "--dir=\(folder["backups"])", "--termination-log=\(folder["message"])",
                ]
                // Half-way through the file no more may be written.
                let cut = try runCtl(words, folder, shell: "ulimit -f 4096")
                #expect(cut.code == 6, "\(cut)")
                #expect(try JSON.parse(cut.output)["error"]?.string?.contains("too large") == true)
                #expect(try JSON.parse(File(folder["message"], .read).readAll())["error"] != nil)
                #expect(try names(folder["backups"]) == [])
                let full = try runCtl(words + ["--min-free=99%"], folder)
                #expect(full.code == 6 && full.output.contains("free"), "\(full)")
                #expect(try names(folder["backups"]) == [])
                let place = try File(folder["a-file"], .replace)
                place.close()
                let wrong = try runCtl(words + ["--dir=\(folder["a-file"])"], folder)
                #expect(wrong.code == 6, "\(wrong)")
                let half = try runCtl(words + ["--endpoints=127.0.0.1:1"], folder)
                #expect(half.code == 0, "one of two endpoints is enough: \(half)")
                let none = try runCtl(
                    ["backup", "--endpoints=127.0.0.1:1", "--dir=\(folder["backups"])"], folder)
                #expect(none.code == 2 && none.output.contains("no healthy endpoint"), "\(none)")
                let flags = try runCtl(["backup", "--dir=x", "--verify=hope"], folder)
                #expect(flags.code == 128, "\(flags)")
                let gzip = try runCtl(["backup", "--dir=x", "--compress=gzip"], folder)
                #expect(gzip.code == 4, "\(gzip)")
            }
        }

        @Test func `leadership is handed over before a stop, by name`() throws {
            let cluster = try Cluster(3)
            try cluster.showingOutput {
                try cluster.start()
                let folder = cluster.folder
                let hosts = try File(folder["hosts"], .replace)
                try hosts.write(at: 0, bytes("127.0.0.1 node.keelson.invalid\n"))
                let leader = try cluster.leader()
                let name = "node.keelson.invalid:\(cluster[leader].clientPort)"
                let words = ["hand-over", "--endpoints=\(name)"]
                let moved = try runCtl(words, folder, environment: ["KEELSON_HOSTS": hosts.path])
                #expect(moved.code == 0 && moved.output.contains("leads now"), "\(moved)")
                #expect(try cluster.leader() != leader)
                let idle = try runCtl(words, folder, environment: ["KEELSON_HOSTS": hosts.path])
                #expect(idle.code == 0 && idle.output.contains("does not lead"), "\(idle)")
            }
        }
    }
}
