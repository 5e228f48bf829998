// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// All metrics of a program, or of one of its threads: a registry belongs to one thread. Text of
/// several registries may be joined if they share no name.
package final class MetricRegistry {
    private enum Body {
        case counters(MetricFamily<Counter>)
        case gauges(MetricFamily<Gauge>)
        case histograms(MetricFamily<Histogram>)
        case computed(kind: String, labelNames: [String], () -> [([String], Double)])
    }

    private var metrics: [(name: String, help: String, body: Body)] = []

    package init() {}

    // MARK: Registration

    package func counter(_ name: String, _ help: String) -> Counter {
        counters(name, help, labels: []).with([])
    }

    package func counters(
        _ name: String, _ help: String, labels: [String]
    ) -> MetricFamily<Counter> {
        let family = MetricFamily(labelNames: labels) { Counter() }
        register(name, help, .counters(family))
        return family
    }

    package func gauge(_ name: String, _ help: String) -> Gauge {
        gauges(name, help, labels: []).with([])
    }

    package func gauges(_ name: String, _ help: String, labels: [String]) -> MetricFamily<Gauge> {
        let family = MetricFamily(labelNames: labels) { Gauge() }
        register(name, help, .gauges(family))
        return family
    }

    package func histogram(_ name: String, _ help: String, bounds: [Double]) -> Histogram {
        histograms(name, help, labels: [], bounds: bounds).with([])
    }

    package func histograms(
        _ name: String, _ help: String, labels: [String], bounds: [Double]
    ) -> MetricFamily<Histogram> {
        let family = MetricFamily(labelNames: labels) { Histogram(bounds: bounds) }
        register(name, help, .histograms(family))
        return family
    }

    /// A gauge that is asked when it is read.
    package func gauge(_ name: String, _ help: String, _ value: @escaping () -> Double) {
        register(
            name, help, .computed(kind: "gauge", labelNames: []) { [([], value())] })
    }

    /// A counter that someone else counts.
    package func counter(_ name: String, _ help: String, _ value: @escaping () -> UInt64) {
        register(
            name, help,
            .computed(kind: "counter", labelNames: []) { [([], Double(value()))] })
    }

    /// The same for what is counted in parts of one, as seconds are.
    package func counter(_ name: String, _ help: String, fractional value: @escaping () -> Double) {
        register(
            name, help, .computed(kind: "counter", labelNames: []) { [([], value())] })
    }

    /// Gauges whose label values are known only when they are read.
    package func gauges(
        _ name: String, _ help: String, labels: [String],
        _ values: @escaping () -> [([String], Double)]
    ) {
        register(name, help, .computed(kind: "gauge", labelNames: labels, values))
    }

    private func register(_ name: String, _ help: String, _ body: Body) {
        invariant(!metrics.contains { $0.name == name }, "metric \(name) registered twice")
        metrics.append((name, help, body))
    }

    // MARK: Text

    /// Prometheus text format 0.0.4, sorted by name. Families without members are left out.
    package func text() -> [UInt8] {
        var text = PrometheusText()
        for metric in metrics.sorted(by: { $0.name < $1.name }) {
            switch metric.body {
            case .counters(let family):
                text.write(
                    metric.name, metric.help, "counter", family.labelNames,
                    family.members.map { ($0.labels, Double($0.metric.value)) })
            case .gauges(let family):
                text.write(
                    metric.name, metric.help, "gauge", family.labelNames,
                    family.members.map { ($0.labels, $0.metric.value) })
            case .histograms(let family):
                text.write(metric.name, metric.help, family.labelNames, family.members)
            case .computed(let kind, let labelNames, let values):
                text.write(metric.name, metric.help, kind, labelNames, values())
            }
        }
        return text.output
    }
}
