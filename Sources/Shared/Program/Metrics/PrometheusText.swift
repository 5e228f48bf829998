// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Writes the text format 0.0.4 of Prometheus as its Go library does.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var output: [UInt8] = []

    init(byteCount: Int) {
        output.reserveCapacity(byteCount)
    }

    // MARK: What stays the same

    static func head(_ name: String, _ help: String, _ kind: String) -> [UInt8] {
        Array("# HELP \(name) \(escaped(help, quotes: false))\n# TYPE \(name) \(kind)\n".utf8)
    }

    /// A line as far as its number.
    static func start(_ name: String, _ labelNames: [String], _ labels: [String]) -> [UInt8] {
        if labelNames.isEmpty { return Array("\(name) ".utf8) }
        let pairs = zip(labelNames, labels).map { "\($0)=\"\(escaped($1, quotes: true))\"" }
        return Array("\(name){\(pairs.joined(separator: ","))} ".utf8)
    }

    /// One for each bound, for what is beyond, for the sum and for the count.
    static func histogramStarts(
        _ name: String, _ labelNames: [String], _ labels: [String], _ bounds: [Double]
    ) -> [[UInt8]] {
        let buckets = (bounds.map(GoNumber.text) + ["+Inf"]).map {
            start(name + "_bucket", labelNames + ["le"], labels + [$0])
        }
        return buckets + [
            start(name + "_sum", labelNames, labels), start(name + "_count", labelNames, labels),
        ]
    }

    // MARK: Writing

    mutating func write(_ head: [UInt8], _ members: [MetricFamily<Counter>.Member]) {
        if !members.isEmpty { output += head }
        for member in members { line(member.lines[0], member.metric.value) }
    }

    mutating func write(_ head: [UInt8], _ members: [MetricFamily<Gauge>.Member]) {
        if !members.isEmpty { output += head }
        for member in members { line(member.lines[0], member.metric.value) }
    }

    mutating func write(_ head: [UInt8], _ members: [MetricFamily<Histogram>.Member]) {
        if !members.isEmpty { output += head }
        for member in members {
            let histogram = member.metric
            var sum: UInt64 = 0
            for (place, count) in histogram.counts.enumerated() {
                sum &+= count
                line(member.lines[place], sum)
            }
            line(member.lines[histogram.counts.count], histogram.sum)
            line(member.lines[histogram.counts.count + 1], histogram.count)
        }
    }

    mutating func write(
        _ name: String, _ head: [UInt8], _ labelNames: [String], _ samples: [([String], Double)]
    ) {
        if !samples.isEmpty { output += head }
        for (labels, value) in samples.sorted(by: { $0.0.lexicographicallyPrecedes($1.0) }) {
            line(PrometheusText.start(name, labelNames, labels), value)
        }
    }

    private mutating func line(_ start: [UInt8], _ value: UInt64) {
        guard value < 1_000_000 else { return line(start, Double(value)) }
        output += start
        appendDigits(UInt32(value))
        output.append(UInt8(ascii: "\n"))
    }

    private mutating func line(_ start: [UInt8], _ value: Double) {
        output += start
        output += GoNumber.text(value).utf8
        output.append(UInt8(ascii: "\n"))
    }

    /// Most counters are small, and most are zero.
    private mutating func appendDigits(_ value: UInt32) {
        if value >= 10 { appendDigits(value / 10) }
        output.append(UInt8(ascii: "0") + UInt8(value % 10))
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension MetricRegistry {
    /// The media type of `text()`.
    package static var contentType: String { PrometheusText.contentType }
}
