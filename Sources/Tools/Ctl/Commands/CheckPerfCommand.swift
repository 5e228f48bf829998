// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Posix

enum CheckPerfCommand {
    static let row = Command(
        "check perf", usage: "check perf [options]", "Check the performance of the etcd cluster",
        examples: ["check perf", "check perf --load m --auto-compact --auto-defrag"],
        flags: CheckFlags.table(of: "performance", prefix: "/etcdctl-check-perf/") + [
            CtlFlag(
                "duration", .duration, "60s", "How long the check writes.", isNewer: true)
        ], run: run)

    /// Bytes.
    private static let (keySize, valueSize) = (256, 1024)
    /// The share of the asked-for rate that must be reached; the rest in seconds.
    private static let (rateShare, slowestMax, deviationMax) = (0.9, 0.5, 0.1)

    private static func run(_ call: Invocation) throws(CtlError) {
        let model = try CheckFlags.model(
            call,
            [
                "s": (rate: 150, clients: 50), "m": (rate: 1000, clients: 200),
                "l": (rate: 8000, clients: 500), "xl": (rate: 15000, clients: 1000),
            ])
        let client = try call.client(timeout: false)
        let keys = try CheckKeys(call, client, isQuoted: true)
        let plan = LoadPlan(
            clientCount: model.clients, rate: model.rate, callCount: nil,
            duration: call.flags.duration("duration"), prefix: keys.prefix, keySize: keySize,
            valueSize: valueSize)
        let report = try keys.load(plan)
        try keys.removeAll()
        if !tell(report, rate: model.rate, call.console) { throw .told(.error) }
    }

    /// Whether it was good enough.
    private static func tell(_ report: LoadReport, rate: Int, _ console: Console) -> Bool {
        var isGood = CheckKeys.tellFailures(report, console)
        func line(_ passed: Bool, _ good: String, _ bad: String) {
            console.write((passed ? good : bad) + "\n")
            isGood = isGood && passed
        }
        let writes = Int(report.rate) + 1
        line(
            report.rate / Double(rate) > rateShare, "PASS: Throughput is \(writes) writes/s",
            "FAIL: Throughput too low: \(writes) writes/s")
        let slowest = Decimals.text(report.slowest, 6)
        line(
            report.slowest <= slowestMax, "PASS: Slowest request took \(slowest)s",
            "Slowest request took too long: \(slowest)s")
        let deviation = Decimals.text(report.deviation, 6)
        line(
            report.deviation <= deviationMax, "PASS: Stddev is \(deviation)s",
            "Stddev too high: \(deviation)s")
        console.write(isGood ? "PASS\n" : "FAIL\n")
        return isGood
    }
}

/// What both checks take.
enum CheckFlags {
    static func table(of check: String, prefix: String) -> [CtlFlag] {
        [
            CtlFlag(
                "auto-compact", .bool, "false",
                "Compact storage with last revision after test is finished."),
            CtlFlag(
                "auto-defrag", .bool, "false", "Defragment storage after test is finished."),
            CtlFlag(
                "load", .text, "s",
                "The \(check) check's workload model. Accepted workloads: s(small), m(medium), "
                    + "l(large), xl(xLarge)"),
            CtlFlag(
                "prefix", .text, prefix, "The prefix for writing the \(check) check's keys."),
        ]
    }

    /// By its short or long name.
    static func model<Model>(
        _ call: Invocation, _ models: [String: Model]
    ) throws(CtlError) -> Model {
        let names = [
            "s": "s", "small": "s", "m": "m", "medium": "m", "l": "l", "large": "l", "xl": "xl",
            "xlarge": "xl",
        ]
        let load = call.flags.text("load")
        guard let name = names[load.lowercased()], let model = models[name] else {
            throw .failed(.badFeature, "unknown load option \(load)")
        }
        return model
    }
}

/// The keys that a check writes: there before, and gone after it.
struct CheckKeys {
    private let call: Invocation
    private let client: Client
    let prefix: [UInt8]

