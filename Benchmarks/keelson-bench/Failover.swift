// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// A put every few milliseconds to each endpoint (the survivors) while the leader is killed. The
/// gap is the longest time without any put that succeeded.
internal final class Failover: LinkHandler {
    private static let tick: Duration = .milliseconds(5)
    private static let outstandingMax = 4000

    private let stage: Stage
    private let options: Options
    private var body: Body
    private var links: [Link] = []
    private var sent: [Int64] = []
    private var outstanding = 0
    private var killed: Int64?
    private var lastSuccess: Int64 = 0
    private var gap: Int64 = 0
    /// From the kill to the first success of a put that was sent after it.
    private var recovery: Int64?
    private var meter: Meter

    internal init(_ stage: Stage) {
        self.stage = stage
        options = stage.options
        var random = Random(seed: options.seed)
        let value = random.bytes(options.valueByteCount)
        let key = Requests.key(ClosedLoop.prefix)
        body = Body(Requests.put(key, value), numberedAfter: ClosedLoop.prefix)
        meter = Meter(options.processes)
    }

    internal func run() throws(BenchError) -> Report {
        links = try stage.open(options.endpoints.count, self)
        stage.reactor.every(Failover.tick) { [self] in put() }
        try stage.run(seconds: options.warmUp)
        meter.begin()
        try stage.run(seconds: 1)
        lastSuccess = MonotonicClock.now.nanoseconds
        killed = lastSuccess
        if options.killed > 0, !Terminal.kill(options.killed) {
            throw .failed("process \(options.killed) could not be killed")
        }
        try stage.run(seconds: options.seconds)
        meter.end()
        let now = MonotonicClock.now.nanoseconds
        gap = max(gap, now - lastSuccess)
        var report = meter.report(options)
        report.add("gapMs", Double(gap) / 1e6)
        report.add("recoveryMs", Double(recovery ?? now - (killed ?? now)) / 1e6)
        return report
    }

    private func put() {
        for link in links where outstanding < Failover.outstandingMax {
            body.number(sent.count % options.keyCount)
            if link.request(.put, body.bytes, slot: Int32(sent.count)) {
                sent.append(MonotonicClock.now.nanoseconds)
                outstanding += 1
            }
            link.flush()
        }
    }

    internal func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer) {}

    internal func finished(_ link: Link, _ slot: Int32, _ status: Int32) {
        outstanding -= 1
        let now = MonotonicClock.now.nanoseconds
        if status != 0 {
            meter.errors += 1
            return
        }
        meter.operations += 1
        meter.latencies.record(now - sent[Int(slot)])
        guard let killed else { return }
        gap = max(gap, now - lastSuccess)
        lastSuccess = now
        if recovery == nil, sent[Int(slot)] > killed { recovery = now - killed }
    }

    internal func mayGoOn(_ link: Link, _ slot: Int32) {}
}
