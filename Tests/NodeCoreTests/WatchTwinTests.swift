// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Testing

@testable import NodeCore

/// Many watchers over a random history, against a list of everything that happened: whatever was
/// shut, drained, created, cancelled or compacted, a watcher has had each event of its range from
/// its start on, once, in order, or was told that compaction took some.
@Suite struct WatchTwinTests {
    private struct Happening {
        var revision: Int64
        var key: String
        var isDelete: Bool

        var summary: String { "\(isDelete ? "DELETE" : "PUT") \(key)@\(revision)" }
    }

    private struct Follower {
        var stream: StreamNumber
        var id: Int64
        var start: Int64
        var low: String
        var high: String
        var got: [String] = []
        var isOver = false
    }

    private final class Play {
        let cluster: Cluster
        var random: Random
        var history: [Happening] = []
        var followers: [Follower] = []
        var streams: [StreamNumber] = []
        var shut: Set<StreamNumber> = []
        var ids: [StreamNumber: Int64] = [:]
        var problems: [String] = []

        init(seed: UInt64, responses: Int) {
            random = Random(seed: seed)
            cluster = Cluster(1) { settings in
                settings.watchPace = WatchPace(burst: responses, least: responses)
            }
            .ready()
            for _ in 0..<3 { streams.append(cluster.open(cluster.first)) }
        }

        func step() {
            switch random.below(20) {
            case 0...8: write()
            case 9...11: create()
            case 12: cancel()
            case 13, 14: toggle()
            case 15: compact()
            default: cluster.settle()
            }
            if random.chance(percent: 60) { cluster.settle() } else { turn() }
            collect()
        }

        /// Only one, so that what is beyond its budget is left over.
        private func turn() {
            let member = cluster.first
            _ = member.node.endTurn(now: cluster.now, outputs: &member.outputs)
            cluster.carryOut(member)
        }

        private func write() {
            let key = "k\(random.below(6))"
            if random.chance(percent: 25) {
                cluster.settle()
                let exists = cluster.get(key) != nil
                cluster.delete(key)
                if exists { note(key, isDelete: true) }
            } else {
                cluster.settle()
                _ = cluster.begin(cluster.first, .put(key))
                note(key, isDelete: false)
            }
        }

        private func note(_ key: String, isDelete: Bool) {
            let revision = (history.last?.revision ?? 1) + 1
            history.append(Happening(revision: revision, key: key, isDelete: isDelete))
        }

        private func create() {
            guard followers.count < 30 else { return }
            cluster.settle()
            let stream = streams[random.below(streams.count)]
            let low = random.below(6)
            let high = low + 1 + random.below(3)
            let current = history.last?.revision ?? 1
            let start = random.chance(percent: 50) ? 0 : Int64(random.below(Int(current) + 3))
            let id = ids[stream] ?? 0
            ids[stream] = id + 1
            followers.append(
                Follower(
                    stream: stream, id: id, start: start == 0 ? current + 1 : start,
                    low: "k\(low)", high: "k\(high)"))
            cluster.input(
                cluster.first,
                .watchRequested(
                    stream,
                    .create(
                        WatchCreateRequest(
                            key: bytes("k\(low)"), rangeEnd: bytes("k\(high)"),
                            startRevision: start))))
        }

        private func cancel() {
            let alive = followers.indices.filter { !followers[$0].isOver }
            guard !alive.isEmpty else { return }
            let follower = followers[alive[random.below(alive.count)]]
            cluster.input(
                cluster.first,
                .watchRequested(
                    follower.stream, .cancel(WatchCancelRequest(watchID: follower.id))))
        }

        private func toggle() {
            let stream = streams[random.below(streams.count)]
            if shut.remove(stream) != nil {
                cluster.input(cluster.first, .watchDrained(stream))
            } else {
                shut.insert(stream)
                cluster.input(cluster.first, .watchBlocked(stream))
            }
        }

        private func compact() {
            cluster.settle()
            guard let current = history.last?.revision, random.chance(percent: 30) else { return }
            cluster.compact(max(1, current - Int64(random.below(10))))
        }

        func collect() {
            for stream in streams {
                for response in cluster.responses(cluster.first, stream) { take(response, stream) }
            }
        }

        private func take(_ response: WatchResponse, _ stream: StreamNumber) {
            guard
                let place = followers.firstIndex(where: {
                    $0.stream == stream && $0.id == response.watchID
                })
            else {
                problems.append("a response for nobody: \(response)")
                return
            }
            if followers[place].isOver, !response.events.isEmpty {
                problems.append("events after the end for \(followers[place])")
            }
            followers[place].got += response.summary
            guard response.canceled else { return }
            followers[place].isOver = true
            check(followers[place], isWhole: false)
        }

        func check(_ follower: Follower, isWhole: Bool) {
            let wanted = history.filter {
                $0.revision >= follower.start && $0.key >= follower.low && $0.key < follower.high
            }.map(\.summary)
            let isGood =
                isWhole
                ? wanted == follower.got : Array(wanted.prefix(follower.got.count)) == follower.got
            if !isGood { problems.append("\(follower) wanted \(wanted)") }
        }

        func finish() {
            for stream in shut.sorted() { cluster.input(cluster.first, .watchDrained(stream)) }
            cluster.settle()
            collect()
            for follower in followers where !follower.isOver { check(follower, isWhole: true) }
        }
    }

    @Test(arguments: 1...12, [1, 3, 1_024])
    func `every watcher gets its events once and in order`(seed: UInt64, responses: Int) {
        let play = Play(seed: seed, responses: responses)
        for _ in 0..<300 { play.step() }
        play.finish()
        #expect(play.problems.isEmpty, "seed \(seed), \(responses) responses a turn")
        #expect(play.followers.count > 10)
    }
}
