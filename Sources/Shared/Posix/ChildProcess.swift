// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import CLinux
internal import Glibc

/// A program started by this one. It keeps running when the value goes away, unless asked
/// otherwise; someone must `wait` or `poll` for it, or it stays a zombie.
package final class ChildProcess {
    package struct Plan: Sendable {
        /// Where one of the child's three standard descriptors leads.
        package enum Stream: Equatable, Sendable {
            /// Reads nothing, writes nowhere.
            case null
            case inherited
            /// A pipe; our end is `input`, `output` or `errors` of the child.
            case pipe
            /// Read from its start, or written at its end (made if missing).
            case file(String)
        }

        /// A path; PATH is not searched.
        package var program: String
        package var arguments: [String]
        /// NAME=value lines; nil for our own environment.
        package var environment: [String]?
        package var directory: String?
        package var input = Stream.null
        package var output = Stream.null
        package var errors = Stream.null
        /// It leads a process group of its own: signals of our terminal pass it by.
        package var hasOwnGroup = true
        /// Killed when the thread that started it ends, however the process ended.
        package var diesWithThread = false

        package init(_ program: String, _ arguments: [String] = []) {
            self.program = program
            self.arguments = arguments
        }
    }

    package enum Ending: Equatable, Sendable {
        case exited(code: Int32)
        case signalled(number: Int32)
    }

    package struct Usage: Equatable, Sendable {
        package var user: Duration
        package var system: Duration
        package var maxResidentByteCount: Int64
    }

    package let id: Int32
    /// Our ends of the pipes asked for. Input blocks when the child does not read; the others
    /// report nil while nothing is there.
    package let input: Socket?
    package let output: Socket?
    package let errors: Socket?
    /// How it ended; nil until `poll` or `wait` noticed.
    package private(set) var ending: Ending?
    /// Known once it ended.
    package private(set) var usage: Usage?

    /// Fails with the error of `exec`, too, such as ENOENT.
    package init(_ plan: Plan) throws(PosixError) {
        let input = try ChildStream(plan.input, childReads: true, inherited: 0)
        let output = try ChildStream(plan.output, childReads: false, inherited: 1)
        let errors =
            plan.errors == plan.output && plan.output != .pipe
            ? try ChildStream(sharing: output)
            : try ChildStream(plan.errors, childReads: false, inherited: 2)
        let environment = plan.environment ?? ChildProcess.environment
        let streams = [input.child, output.child, errors.child]
        id = unsafe withTexts([plan.program] + plan.arguments) { arguments in
            unsafe withTexts(environment) { environment in
                unsafe keelson_spawn(
                    plan.program, arguments, environment, plan.directory, streams,
                    plan.hasOwnGroup ? 1 : 0, plan.diesWithThread ? SIGKILL : 0)
            }
        }
        if id < 0 { throw PosixError("spawn", plan.program) }
        self.input = input.ours
        self.output = output.ours
        self.errors = errors.ours
    }

    package var isRunning: Bool { ending == nil }

    /// Does nothing once it has ended and was waited for: its number may be someone else's then.
    package func send(_ signal: Signal) {
        if ending == nil { _ = kill(id, signal.number) }
    }

    /// To it and to what it has started, if it has a group of its own.
    package func sendToGroup(_ signal: Signal) {
        if ending == nil { _ = kill(-id, signal.number) }
    }

    /// Has it ended? Never waits.
    @discardableResult
    package func poll() throws(PosixError) -> Ending? {
        try ask(wait: false)
        return ending
    }

    package func wait() throws(PosixError) -> Ending {
        while true {
            if let ending { return ending }
            try ask(wait: true)
        }
    }

    /// Waits until `deadline` at the latest; nil if it still runs then.
    package func wait(until deadline: Instant) throws(PosixError) -> Ending? {
        while try poll() == nil {
            let left = (deadline - MonotonicClock.now).nanoseconds
            if left <= 0 { return nil }
            let milliseconds = Int32(min((left + 999_999) / 1_000_000, 60_000))
            if keelson_await_child_for(id, milliseconds) != 0 {
                throw PosixError("pidfd_open", "\(id)")
            }
        }
        return ending
    }

    /// Waits for the end, but leaves it to `poll` to tell: another thread may send signals
    /// meanwhile without meeting a reused number.
    package static func awaitEnd(of id: Int32) throws(PosixError) {
        if keelson_await_child(id) != 0 { throw PosixError("waitid", "\(id)") }
    }

    private func ask(wait: Bool) throws(PosixError) {
        if ending != nil { return }
        var state = keelson_child_state()
        if unsafe keelson_child_state(id, wait ? 1 : 0, &state) != 0 {
            throw PosixError("wait", "\(id)")
        }
        if state.ended == 0 { return }
        ending =
            state.signal != 0
            ? .signalled(number: state.signal) : .exited(code: state.exit_code)
        usage = Usage(
            user: .microseconds(state.user_us), system: .microseconds(state.system_us),
            maxResidentByteCount: state.max_rss_kib * 1024)
    }

    /// Our own environment, as NAME=value lines.
    package static var environment: [String] {
        var lines: [String] = []
        var next = unsafe environ
        while let line = unsafe next.pointee {
            unsafe lines.append(String(cString: line))
            unsafe next += 1
        }
        return lines
    }
}

/// Both ends of one standard descriptor; the child's end closes with this value.
private final class ChildStream {
    let child: Int32
    let ours: Socket?
    private let owner: Socket?

    init(
        _ stream: ChildProcess.Plan.Stream, childReads: Bool, inherited: Int32
    ) throws(PosixError) {
        switch stream {
        case .inherited:
            child = inherited
            ours = nil
            owner = nil
        case .null, .file:
            let flags = childReads ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND
            let path = if case .file(let path) = stream { path } else { "/dev/null" }
            child = unsafe keelson_open(path, flags | O_CLOEXEC, 0o600)
            if child < 0 { throw PosixError("open", path) }
            owner = Socket(adopting: child)
            ours = nil
        case .pipe:
            var ends: [Int32] = [-1, -1]
            if unsafe pipe(&ends) != 0 { throw PosixError("pipe") }
            let mine = childReads ? ends[1] : ends[0]
            child = childReads ? ends[0] : ends[1]
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            if !childReads { _ = fcntl(mine, F_SETFL, O_NONBLOCK) }
            ours = Socket(adopting: mine)
            owner = Socket(adopting: child)
        }
    }

    init(sharing other: ChildStream) throws(PosixError) {
        child = other.child
        ours = nil
        owner = nil
    }
}

/// Lends texts as C wants argument lists: pointers, then a null.
private func withTexts<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe texts.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer {
        unsafe pointers.withUnsafeBufferPointer { list in
            for index in list.indices { unsafe free(list[index]) }
        }
    }
    return unsafe body(pointers)
}
