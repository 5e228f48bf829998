// SPDX-License-Identifier: Apache-2.0

/// One result: for programs a JSON line, for people two aligned lines.
internal struct Report {
    private var texts: [(name: String, value: String)] = []
    private var numbers: [(name: String, value: Double)] = []

    internal init(_ options: Options, _ workload: String? = nil) {
        texts = [("label", options.label), ("workload", workload ?? options.workload.rawValue)]
        numbers = [
            ("inFlight", Double(options.inFlight)), ("connections", Double(options.connections)),
        ]
    }

    internal mutating func add(_ name: String, _ value: Double) {
        numbers.append((name, value))
    }

    /// Sums over the members; the peak is since the run began.
    internal mutating func addMemory(of processes: [Int32]) {
        if processes.isEmpty { return }
        add("rssMiB", processes.map { ProcessFiles.memory($0, "VmRSS") }.reduce(0, +))
        add("peakRssMiB", processes.map { ProcessFiles.memory($0, "VmHWM") }.reduce(0, +))
    }

    internal func print(_ options: Options) {
        Swift.print(options.writesJSON ? json : table)
    }

    private var json: String {
        let fields =
            texts.map { "\"\($0.name)\":\"\($0.value)\"" }
            + numbers.map { "\"\($0.name)\":\(Report.decimal($0.value))" }
        return "{\(fields.joined(separator: ","))}"
    }

    private var table: String {
        let columns = texts + numbers.map { ($0.name, Report.short($0.value)) }
        var head = ""
        var row = ""
        for (name, value) in columns {
            let width = max(name.count, value.count) + 2
            head += String(repeating: " ", count: width - name.count) + name
            row += String(repeating: " ", count: width - value.count) + value
        }
        return head + "\n" + row
    }

    private static func short(_ value: Double) -> String {
        value >= 100 || value == value.rounded() ? "\(Int(value.rounded()))" : decimal(value)
    }

    /// Three places, no exponent.
    private static func decimal(_ value: Double) -> String {
        let thousandths = Int((value * 1000).rounded())
        if thousandths % 1000 == 0 { return "\(thousandths / 1000)" }
        let fraction = "\(1000 + abs(thousandths) % 1000)".dropFirst()
        return "\(thousandths < 0 ? "-" : "")\(abs(thousandths) / 1000).\(fraction)"
    }
}
