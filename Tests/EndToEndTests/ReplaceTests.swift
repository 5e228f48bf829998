// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    struct ReplaceTests {
        @Test func `a member that lost its disk is replaced, and the old one stays out`() throws {
            let cluster = try Cluster(
                3, flags: ["--snapshot-count=50", "--snapshot-catchup-entries=10"])
            try cluster.showingOutput {
                try cluster.start()
                let recorder = Recorder()
                let crew = Crew<Int>()
                defer { crew.stop() }
                var load = Load(endpoints: Array(cluster.endpoints.prefix(2)), recorder: recorder)
                load.timeout = .seconds(2)
                try load.start(3, crew)
                try eventually("there is something to catch up with") {
                    recorder.acknowledgedWrites > 150
                }
                let oldID = try removeWhileDown(cluster)
                try expectTurnedAway(cluster)
                let began = MonotonicClock.now
                let newID = try join(cluster)
                #expect(newID != oldID)
                report(
                    "replace: from start to promoted " + (MonotonicClock.now - began).inMilliseconds
                )
                try expectVote(cluster)
                try crew.finish()
                try cluster.judge(recorder)
                try expectRefusedAfterRemoval(cluster, id: newID)
            }
        }

        /// Asks again while the cluster says that it is not well enough for changes: members must
        /// have been connected for some seconds.
        private func persisting<Answer>(
            _ what: String, _ ask: () throws(ClientError) -> Answer
        ) throws -> Answer {
            var answer: Answer?
            try eventually("\(what) is accepted") {
                do throws(ClientError) {
                    answer = try ask()
                    return true
                } catch {
                    guard error.serverMessage == "etcdserver: unhealthy cluster" else {
                        throw error
                    }
                    return false
                }
            }
            guard let answer else { throw TestFailure("\(what) has no answer") }
            return answer
        }

        private func removeWhileDown(_ cluster: Cluster) throws -> UInt64 {
            let id = try #require(cluster[2].status()?.header?.memberID)
            try cluster[2].kill()
            // If it led, a change sent after it would be lost with it.
            try eventually("the others have a leader of their own") {
                guard let leader = cluster[0].status()?.leader else { return false }
                return leader != 0 && leader != id
            }
            let client = try cluster[0].client()
            let answer = try persisting("the removal") { () throws(ClientError) in
                try client.memberRemove(MemberRemoveRequest(id: id))
            }
            #expect(answer.members.count == 2)
            return id
        }

        /// It does not know yet that it was removed: the others tell it.
        private func expectTurnedAway(_ cluster: Cluster) throws {
            try cluster.start(2)
            let old = try cluster[2].running()
            let ending = try old.waitForEnd()
            #expect(ending == .exited(code: 0), "\(old.tail())")
            #expect(old.output.contains("permanently removed from the cluster"), "\(old.tail())")
            try cluster[2].wipe()
        }

        private func join(_ cluster: Cluster) throws -> UInt64 {
            let client = try cluster[0].client()
            let request = MemberAddRequest(peerURLs: [cluster[2].peerURL], isLearner: true)
            let added = try persisting("the addition") { () throws(ClientError) in
                try client.memberAdd(request)
            }
            let id = try #require(added.member?.id)
            try cluster.start(2, state: "existing")
            try eventually("the learner is promoted") {
                if let ending = cluster[2].process?.ending { throw TestFailure("ended: \(ending)") }
                do throws(ClientError) {
                    _ = try client.memberPromote(MemberPromoteRequest(id: id))
                    return true
                } catch {
                    let text = error.serverMessage ?? ""
                    let isEarly = text.contains("in sync with leader")
                    guard isEarly || text.contains("unhealthy cluster") else { throw error }
                    return false
                }
            }
            let status = try cluster[2].client().status()
            #expect(status.header?.memberID == id)
            let snapshots = cluster.members.filter { member in
                member.process?.output.contains("snapshot") == true
            }
            #expect(!snapshots.isEmpty, "it caught up without a snapshot")
            return id
        }

        /// With another member down, nothing goes on without the new one.
        private func expectVote(_ cluster: Cluster) throws {
            try cluster[0].kill()
            let client = try cluster[2].client()
            try eventually("the new member's vote counts") {
                let put = PutRequest(key: bytes("vote"), value: bytes("counts"))
                return (try? client.put(put)) != nil
            }
            let read = try client.range(RangeRequest(key: bytes("vote")))
            #expect(read.kvs.first.map { text($0.value) } == "counts")
            #expect(cluster[2].status()?.isLearner == false)
            try cluster.start(0)
            try cluster.waitUntilLevel(0)
        }

        private func expectRefusedAfterRemoval(_ cluster: Cluster, id: UInt64) throws {
            let client = try cluster[0].client()
            _ = try persisting("the removal") { () throws(ClientError) in
                try client.memberRemove(MemberRemoveRequest(id: id))
            }
            let removed = try cluster[2].running()
            #expect(try removed.waitForEnd() == .exited(code: 0), "\(removed.tail())")
            try cluster.start(2)
            let again = try cluster[2].running()
            let ending = try again.waitForEnd()
            #expect(ending == .exited(code: 1) || ending == .exited(code: 0), "\(again.tail())")
            #expect(again.output.contains("removed from the cluster"), "\(again.tail())")
        }
    }
}
