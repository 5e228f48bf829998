// SPDX-License-Identifier: Apache-2.0
internal import Net
internal import Posix

// A load generator for anything that speaks etcd's API over plain HTTP/2 on a loopback address.
//
//   Bench ──► a workload ──► Stage (one reactor, one thread) ──► Links ──► members
//               │  ClosedLoop   put, get, serializable-get, txn, fill
//               │  WatchFanOut  watch            KeepAlive  keepalive
//               │  Listing      list             Failover   failover
//               │  Probe        leader, first-read
//               └─► Meter (latencies, processor time of the members) ──► Report
//
// What it measures is the servers, on a machine that it shares with them, so a request must cost it
// next to nothing: bodies are made once and patched in place, header blocks come from the dynamic
// table, of an answer only the status is read. That is why it has its own client end of HTTP/2
// (`Link`), a tenth of the room HTTP: it trusts its peer, which a product must never do, and a
// mistake in HTTP cannot hide in both ends at once.
//
// Bounds: only 127.0.0.0/8 is ever dialled; every run ends by time or by count.

@main
internal enum Bench {
    internal static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.isEmpty || arguments.contains("--help") {
            print(Options.usage)
            return
        }
        do throws(BenchError) {
            try run(Options(arguments))
        } catch {
            Terminal.complain("keelson-bench: \(error)")
            Terminal.leave(error.isUsage ? 2 : 1)
        }
    }

    private static func run(_ options: Options) throws(BenchError) {
        ThisProcess.raiseDescriptorLimit()
        let stage = try Stage(options)
        switch options.workload {
        case .put, .get, .serializableGet, .txn, .fill, .grant:
            try ClosedLoop(stage).run().print(options)
        case .watch: try WatchFanOut(stage).run().print(options)
        case .keepAlive: try KeepAlive(stage).run().print(options)
        case .list: try Listing(stage).run().print(options)
        case .failover: try Failover(stage).run().print(options)
        case .leader: print(try Probe(stage).leader())
        case .firstRead: try Probe(stage).firstRead().print(options)
        }
    }
}

/// Why there is no result.
internal enum BenchError: Error, CustomStringConvertible {
    case usage(String)
    case net(NetError)
    case failed(String)

    internal var isUsage: Bool {
        if case .usage = self { true } else { false }
    }

    internal var description: String {
        switch self {
        case .usage(let text): "\(text); see --help"
        case .net(let error): error.description
        case .failed(let text): text
        }
    }
}