    /// Refuses a prefix that has keys, for they would be removed.
    init(_ call: Invocation, _ client: Client, isQuoted: Bool) throws(CtlError) {
        self.call = call
        self.client = client
        let text = call.flags.text("prefix")
        prefix = Array(text.utf8)
        let request = RangeRequest.with { request in
            request.key = Array(text.utf8)
            request.rangeEnd = RangeEnd.prefix(Array(text.utf8))
            request.limit = 1
        }
        let response = try calling { () throws(ClientError) in
            try client.range(request)
        }
        if !response.kvs.isEmpty {
            let quote = isQuoted ? "'" : ""
            throw .failed(
                .invalidInput,
                "prefix \(GoQuote.text(text)) has keys. Delete with "
                    + "\(quote)\(call.personality.name) del --prefix \(text)\(quote) first")
        }
    }

    func load(_ plan: LoadPlan) throws(CtlError) -> LoadReport {
        var meter = LoadMeter(call, plan)
        defer { meter.finish() }
        return try calling { () throws(ClientError) in
            var run = try LoadRun(
                plan, client, seed: UInt64(bitPattern: MonotonicClock.now.nanoseconds))
            return try run.run { share in
                meter.show(share)
                return true
            }
        }
    }

    /// And, if wanted, their history and the space they took.
    func removeAll() throws(CtlError) {
        let request = DeleteRangeRequest(key: prefix, rangeEnd: RangeEnd.prefix(prefix))
        let response = try calling { () throws(ClientError) in try client.deleteRange(request) }
        let revision = response.header?.revision ?? 0
        if call.flags.bool("auto-compact") {
            call.console.write("Compacting with revision \(revision)\n")
            _ = try calling { () throws(ClientError) in
                try client.compact(CompactionRequest(revision: revision, physical: true))
            }
            call.console.write("Compacted with revision \(revision)\n")
        }
        guard call.flags.bool("auto-defrag") else { return }
        for endpoint in call.globals.endpoints {
            call.console.write("Defragmenting \(GoQuote.text(endpoint))\n")
            let single = try call.client(endpoints: [endpoint], timeout: false)
            _ = try calling { () throws(ClientError) in try single.defragment() }
            call.console.write("Defragmented \(GoQuote.text(endpoint))\n")
        }
    }

    /// True if there are none.
    static func tellFailures(_ report: LoadReport, _ console: Console) -> Bool {
        if report.failures.isEmpty { return true }
        console.write("FAIL: too many errors\n")
        for failure in report.failures {
            console.write("FAIL: ERROR(\(failure.text)) -> \(failure.count)\n")
        }
        return false
    }
}

/// How much of a check is done, on the screen of whoever looks.
private struct LoadMeter {
    private static let width = 40

    private let console: Console
    private let isShown: Bool
    private var last = -1
    /// Under our own name. Under that of etcdctl there is its bar.
    private let progress: Progress?
    private let total: Int64

    init(_ call: Invocation, _ plan: LoadPlan) {
        console = call.console
        isShown = call.console.errorsAreSeen && !call.globals.isQuiet
        let seconds = (plan.duration?.nanoseconds ?? 0) / 1_000_000_000
        total = plan.callCount.map { Int64($0) } ?? Int64(plan.rate ?? 1) * max(1, seconds)
        progress =
            call.personality.explains
            ? Progress("writing", total: total, unit: .things("writes"), call) : nil
    }

    mutating func show(_ share: Double) {
        if let progress { return progress.update(Int64(share * Double(total))) }
        let percent = Int(share * 100)
        guard isShown, percent != last else { return }
        last = percent
        let done = min(Self.width, percent * Self.width / 100)
        let bar =
            String(repeating: "=", count: done) + String(repeating: " ", count: Self.width - done)
        console.writeError("\r[\(bar)] \(percent)%")
    }

    func finish() {
        progress?.finish(total)
        if isShown, last >= 0 { console.writeError("\n") }
    }
}

/// Numbers with a fixed count of decimals, as Go's %f prints them.
enum Decimals {
    static func text(_ number: Double, _ places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (abs(number) * scale).rounded(.toNearestOrEven)
        guard scaled.isFinite, scaled < 1e18 else { return "\(number)" }
        let digits = String(Int64(scaled))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let whole = padded.dropLast(places)
        let sign = number < 0 ? "-" : ""
        return places == 0 ? sign + padded : "\(sign)\(whole).\(padded.suffix(places))"
    }
}
