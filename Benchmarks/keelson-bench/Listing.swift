// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// One range request for all that `fill` wrote, a few times.
internal struct Listing {
    internal static let prefix = Array("filled/".utf8)

    private let stage: Stage

    internal init(_ stage: Stage) {
        self.stage = stage
    }

    internal func run() throws(BenchError) -> Report {
        let options = stage.options
        let caller = Caller(stage, keepsAnswer: false)
        guard let link = try stage.open(1, caller).first else { throw .failed("no link") }
        var meter = Meter(options.processes)
        meter.begin()
        for _ in 0..<max(1, options.count) {
            let start = MonotonicClock.now
            let request = Requests.list(Listing.prefix)
            let status = try caller.call(link, .range, request, seconds: 120)
            if status == 0 {
                meter.operations += 1
                meter.latencies.record((MonotonicClock.now - start).nanoseconds)
            } else {
                meter.errors += 1
            }
        }
        meter.end()
        link.close()
        var report = meter.report(options)
        report.add("answerBytes", Double(caller.byteCount))
        return report
    }
}
