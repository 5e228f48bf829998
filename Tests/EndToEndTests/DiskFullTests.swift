// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    struct DiskFullTests {
        /// A disk in memory, gone with this value.
        private final class SmallDisk {
            let folder: TemporaryFolder
            private let ballastPath: String

            /// Nil if this process may not mount.
            init?(megabytes: Int) throws {
                folder = try TemporaryFolder()
                ballastPath = folder["ballast"]
                let options = ["-t", "tmpfs", "-o", "size=\(megabytes)m", "none", folder.path]
                guard try SmallDisk.run("mount", options) else { return nil }
            }

            deinit {
                _ = try? SmallDisk.run("umount", ["-l", folder.path])
            }

            private static func run(_ name: String, _ arguments: [String]) throws -> Bool {
                guard let program = Tools.onPath(name) else { return false }
                let child = try ChildProcess(ChildProcess.Plan(program, arguments))
                return try child.wait() == .exited(code: 0)
            }

            func fill() throws {
                let file = try File(ballastPath, .append)
                for size in [1 << 20, 4 << 10] {
                    let block = [UInt8](repeating: 1, count: size)
                    do throws(PosixError) {
                        for _ in 0..<1_024 { try file.append(block) }
                    } catch {
                        guard error.isNoSpace else { throw error }
                    }
                }
            }

            func free() throws { try Directory.remove(ballastPath) }
        }

        /// Known bug: 2819.
        @Test func `a full disk stops writes only, and only as long as it is full`() throws {
            guard let disk = try SmallDisk(megabytes: 64) else {
                skip("mounting a small disk is not permitted here")
                return
            }
            let cluster = try Cluster(
                1, environment: ["KEELSON_LOG_SEGMENT_BYTES": "\(2 << 20)"],
                dataDirectory: disk.folder["data"])
            try cluster.showingOutput {
                try cluster.start()
                let recorder = Recorder()
                let crew = Crew<Int>()
                defer { crew.stop() }
                var load = Load(endpoints: cluster.endpoints, recorder: recorder)
                load.timeout = .seconds(1)
                load.padding = 1_000..<30_000
                try load.start(3, crew)
                try eventually("the clients are at work") { recorder.acknowledgedWrites > 50 }
                try disk.fill()
                try expectReadsOnly(cluster, recorder)
                let freed = MonotonicClock.now
                try disk.free()
                let goal = recorder.acknowledgedWrites + 10
                try eventually("writes go on") { recorder.acknowledgedWrites >= goal }
                report(
                    "disk full: writes again " + (MonotonicClock.now - freed).inMilliseconds
                        + " after there was space")
                try crew.finish()
                let failures = recorder.failures
                report("disk full: \(failures.map { "\($0.count) x \($0.text)" })")
                try cluster.judge(recorder)
                try cluster[0].kill()
                try cluster.start(0)
                try cluster.judge(recorder)
            }
            try cluster[0].kill()
        }

        private func expectReadsOnly(_ cluster: Cluster, _ recorder: Recorder) throws {
            var last = recorder.acknowledgedWrites
            var since = MonotonicClock.now
            try cluster[0].running().wait(for: "writes to stop") {
                if recorder.acknowledgedWrites != last {
                    last = recorder.acknowledgedWrites
                    since = MonotonicClock.now
                }
                return MonotonicClock.now - since > .milliseconds(1_500)
            }
            let process = try cluster[0].running()
            #expect(process.output.contains("no space left"), "\(process.tail())")
            for isSerializable in [false, true] {
                let request = RangeRequest(key: bytes("ready"), serializable: isSerializable)
                #expect(try cluster[0].client().range(request).count == 1)
            }
            #expect(recorder.failureCount > 0)
        }
    }
}
