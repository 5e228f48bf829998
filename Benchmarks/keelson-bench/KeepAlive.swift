// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// Leases that are renewed again and again, shared out over long streams. A slot is a stream; in
/// each, answers come in the order of the requests.
internal final class KeepAlive: LinkHandler {
    private let stage: Stage
    private let options: Options
    private let first: Int64
    private var granted = 0
    private var failed = 0
    private var streams: [(link: Link, number: UInt32)?]
    /// By lease: when it was asked for. By stream: leases that wait for room.
    private var startTimes: [Int64]
    private var refused: [[Int]]
    private var meter: Meter
    private var isRenewing = false
    private var assembler = Assembler()

    internal init(_ stage: Stage) {
        self.stage = stage
        options = stage.options
        first = WallClock.nanoseconds
        let count = min(options.streams, options.inFlight)
        streams = Array(repeating: nil, count: count)
        refused = Array(repeating: [], count: count)
        startTimes = Array(repeating: 0, count: options.inFlight)
        meter = Meter(options.processes)
    }

    internal func run() throws(BenchError) -> Report {
        let links = try stage.open(min(options.connections, streams.count), self)
        for lease in 0..<options.inFlight {
            let request = Body(Requests.grant(first + Int64(lease), seconds: 3600)).bytes
            links[lease % links.count].request(.leaseGrant, request, slot: -1)
        }
        for link in links { link.flush() }
        let areAll = try stage.run(within: 30) { [self] in granted == options.inFlight }
        if !areAll { throw .failed("\(granted) of \(options.inFlight) leases were granted") }

        isRenewing = true
        for lease in 0..<options.inFlight {
            renew(lease, links[lease % streams.count % links.count], MonotonicClock.now.nanoseconds)
        }
        for link in links { link.flush() }
        try stage.run(seconds: options.warmUp)
        let failedBefore = failed
        meter.begin()
        try stage.run(seconds: options.seconds)
        meter.end()
        meter.errors = failed - failedBefore
        var report = meter.report(options)
        report.add("streams", Double(streams.count))
        return report
    }

    private func renew(_ lease: Int, _ link: Link, _ now: Int64) {
        let slot = lease % streams.count
        let request = Body(Requests.renew(first + Int64(lease))).bytes
        startTimes[lease] = now
        if let stream = streams[slot] {
            if !link.send(request, on: stream.number) { refused[slot].append(lease) }
        } else if let number = link.openStream(.leaseKeepAlive, request, slot: Int32(slot)) {
            streams[slot] = (link, number)
        } else {
            refused[slot].append(lease)
        }
    }

    internal func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer) {
        if slot < 0 { return }
        let now = MonotonicClock.now.nanoseconds
        unsafe assembler.feed(slot, data) { [self] message in
            unsafe take(message, link, now)
        }
    }

    private func take(_ message: UnsafeRawBufferPointer, _ link: Link, _ now: Int64) {
        let timeToLive = unsafe Fields.number(3, in: message)
        let lease = unsafe Int(Int64(bitPattern: Fields.number(2, in: message)) - first)
        guard timeToLive > 0, startTimes.indices.contains(lease) else {
            failed += 1
            return
        }
        if meter.isRunning {
            meter.operations += 1
            meter.latencies.record(now - startTimes[lease])
        }
        renew(lease, link, now)
    }

    internal func finished(_ link: Link, _ slot: Int32, _ status: Int32) {
        if slot < 0, status == 0 {
            granted += 1
        } else {
            failed += 1
        }
    }

    internal func mayGoOn(_ link: Link, _ slot: Int32) {
        if slot < 0 || !isRenewing { return }
        let leases = refused[Int(slot)]
        refused[Int(slot)] = []
        for lease in leases { renew(lease, link, MonotonicClock.now.nanoseconds) }
    }
}
