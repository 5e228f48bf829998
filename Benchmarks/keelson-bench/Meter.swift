// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// What a run costs, from `begin` to `end`.
internal struct Meter {
    internal let processes: [Int32]
    internal var latencies = Histogram()
    internal var operations = 0
    internal var errors = 0
    internal private(set) var isRunning = false
    internal private(set) var seconds = 0.0
    /// Of the members together.
    internal private(set) var processorSeconds = 0.0
    internal private(set) var ownProcessorSeconds = 0.0
    private var begun = Instant(nanoseconds: 0)

    internal init(_ processes: [Int32]) {
        self.processes = processes
    }

    internal mutating func begin() {
        for process in processes { ProcessFiles.forgetPeak(process) }
        latencies = Histogram()
        operations = 0
        processorSeconds = ProcessFiles.processorSeconds(processes)
        ownProcessorSeconds = Meter.ownSeconds
        begun = MonotonicClock.now
        isRunning = true
    }

    internal mutating func end() {
        isRunning = false
        seconds = Double((MonotonicClock.now - begun).nanoseconds) / 1e9
        processorSeconds = ProcessFiles.processorSeconds(processes) - processorSeconds
        ownProcessorSeconds = Meter.ownSeconds - ownProcessorSeconds
    }

    private static var ownSeconds: Double {
        Double(ThisProcess.processorTime.nanoseconds) / 1e9
    }

    internal func report(_ options: Options, _ workload: String? = nil) -> Report {
        var report = Report(options, workload)
        let each = 1e6 / Double(max(1, operations))
        report.add("seconds", seconds)
        report.add("operations", Double(operations))
        report.add("errors", Double(errors))
        report.add("opsPerSecond", Double(operations) / max(1e-9, seconds))
        report.add("p50us", Double(latencies.quantile(0.5)) / 1e3)
        report.add("p99us", Double(latencies.quantile(0.99)) / 1e3)
        report.add("p999us", Double(latencies.quantile(0.999)) / 1e3)
        report.add("maxus", Double(latencies.largest) / 1e3)
        if !processes.isEmpty {
            report.add("cpuUsPerOp", processorSeconds * each)
            report.add("cpuShare", processorSeconds / max(1e-9, seconds))
        }
        report.add("generatorUsPerOp", ownProcessorSeconds * each)
        report.addMemory(of: processes)
        return report
    }
}

/// What /proc tells about the members.
internal enum ProcessFiles {
    /// User and system time of all threads, exact to a clock tick.
    internal static func processorSeconds(_ processes: [Int32]) -> Double {
        var ticks: Int64 = 0
        for process in processes {
            // The name in parentheses may hold blanks; after it come fields 3, 4, …
            guard let tail = read("/proc/\(process)/stat").split(separator: ")").last else {
                continue
            }
            let fields = tail.split(separator: " ")
            if fields.count > 12 { ticks += (Int64(fields[11]) ?? 0) + (Int64(fields[12]) ?? 0) }
        }
        return Double(ticks) / Double(Terminal.ticksPerSecond)
    }

    /// Megabytes (2^20); `name` is VmRSS for now or VmHWM for the peak.
    internal static func memory(_ process: Int32, _ name: String) -> Double {
        for line in read("/proc/\(process)/status").split(separator: "\n")
        where line.hasPrefix(name + ":") {
            return Double(line.filter(\.isNumber)).map { $0 / 1024 } ?? 0
        }
        return 0
    }

    /// Lets the peak of memory start again from now.
    internal static func forgetPeak(_ process: Int32) {
        // A process of somebody else refuses; then the peak is that of its whole life.
        let file = try? File("/proc/\(process)/clear_refs", .update)
        try? file?.write(at: 0, Array("5".utf8))
    }

    private static func read(_ path: String) -> String {
        guard let bytes = try? File(path, .read).readAll() else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}
