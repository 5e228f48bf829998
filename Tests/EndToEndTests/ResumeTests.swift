// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix
internal import TestKit
internal import Testing

extension EndToEnd {
    /// What clients hold for long outlives leaders.
    struct ResumeTests {
        private static let ttl: Int64 = 3

        @Test func `a watch and a lease outlive three leaders`() throws {
            let cluster = try Cluster(3)
            try cluster.showingOutput {
                try cluster.start()
                let recorder = Recorder()
                let crew = Crew<Int>()
                let watching = Crew<[Change]>()
                let renewing = Crew<Instant>()
                defer {
                    crew.stop()
                    watching.stop()
                    renewing.stop()
                }
                let lease = try grant(cluster)
                try startWatching(cluster.endpoints, watching)
                try startRenewing(cluster.endpoints, lease, renewing)
                try Load(endpoints: cluster.endpoints, recorder: recorder).start(3, crew)
                for _ in 0..<3 { try killLeader(cluster, recorder) }
                try crew.finish()
                let lastRenewal = try #require(try renewing.finish().first)
                try expectExpiry(cluster, after: lastRenewal)
                // Told to stop only now: it must see the deletion too.
                try cluster.judge(recorder)
                let truth = try Truth.of(cluster[0])
                let seen = try watching.finish()[0]
                #expect(seen.count == truth.changes.count)
                #expect(seen == truth.changes, "the watch missed or repeated something")
                report("resume: \(seen.count) events seen once and in order over 3 leaders' deaths")
            }
        }

        private func grant(_ cluster: Cluster) throws -> Int64 {
            let client = try cluster.client()
            let lease = try client.leaseGrant(LeaseGrantRequest(ttl: ResumeTests.ttl)).id
            _ = try client.put(PutRequest(key: bytes("leased"), value: [], lease: lease))
            return lease
        }

        private func isThere(_ cluster: Cluster) throws -> Bool {
            try cluster.client().range(RangeRequest(key: bytes("leased"))).count == 1
        }

        private func killLeader(_ cluster: Cluster, _ recorder: Recorder) throws {
            let leader = try cluster.leader()
            try cluster[leader].kill()
            let goal = recorder.acknowledgedWrites + 200
            let end = MonotonicClock.now + .seconds(1)
            try eventually("writes go on") {
                recorder.acknowledgedWrites >= goal && MonotonicClock.now >= end
            }
            #expect(try isThere(cluster), "the lease expired though it was renewed")
            try cluster.start(leader)
            try cluster.waitUntilLevel(leader)
        }

        // MARK: What lasts

        /// Sees all changes from the first on, whoever serves it.
        private func startWatching(_ endpoints: [String], _ crew: Crew<[Change]>) throws {
            try crew.start("watch") { crew in
                var settings = ClientSettings(endpoints: endpoints)
                settings.resumeDelay = .milliseconds(20)
                let watch = WatchStream(try Client(settings))
                defer { watch.close() }
                watch.add(WatchCreateRequest(key: [0], rangeEnd: [0], startRevision: 1))
                var seen: [Change] = []
                while true {
                    guard let item = try watch.next(timeout: .milliseconds(300)) else {
                        if crew.isStopping { return seen }
                        continue
                    }
                    if item.response.canceled { throw TestFailure(item.response.cancelReason) }
                    seen += item.response.events.map(Change.init)
                }
            }
        }

        /// Returns when the last renewal that succeeded was asked for.
        private func startRenewing(
            _ endpoints: [String], _ lease: Int64, _ crew: Crew<Instant>
        ) throws {
            try crew.start("lease") { crew in
                var turn = 0
                var last = MonotonicClock.now
                while !crew.isStopping {
                    let asked = MonotonicClock.now
                    let settings = ClientSettings(endpoints: [endpoints[turn % endpoints.count]])
                    do throws(ClientError) {
                        _ = try Client(settings).keepAliveOnce(
                            lease: lease, timeout: .milliseconds(700))
                        last = asked
                        crew.rest(.milliseconds(400))
                    } catch {
                        if error.code == 5 { throw error }
                        crew.rest(.milliseconds(50))
                    }
                    turn += 1
                }
                return last
            }
        }

        private func expectExpiry(_ cluster: Cluster, after renewal: Instant) throws {
            let ttl = Duration.seconds(ResumeTests.ttl)
            try eventually("the lease expires", within: ttl * 3) { try !isThere(cluster) }
            let lived = MonotonicClock.now - renewal
            #expect(lived >= ttl - .milliseconds(100), "it expired early")
            #expect(lived <= ttl + .seconds(2), "it expired late")
            report("resume: a lease of \(ttl) expired \(lived.inMilliseconds) after its renewal")
        }
    }
}
