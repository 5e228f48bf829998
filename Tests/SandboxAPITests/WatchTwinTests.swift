// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import SandboxAPI

/// A client that lists once and then only watches knows what a client that lists again sees.
@Suite struct WatchTwinTests {
    private struct Reader {
        var watch: WatchID
        var query: String
        var decoder = WatchDecoder()
        var known: [String: KubeObject] = [:]
        var lastVersion: Int64 = 0
        var isOver = false
    }

    private func step(_ cluster: inout Cluster, _ random: inout Random) {
        let name = "n\(random.below(5))"
        let path = Cluster.path(.configMap, name)
        switch random.below(5) {
        case 0: _ = cluster.create(.configMap, Sample.configMap(name))
        case 1: _ = cluster.ask("DELETE", path)
        case 2:
            let label = JSONValue.string("\(random.below(2))")
            _ = cluster.patch(.configMap, name, ["metadata": ["labels": ["x": label]]])
        case 3:
            let held: JSONValue =
                random.chance(percent: 50) ? ["example.com/hold"] : .null
            _ = cluster.patch(.configMap, name, ["metadata": ["finalizers": held]])
        default:
            let value = JSONValue.string("\(random.below(3))")
            _ = cluster.patch(.configMap, name, ["data": ["k": value]])
        }
    }

    private func start(_ cluster: inout Cluster, _ query: String, behind: Int64) -> Reader {
        let from = max(1, cluster.api.store.revision - behind)
        let listed = cluster.ask(
            "GET",
            Cluster.path(.configMap) + "?resourceVersion=\(from)&resourceVersionMatch=Exact"
                + query
        ).value
        let watch = cluster.watch(.configMap, "&resourceVersion=\(from)" + query)
        var reader = Reader(watch: watch, query: query)
        reader.lastVersion = from
        for item in listed["items"]?.array ?? [] {
            let object = KubeObject(item.object ?? JSONObject())
            reader.known[object.name] = object
        }
        return reader
    }

    private func take(_ events: [WatchEvent], _ reader: inout Reader) {
        for event in events {
            if let version = event.resourceVersion.flatMap({ Int64($0) }) {
                #expect(version > reader.lastVersion, "versions rise")
                reader.lastVersion = version
            }
            switch event {
            case .added(let object):
                #expect(reader.known[object.name] == nil, "added what was there")
                reader.known[object.name] = object
            case .modified(let object):
                #expect(reader.known[object.name] != nil, "modified what was not there")
                reader.known[object.name] = object
            case .deleted(let object):
                #expect(reader.known[object.name] != nil, "deleted what was not there")
                reader.known[object.name] = nil
            case .bookmark: break
            case .error: reader.isOver = true
            }
        }
    }

    @Test(arguments: UInt64(1)...12) func `watching is listing`(seed: UInt64) {
        var random = Random(seed: seed)
        var cluster = Cluster()
        var readers: [Reader] = []
        for round in 0..<200 {
            step(&cluster, &random)
            if round % 20 == 5 {
                let query = random.chance(percent: 50) ? "&labelSelector=x=1" : ""
                readers.append(start(&cluster, query, behind: Int64(random.below(8))))
            }
            if round % 30 == 29 { cluster.api.compactHistory(keeping: 10) }
            for output in cluster.api.takeWatchOutput() {
                for index in readers.indices where readers[index].watch == output.id {
                    let events = readers[index].decoder.receive(output.bytes)
                    take(events, &readers[index])
                }
            }
        }
        #expect(readers.allSatisfy { !$0.isOver })
        for reader in readers {
            let path = Cluster.path(.configMap) + "?limit=0" + reader.query
            let now = cluster.ask("GET", path).value["items"]?.array ?? []
            #expect(now.count == reader.known.count, "seed \(seed)")
            for item in now {
                let object = KubeObject(item.object ?? JSONObject())
                let known = reader.known[object.name]
                #expect(known?.isSame(as: object) == true, "seed \(seed): \(object.name)")
            }
        }
    }
}
