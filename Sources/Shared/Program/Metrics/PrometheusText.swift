// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Writes the text format 0.0.4 of Prometheus as its Go library does.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    var output: [UInt8] = []

    mutating func write(
        _ name: String, _ help: String, _ kind: String, _ labelNames: [String],
        _ samples: [([String], Double)]
    ) {
        guard !samples.isEmpty else { return }
        head(name, help, kind)
        for (labels, value) in samples.sorted(by: { Self.precedes($0.0, $1.0) }) {
            sample(name, Array(zip(labelNames, labels)), GoNumber.text(value))
        }
    }

    mutating func write(
        _ name: String, _ help: String, _ labelNames: [String],
        _ members: [(labels: [String], metric: Histogram)]
    ) {
        guard !members.isEmpty else { return }
        head(name, help, "histogram")
        for member in members.sorted(by: { Self.precedes($0.labels, $1.labels) }) {
            let labels = Array(zip(labelNames, member.labels))
            var sum: UInt64 = 0
            for (bound, count) in zip(member.metric.bounds, member.metric.counts) {
                sum &+= count
                sample(name + "_bucket", labels + [("le", GoNumber.text(bound))], "\(sum)")
            }
            let count = "\(member.metric.count)"
            sample(name + "_bucket", labels + [("le", "+Inf")], count)
            sample(name + "_sum", labels, GoNumber.text(member.metric.sum))
            sample(name + "_count", labels, count)
        }
    }

    private mutating func head(_ name: String, _ help: String, _ kind: String) {
        append("# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind)\n")
    }

    private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
        append(name)
        if !labels.isEmpty {
            let pairs = labels.map { "\($0)=\"\(Self.escaped($1, quotes: true))\"" }
            append("{" + pairs.joined(separator: ",") + "}")
        }
        append(" \(value)\n")
    }

    private mutating func append(_ text: String) {
        output.append(contentsOf: text.utf8)
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

    private static func precedes(_ left: [String], _ right: [String]) -> Bool {
        left.lexicographicallyPrecedes(right)
    }
}

extension MetricRegistry {
    /// The media type of `text()`.
    package static var contentType: String { PrometheusText.contentType }
}
