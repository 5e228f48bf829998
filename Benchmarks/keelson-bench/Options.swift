// SPDX-License-Identifier: Apache-2.0
internal import Posix

internal enum Workload: String {
    case put, get, txn, fill, grant, watch, list, failover, leader
    case serializableGet = "serializable-get"
    case keepAlive = "keepalive"
    case firstRead = "first-read"
}

/// The command line.
internal struct Options {
    internal var workload = Workload.put
    internal var label = "-"
    internal var endpoints: [SocketAddress] = []
    internal var seconds = 5.0
    internal var warmUp = 1.0
    /// Ends after so many operations instead of after `seconds`; 0 for none.
    internal var count = 0
    internal var inFlight = 1000
    /// 0: one for each ten in flight, from 1 to 100.
    internal var connections = 0
    internal var valueByteCount = 256
    internal var keyCount = 100_000
    internal var seed: UInt64 = 1
    internal var processes: [Int32] = []
    internal var watchers = 1000
    internal var streams = 100
    /// Per second; 0 for as many as the server delivers.
    internal var rate = 0
    internal var killed: Int32 = 0
    /// Wall clock, nanoseconds; 0 for the start of this program.
    internal var since: Int64 = 0
    /// Files for TLS; empty texts are files not given, and without any there is no TLS.
    internal var authorityFile = ""
    internal var certificateFile = ""
    internal var keyFile = ""
    internal var writesJSON = false

    internal static let usage = """
        usage: keelson-bench WORKLOAD --endpoints 127.0.0.1:2379[,...] [options]

        workloads
          put               random keys are overwritten
          get               linearizable reads of single keys (fill first with put or fill)
          serializable-get  the same, answered by the member that is asked
          txn               if MOD(key) = what we saw last then put else get, as Kubernetes writes
          fill              keys 0 to --count are written once each
          list              one range request for all keys, --count times
          watch             --watchers on one prefix; deliveries of puts are counted
          keepalive         leases are renewed over --streams
          failover          puts every 5 ms while member --kill dies; the gap is measured
          leader            prints the endpoint of the leader
          first-read        waits for the first linearizable read, measured from --since

        options
          --seconds S         how long to measure (5)
          --warm-up S         how long to load before that (1)
          --count N           measure N operations instead
          --in-flight N       requests that wait at any time (1000); watch: puts not yet delivered
          --connections N     (one for each ten in flight, from 1 to 100)
          --value-size N      bytes (256)
          --keys N            size of the key space (100000)
          --seed N            of the random keys (1)
          --cacert, --cert, --key FILE   use TLS
          --watchers N        (1000)     --streams N   watch or keepalive streams (100)
          --rate N            puts per second for watch; 0: as many as are delivered (0)
          --pids P,...        members on this machine, for processor time and memory
          --kill PID          failover: whom to kill, a second after the warm-up
          --since NS          first-read: wall clock in nanoseconds, as date +%s%N prints it
          --label TEXT        named in the output
          --json              a JSON line instead of a table
        """

    internal init(_ arguments: [String]) throws(BenchError) {
        guard let first = arguments.first, let workload = Workload(rawValue: first) else {
            throw .usage("unknown workload \(arguments.first ?? "")")
        }
        self.workload = workload
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            if name == "--json" {
                writesJSON = true
                continue
            }
            guard let value = rest.popFirst() else { throw .usage("\(name) needs a value") }
            try take(name, value)
        }
        if endpoints.isEmpty { throw .usage("--endpoints is missing") }
        if connections == 0 { connections = min(100, max(1, inFlight / 10)) }
    }

    private mutating func take(_ name: String, _ value: String) throws(BenchError) {
        switch name {
        case "--endpoints": endpoints = try Options.addresses(value)
        case "--seconds": seconds = try Options.time(name, value)
        case "--warm-up": warmUp = try Options.time(name, value)
        case "--count": count = try Options.number(name, value, 0...10_000_000)
        case "--in-flight": inFlight = try Options.number(name, value, 1...20_000)
        case "--connections": connections = try Options.number(name, value, 1...2000)
        case "--value-size": valueByteCount = try Options.number(name, value, 16...16_000)
        case "--keys": keyCount = try Options.number(name, value, 1...10_000_000)
        case "--seed": seed = UInt64(try Options.number(name, value, 0...Int.max))
        case "--watchers": watchers = try Options.number(name, value, 1...100_000)
        case "--streams": streams = try Options.number(name, value, 1...10_000)
        case "--rate": rate = try Options.number(name, value, 0...100_000)
        case "--kill": killed = Int32(try Options.number(name, value, 2...4_194_304))
        case "--since": since = Int64(try Options.number(name, value, 0...Int.max))
        case "--label": label = value
        case "--cacert": authorityFile = value
        case "--cert": certificateFile = value
        case "--key": keyFile = value
        case "--pids":
            for part in value.split(separator: ",") {
                processes.append(Int32(try Options.number(name, String(part), 2...4_194_304)))
            }
        default: throw .usage("unknown option \(name)")
        }
    }

    private static func number(
        _ name: String, _ text: String, _ range: ClosedRange<Int>
    ) throws(BenchError) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw .usage("\(name) takes \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return number
    }

    private static func time(_ name: String, _ text: String) throws(BenchError) -> Double {
        guard let time = Double(text), (0...600).contains(time) else {
            throw .usage("\(name) takes 0 to 600 seconds, not \(text)")
        }
        return time
    }

    /// Load goes nowhere but to this machine.
    private static func addresses(_ text: String) throws(BenchError) -> [SocketAddress] {
        var found: [SocketAddress] = []
        for part in text.split(separator: ",") {
            let bare = part.hasPrefix("http://") ? part.dropFirst("http://".count) : part
            guard let address = SocketAddress(String(bare)),
                case .v4(let host, _) = address, host >> 24 == 127
            else { throw .usage("\(part) is not an address in 127.0.0.0/8 with a port") }
            found.append(address)
        }
        return found
    }
}
