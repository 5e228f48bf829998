// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    /// A value that has become another one on one member's disk, with sums that fit.
    struct CorruptionTests {
        private static let flags = [
            "--snapshot-count=20", "--snapshot-catchup-entries=10", "--compact-hash-check-time=1s",
        ]
        private static let value = "a value to be found in the file"

        private func filled() throws -> Cluster {
            let cluster = try Cluster(3, flags: Self.flags)
            try cluster.start()
            let client = try cluster.client()
            _ = try client.put(PutRequest(key: bytes("victim"), value: bytes(Self.value)))
            for number in 0..<60 {
                _ = try client.put(PutRequest(key: bytes("k\(number)"), value: bytes("v")))
            }
            return cluster
        }

        private func alarms(_ cluster: Cluster) throws -> [UInt64] {
            var request = AlarmRequest()
            request.alarm = .corrupt
            return try cluster.client().alarm(request).alarms.map(\.memberID)
        }

        private func compact(_ cluster: Cluster, _ revision: Int64) throws {
            var request = CompactionRequest()
            request.revision = revision
            _ = try cluster.client().compact(request)
        }

        /// One bit of the value in the checkpoint flips, and the sums are made anew.
        private func damage(_ member: Member) throws {
            let path = "\(member.dataDirectory)/member/snap/db"
            var content = try File(path, .read).readAll()
            let wanted = bytes(Self.value)
            guard
                let place = content.indices.dropLast(wanted.count).first(where: {
                    content[$0] == wanted[0]
                        && Array(content[$0..<($0 + wanted.count)]) == wanted
                })
            else { throw TestFailure("the checkpoint does not hold the value") }
            content[place] ^= 1
            let file = try File(path, .update)
            try file.write(at: Int64(place), [content[place]])
            let sums = try File("\(path).sums", .update)
            var text = Array(try sums.readAll().prefix(24))
            var whole = CRC32C()
            for start in stride(from: 0, to: content.count, by: 64 << 10) {
                let block = Array(content[start..<min(content.count, start + (64 << 10))])
                text += Self.littleEndian(CRC32C.of(block))
                whole.update(block)
            }
            text += Self.littleEndian(whole.value)
            text += Self.littleEndian(CRC32C.of(text))
            try sums.write(at: 0, text)
        }

        private static func littleEndian(_ value: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }

        private func checkpointHolds(_ member: Member) -> Bool {
            let path = "\(member.dataDirectory)/member/snap/db"
            guard let content = try? File(path, .read).readAll() else { return false }
            return String(decoding: content, as: UTF8.self).contains(Self.value)
        }

        @Test func `a damaged member is found, and does not start where that is checked`() throws {
            let cluster = try filled()
            try cluster.showingOutput {
                try compact(cluster, 10)
                let leader = try cluster.leader()
                try cluster[leader].running().waitForOutput(containing: "all members hold the same")
                #expect(try alarms(cluster) == [])

                let victim = (leader + 1) % 3
                let id = cluster[victim].status()?.header?.memberID ?? 0
                try eventually("a checkpoint") { checkpointHolds(cluster[victim]) }
                try cluster[victim].kill()
                try damage(cluster[victim])
                try cluster.start(victim)
                try cluster.waitUntilLevel(victim)
                try compact(cluster, 30)
                try eventually("an alarm") { try alarms(cluster) == [id] }
                #expect(throws: (any Error).self) {
                    try cluster.client().put(PutRequest(key: bytes("more"), value: []))
                }

                try cluster[victim].kill()
                for number in 0..<3 {
                    cluster[number].flags.append("--experimental-initial-corrupt-check=true")
                }
                try cluster.start(victim)
                let process = try cluster[victim].running()
                try process.waitForOutput(containing: "initial corruption check failed")
                #expect(try process.waitForEnd() != .exited(code: 0))

                let other = 3 - leader - victim
                try cluster[other].kill()
                try cluster.start(other)
                try cluster[other].running().waitForOutput(
                    containing: "initial corruption check passed")
                try cluster.waitUntilLevel(other)
            }
        }
    }
}
