// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Posix

// How far a long command is, on standard error.
//
//   a person looks    a bar in one line, a few times a second, gone at the end
//   a file or pipe    a line every few seconds, nothing for what is over before the first
//   --quiet, or played under an upstream name   nothing

/// One piece of work, told by how much of it is done.
final class Progress {
    enum Style: Equatable, Sendable {
        case bar, lines, none
    }

    enum Unit: Equatable, Sendable {
        case bytes
        /// What is counted, in the plural.
        case things(String)
    }

    private let title: String
    private let total: Int64?
    private let unit: Unit
    private let style: Style
    private let now: () -> Instant
    private let write: (String) -> Void
    private let begin: Instant
    private var last: Instant
    private var hasWritten = false

    private static let barPause = Duration.milliseconds(200)
    private static let linePause = Duration.seconds(3)
    private static let barWidth = 24

    /// `total` nil for work whose end nobody knows. Times come from `now` alone.
    init(
        _ title: String, total: Int64?, unit: Unit = .bytes, style: Style,
        now: @escaping () -> Instant, write: @escaping (String) -> Void
    ) {
        self.title = title
        self.unit = unit
        self.total = total.flatMap { $0 > 0 ? $0 : nil }
        self.style = style
        self.now = now
        self.write = write
        begin = now()
        last = begin
    }

    /// For the command that runs.
    convenience init(
        _ title: String, total: Int64?, unit: Unit = .bytes, _ call: Invocation
    ) {
        let console = call.console
        self.init(
            title, total: total, unit: unit, style: Progress.style(call),
            now: { MonotonicClock.now }, write: { console.writeError($0) })
    }

    private static func style(_ call: Invocation) -> Style {
        if call.globals.isQuiet || !call.personality.explains { return .none }
        return call.console.errorsAreSeen ? .bar : .lines
    }

    /// `done` never falls; it may pass the total, which was an estimate then.
    func update(_ done: Int64) {
        if style == .none { return }
        let time = now()
        guard time - last >= (style == .bar ? Self.barPause : Self.linePause) else { return }
        last = time
        hasWritten = true
        switch style {
        case .bar: write("\r\u{1b}[K\(title) \(bar(done))\(facts(done, time))")
        case .lines: write("\(title): \(facts(done, time))\n")
        case .none: break
        }
    }

    /// The bar goes away; lines get a last one if there was any.
    func finish(_ done: Int64) {
        guard hasWritten else { return }
        hasWritten = false
        switch style {
        case .bar: write("\r\u{1b}[K")
        case .lines: write("\(title): \(size(done)), done in \(seconds(now() - begin))\n")
        case .none: break
        }
    }

    private func bar(_ done: Int64) -> String {
        guard let total else { return "" }
        let full = Int(share(done, total) * Double(Self.barWidth))
        return "[" + String(repeating: "=", count: full)
            + String(repeating: " ", count: Self.barWidth - full) + "] "
    }

    private func facts(_ done: Int64, _ time: Instant) -> String {
        let elapsed = max(1, (time - begin).nanoseconds)
        let rate = Double(max(0, done)) * 1e9 / Double(elapsed)
        var text = ""
        if let total {
            text = "\(Int(share(done, total) * 100))% (\(part(done)) of \(size(total)))"
        } else {
            text = size(done)
        }
        text += ", \(part(Int64(min(rate, 1e15))))/s"
        if let total, rate >= 1, done < total {
            let left = Double(total - done) / rate
            text += ", \(seconds(.seconds(Int64(min(left, 1e9).rounded(.up))))) left"
        }
        return text
    }

    private func share(_ done: Int64, _ total: Int64) -> Double {
        min(1, max(0, Double(done) / Double(total)))
    }

    private func size(_ amount: Int64) -> String {
        guard case .things(let name) = unit else { return part(amount) }
        return "\(part(amount)) \(name)"
    }

    /// Without the name of what is counted.
    private func part(_ amount: Int64) -> String {
        unit == .bytes ? HumanSize.text(UInt64(max(0, amount))) : "\(max(0, amount))"
    }

    private func seconds(_ duration: Duration) -> String {
        let seconds = max(0, duration.nanoseconds) / 1_000_000_000
        return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
    }
}
