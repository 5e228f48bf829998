// SPDX-License-Identifier: Apache-2.0

/// A number that only grows. Belongs to one thread, like everything of its registry.
package final class Counter {
    package private(set) var value: UInt64 = 0

    init() {}

    package func add(_ count: UInt64 = 1) {
        value &+= count
    }
}

/// A number that goes up and down.
package final class Gauge {
    package var value: Double = 0

    init() {}

    package func set(_ value: Double) { self.value = value }
    package func set(_ value: Int64) { self.value = Double(value) }
    package func add(_ difference: Double) { value += difference }
}

/// Counts observations by size. The bounds are upper ones, ascending, without infinity.
package final class Histogram {
    let bounds: [Double]
    /// Not summed up: one place for each bound and one for what is beyond.
    private(set) var counts: [UInt64]
    package private(set) var count: UInt64 = 0
    package private(set) var sum: Double = 0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count + 1)
    }

    package func observe(_ value: Double) {
        var place = 0
        // Twenty bounds at most, and most values are small: a walk beats a search.
        while place < bounds.count, value > bounds[place] { place += 1 }
        counts[place] &+= 1
        count &+= 1
        sum += value
    }

    package func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// `count` bounds from `start` on, each `factor` times the one before.
    package static func exponential(start: Double, factor: Double, count: Int) -> [Double] {
        var bounds: [Double] = []
        var bound = start
        for _ in 0..<count {
            bounds.append(bound)
            bound *= factor
        }
        return bounds
    }

    package static func linear(start: Double, width: Double, count: Int) -> [Double] {
        (0..<count).map { start + width * Double($0) }
    }
}

/// Metrics of one name that differ in the values of their labels.
package final class MetricFamily<Metric> {
    struct Member {
        let labels: [String]
        let metric: Metric
        /// What stands before the number in each of its lines.
        let lines: [[UInt8]]
    }

    /// In the order of their labels.
    private(set) var members: [Member] = []
    private var metrics: [[String]: Metric] = [:]
    private let make: () -> Metric
    private let lines: ([String]) -> [[UInt8]]

    init(make: @escaping () -> Metric, lines: @escaping ([String]) -> [[UInt8]]) {
        self.make = make
        self.lines = lines
    }

    /// The metric with these label values, made at the first call. Keep it: looking it up costs
    /// more than counting.
    package func with(_ labels: String...) -> Metric { with(labels) }

    package func with(_ labels: [String]) -> Metric {
        if let metric = metrics[labels] { return metric }
        let metric = make()
        metrics[labels] = metric
        let place = members.firstIndex { labels.lexicographicallyPrecedes($0.labels) }
        members.insert(
            Member(labels: labels, metric: metric, lines: lines(labels)),
            at: place ?? members.count)
        return metric
    }
}
