// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Program

@Suite struct MetricsTests {
    private func text(_ registry: MetricRegistry) -> String {
        String(decoding: registry.text(), as: UTF8.self)
    }

    @Test func `metrics are sorted by name, members by labels`() {
        let registry = MetricRegistry()
        let requests = registry.counters("z_total", "Last.", labels: ["method", "code"])
        requests.with("put", "OK").add(2)
        requests.with("get", "OK").add()
        requests.with("put", "OK").add()
        let gauge = registry.gauge("a_value", "First.")
        gauge.set(Int64(1_000_000))
        gauge.add(-0.5)
        var asked = 41.0
        registry.gauge("m_asked", "Asked.") {
            asked += 1
            return asked
        }
        registry.gauges("m_peers", "Peers.", labels: ["to"]) { [(["b"], 1), (["a"], 0)] }
        registry.counter("n_total", "Counted elsewhere.") { UInt64(1_000_000) }
        #expect(
            text(registry) == """
                # HELP a_value First.
                # TYPE a_value gauge
                a_value 999999.5
                # HELP m_asked Asked.
                # TYPE m_asked gauge
                m_asked 42
                # HELP m_peers Peers.
                # TYPE m_peers gauge
                m_peers{to="a"} 0
                m_peers{to="b"} 1
                # HELP n_total Counted elsewhere.
                # TYPE n_total counter
                n_total 1e+06
                # HELP z_total Last.
                # TYPE z_total counter
                z_total{method="get",code="OK"} 1
                z_total{method="put",code="OK"} 3

                """)
    }

    @Test func `a histogram counts up to each bound`() {
        let registry = MetricRegistry()
        let histogram = registry.histogram(
            "h_seconds", "Times.", bounds: Histogram.exponential(start: 0.001, factor: 2, count: 3))
        for value in [0.001, 0.0015, 0.003, 9] { histogram.observe(value) }
        histogram.observe(Duration.milliseconds(4))
        #expect(histogram.count == 5)
        #expect(
            text(registry) == """
                # HELP h_seconds Times.
                # TYPE h_seconds histogram
                h_seconds_bucket{le="0.001"} 1
                h_seconds_bucket{le="0.002"} 2
                h_seconds_bucket{le="0.004"} 4
                h_seconds_bucket{le="+Inf"} 5
                h_seconds_sum 9.0095
                h_seconds_count 5

                """)
        #expect(Histogram.linear(start: 1, width: 2, count: 3) == [1, 3, 5])
    }

    @Test func `texts are escaped and empty families left out`() {
        let registry = MetricRegistry()
        _ = registry.counters("empty", "Nothing.", labels: ["a"])
        registry.gauges("g", "One\\two\n\"three\"", labels: ["l"], { [(["a\"b\\c\n"], .infinity)] })
        #expect(
            text(registry)
                == "# HELP g One\\\\two\\n\"three\"\n# TYPE g gauge\ng{l=\"a\\\"b\\\\c\\n\"} +Inf\n"
        )
        #expect(MetricRegistry.contentType.hasPrefix("text/plain; version=0.0.4"))
    }
}
