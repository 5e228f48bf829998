// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// Keeps a fixed number of unary requests in flight: each answer is followed by the next request
/// on the same link.
internal final class ClosedLoop: LinkHandler {
    internal static let prefix = Array("bench/".utf8)
    /// Much longer than any run, so that no lease ends while it is counted.
    private static let leaseSeconds: UInt64 = 3600

    private let stage: Stage
    private let options: Options
    private let writer: any RequestWriter
    /// With a count each key is used once and in order, if there are as many keys.
    private var issued = 0
    private var isIssuing = true
    private var idle = 0
    private var startTimes: [Int64]
    private var meter: Meter
    private var assembler = Assembler()

    internal init(_ stage: Stage) {
        self.stage = stage
        options = stage.options
        startTimes = [Int64](repeating: 0, count: options.inFlight)
        meter = Meter(options.processes)
        writer = ClosedLoop.writer(for: options)
    }

    private static func writer(for options: Options) -> any RequestWriter {
        switch options.workload {
        case .get, .serializableGet: GetWriter(options)
        case .txn: TxnWriter(options)
        case .grant: GrantWriter(options, seconds: leaseSeconds)
        default: PutWriter(options)
        }
    }

    internal func run() throws(BenchError) -> Report {
        let links = try stage.open(min(options.connections, options.inFlight), self)
        if options.count > 0 {
            meter.begin()
            start(links)
            _ = try stage.run(within: 600) { [self] in idle == options.inFlight }
            meter.end()
        } else {
            start(links)
            try stage.run(seconds: options.warmUp)
            meter.begin()
            try stage.run(seconds: options.seconds)
            meter.end()
            isIssuing = false
            // What is still on its way is not counted, but not cut off either.
            _ = try stage.run(within: 10) { [self] in idle == options.inFlight }
        }
        for link in links { link.close() }
        var report = meter.report(options)
        if writer.wantsAnswers { report.add("mismatches", Double(writer.mismatches)) }
        return report
    }

    private func start(_ links: [Link]) {
        for slot in 0..<options.inFlight {
            issue(links[slot % links.count], Int32(slot), MonotonicClock.now.nanoseconds)
        }
        for link in links { link.flush() }
    }

    private func issue(_ link: Link, _ slot: Int32, _ now: Int64) {
        if !isIssuing || link.isClosed || options.count > 0 && issued >= options.count {
            idle += 1
            return
        }
        let body = writer.next(Int(slot), issued)
        startTimes[Int(slot)] = now
        // Refused, the slot is asked again later, for another request.
        if link.request(writer.method, body, slot: slot) { issued += 1 }
    }

    internal func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer) {
        guard writer.wantsAnswers else { return }
        unsafe assembler.feed(slot, data) { [writer] message in
            unsafe writer.answered(Int(slot), message)
        }
    }

    internal func finished(_ link: Link, _ slot: Int32, _ status: Int32) {
        let now = MonotonicClock.now.nanoseconds
        if meter.isRunning {
            if status == 0 {
                meter.operations += 1
                meter.latencies.record(now - startTimes[Int(slot)])
            } else {
                meter.errors += 1
            }
        }
        issue(link, slot, now)
    }

    internal func mayGoOn(_ link: Link, _ slot: Int32) {
        issue(link, slot, MonotonicClock.now.nanoseconds)
    }
}
