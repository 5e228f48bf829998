// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// All metrics of a program, or of one of its threads: a registry belongs to one thread. Text of
/// several registries may be joined if they share no name.
package final class MetricRegistry {
    private enum Body {
        case counters(MetricFamily<Counter>)
        case gauges(MetricFamily<Gauge>)
        case histograms(MetricFamily<Histogram>)
        case computed(labelNames: [String], () -> [([String], Double)])
    }

    private struct Metric {
        let name: String
        /// The lines before its samples.
        let head: [UInt8]
        let body: Body
    }

    /// In the order of their names.
    private var metrics: [Metric] = []
    /// As long as the last text was.
    private var lastByteCount = 0

    package init() {}

    // MARK: Registration

    package func counter(_ name: String, _ help: String) -> Counter {
        counters(name, help, labels: []).with([])
    }

    package func counters(
        _ name: String, _ help: String, labels: [String]
    ) -> MetricFamily<Counter> {
        let family = MetricFamily(
            make: { Counter() }, lines: { [PrometheusText.start(name, labels, $0)] })
        register(name, help, "counter", .counters(family))
        return family
    }

    package func gauge(_ name: String, _ help: String) -> Gauge {
        gauges(name, help, labels: []).with([])
    }

    package func gauges(_ name: String, _ help: String, labels: [String]) -> MetricFamily<Gauge> {
        let family = MetricFamily(
            make: { Gauge() }, lines: { [PrometheusText.start(name, labels, $0)] })
        register(name, help, "gauge", .gauges(family))
        return family
    }

    package func histogram(_ name: String, _ help: String, bounds: [Double]) -> Histogram {
        histograms(name, help, labels: [], bounds: bounds).with([])
    }

    package func histograms(
        _ name: String, _ help: String, labels: [String], bounds: [Double]
    ) -> MetricFamily<Histogram> {
        let family = MetricFamily(
            make: { Histogram(bounds: bounds) },
            lines: { PrometheusText.histogramStarts(name, labels, $0, bounds) })
        register(name, help, "histogram", .histograms(family))
        return family
    }

    /// A gauge that is asked when it is read.
    package func gauge(_ name: String, _ help: String, _ value: @escaping () -> Double) {
        register(name, help, "gauge", .computed(labelNames: []) { [([], value())] })
    }

    /// A counter that someone else counts.
    package func counter(_ name: String, _ help: String, _ value: @escaping () -> UInt64) {
        register(name, help, "counter", .computed(labelNames: []) { [([], Double(value()))] })
    }

    /// The same for what is counted in parts of one, as seconds are.
    package func counter(_ name: String, _ help: String, fractional value: @escaping () -> Double) {
        register(name, help, "counter", .computed(labelNames: []) { [([], value())] })
    }

    /// Gauges whose label values are known only when they are read.
    package func gauges(
        _ name: String, _ help: String, labels: [String],
        _ values: @escaping () -> [([String], Double)]
    ) {
        register(name, help, "gauge", .computed(labelNames: labels, values))
    }

    private func register(_ name: String, _ help: String, _ kind: String, _ body: Body) {
        let place = metrics.firstIndex { $0.name >= name } ?? metrics.count
        invariant(
            place == metrics.count || metrics[place].name != name,
            "metric \(name) registered twice")
        let head = PrometheusText.head(name, help, kind)
        metrics.insert(Metric(name: name, head: head, body: body), at: place)
    }

    // MARK: Text

    /// Prometheus text format 0.0.4, sorted by name. Families without members are left out. What
    /// stands before a number is kept ready: others wait while this is written.
    package func text() -> [UInt8] {
        var text = PrometheusText(byteCount: lastByteCount + 1_024)
        for metric in metrics {
            switch metric.body {
            case .counters(let family): text.write(metric.head, family.members)
            case .gauges(let family): text.write(metric.head, family.members)
            case .histograms(let family): text.write(metric.head, family.members)
            case .computed(let labelNames, let values):
                text.write(metric.name, metric.head, labelNames, values())
            }
        }
        lastByteCount = text.output.count
        return text.output
    }
}
