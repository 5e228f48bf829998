// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix

// Puts at a certain rate, and what came of them.
//
//   LoadRun     keeps calls under way until its time or its number is over
//   LoadReport  how many, how quick, how even

/// How much is asked of a cluster.
struct LoadPlan {
    /// Calls at a time, and connections.
    var clientCount: Int
    /// Calls a second; nil for as many as go.
    var rate: Int?
    /// Nil until the time is over.
    var callCount: Int?
    /// Nil until all calls are made.
    var duration: Duration?
    var prefix: [UInt8]
    var keySize: Int
    var valueSize: Int
}

struct LoadRun {
    /// More connections than this do not ask more of a server.
    private static let connectionMax = 100
    /// Between two looks at the clock.
    private static let tick: Duration = .milliseconds(1)
    /// For the calls under way at the end.
    private static let graceTime: Duration = .seconds(10)

    private let plan: LoadPlan
    private let pool: CallPool
    private let start: Instant
    private var random: Random
    private var report = LoadReport()

    init(_ plan: LoadPlan, _ client: Client, seed: UInt64) throws(ClientError) {
        self.plan = plan
        pool = try CallPool(
            client, connectionCount: min(plan.clientCount, Self.connectionMax))
        random = Random(seed: seed)
        start = MonotonicClock.now
    }

    /// `onProgress` hears now and then how much of it is done, from 0 to 1, and can end it with
    /// false.
    mutating func run(_ onProgress: (Double) -> Bool) throws(ClientError) -> LoadReport {
        var started = 0
        var isWanted = true
        while isWanted, !isOver(started) {
            while started < allowed(), pool.runningCount < plan.clientCount {
                if let failure = pool.start(.put, request(), tag: started) {
                    report.fail("\(failure.plainText)")
                    if report.failureCount > started { throw failure }
                }
                started += 1
            }
            take(try pool.wait(Self.tick))
            isWanted = onProgress(progress(started))
        }
        let end = MonotonicClock.now + Self.graceTime
        while pool.runningCount > 0, MonotonicClock.now < end {
            take(try pool.wait(.milliseconds(100)))
        }
        report.total = MonotonicClock.now - start
        return report
    }

    private mutating func take(_ done: [CallPool.Done]) {
        for call in done {
            if let failure = call.failure {
                report.fail("\(failure.plainText)")
            } else {
                report.add(call.took)
            }
        }
    }

    private func isOver(_ started: Int) -> Bool {
        if let count = plan.callCount, started >= count { return true }
        if let duration = plan.duration { return MonotonicClock.now - start >= duration }
        return false
    }

    /// How many calls may have begun by now.
    private func allowed() -> Int {
        let limit = plan.callCount ?? .max
        guard let rate = plan.rate else { return limit }
        let passed = (MonotonicClock.now - start).nanoseconds
        return min(limit, Int(Double(passed) / 1e9 * Double(rate)) + 1)
    }

    private func progress(_ started: Int) -> Double {
        if let count = plan.callCount { return Double(started) / Double(max(1, count)) }
        guard let duration = plan.duration, duration > .zero else { return 1 }
        return min(
            1, Double((MonotonicClock.now - start).nanoseconds) / Double(duration.nanoseconds))
    }

    private mutating func request() -> PutRequest {
        var request = PutRequest()
        request.key = plan.prefix + random.bytes(plan.keySize)
        request.value = [UInt8](repeating: 0, count: plan.valueSize)
        return request
    }
}

/// What came of many calls. Times are in seconds.
struct LoadReport: Equatable {
    private(set) var count = 0
    private(set) var slowest = 0.0
    private var sum = 0.0
    private var sumOfSquares = 0.0
    /// Texts with how often they came, in the order of their first coming.
    private(set) var failures: [(text: String, count: Int)] = []
    var total: Duration = .zero

    static func == (left: LoadReport, right: LoadReport) -> Bool {
        left.count == right.count && left.slowest == right.slowest && left.sum == right.sum
            && left.total == right.total && left.failureCount == right.failureCount
    }

    var failureCount: Int { failures.reduce(0) { $0 + $1.count } }

    mutating func add(_ took: Duration) {
        let seconds = Double(took.nanoseconds) / 1e9
        count += 1
        slowest = max(slowest, seconds)
        sum += seconds
        sumOfSquares += seconds * seconds
    }

    mutating func fail(_ text: String) {
        if let index = failures.firstIndex(where: { $0.text == text }) {
            failures[index].count += 1
        } else {
            failures.append((text, 1))
        }
    }

    /// Calls a second.
    var rate: Double {
        let seconds = Double(total.nanoseconds) / 1e9
        return seconds > 0 ? Double(count) / seconds : 0
    }

    var deviation: Double {
        if count == 0 { return 0 }
        let mean = sum / Double(count)
        return max(0, sumOfSquares / Double(count) - mean * mean).squareRoot()
    }
}
