// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The three standard streams.
package struct Console: Sendable {
    private let output: @Sendable ([UInt8]) -> Void
    private let errors: @Sendable ([UInt8]) -> Void
    let input: InputLines
    /// Turns the echo of what is typed on or off; does nothing when nobody types.
    private let setEcho: @Sendable (Bool) -> Void
    /// Whether a person looks at standard error.
    let errorsAreSeen: Bool

    /// `input` gives the next bytes, as many as are there, and nothing once they are over.
    package init(
        output: @escaping @Sendable ([UInt8]) -> Void,
        errors: @escaping @Sendable ([UInt8]) -> Void,
        input: @escaping @Sendable () -> [UInt8],
        setEcho: @escaping @Sendable (Bool) -> Void = { _ in }, errorsAreSeen: Bool = false
    ) {
        self.output = output
        self.errors = errors
        self.input = InputLines(input)
        self.setEcho = setEcho
        self.errorsAreSeen = errorsAreSeen
    }

    func write(_ bytes: [UInt8]) { output(bytes) }
    func write(_ text: String) { output(Array(text.utf8)) }
    func writeError(_ text: String) { errors(Array(text.utf8)) }

    /// Those of this process. When nobody reads our output any more, there is no reason to go on.
    package static var standard: Console {
        Console(
            output: { bytes in if !write(bytes, to: 1) { exit(141) } },
            errors: { bytes in _ = write(bytes, to: 2) }, input: readSome, setEcho: setEcho,
            errorsAreSeen: isatty(2) == 1)
    }

    /// A line that is not shown while it is typed, without blanks around it.
    func password(prompt: String) -> String {
        write(prompt)
        setEcho(false)
        let line = input.lineOrRest()
        setEcho(true)
        write("\n")
        return Words.trimmed(line)
    }

    @Sendable
    private static func setEcho(_ isOn: Bool) {
        var settings = termios()
        guard unsafe tcgetattr(0, &settings) == 0 else { return }
        if isOn {
            settings.c_lflag |= tcflag_t(ECHO)
        } else {
            settings.c_lflag &= ~tcflag_t(ECHO)
        }
        unsafe _ = tcsetattr(0, TCSANOW, &settings)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @Sendable
    private static func readSome() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, filled in
            var count = unsafe Glibc.read(0, buffer.baseAddress, buffer.count)
            while count < 0, errno == EINTR {
                count = unsafe Glibc.read(0, buffer.baseAddress, buffer.count)
            }
            filled = max(0, count)
        }
    }
}

/// Standard input as lines, or all of it. Used by one thread at a time.
final class InputLines: @unchecked Sendable {
    /// More than this is nobody's value: a request of etcd ends at 1.5 MiB by default.
    private static let byteMax = 1 << 28

    private let read: @Sendable () -> [UInt8]
    private var pending: [UInt8] = []
    private var isOver = false

    init(_ read: @escaping @Sendable () -> [UInt8]) {
        self.read = read
    }

    /// Without its end; nil when the input ends before the line does.
    func line() -> String? {
        var searched = 0
        while true {
            if let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeFirst(end + 1)
                return line
            }
            searched = pending.count
            if !readMore() { return nil }
        }
    }

    /// The next line, or what is left when the input ends within it.
    func lineOrRest() -> String {
        if let line = line() { return line }
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    func all() -> [UInt8] {
        while readMore() {}
        defer { pending = [] }
        return pending
    }

    private func readMore() -> Bool {
        if isOver || pending.count > Self.byteMax { return false }
        let more = read()
        isOver = more.isEmpty
        pending += more
        return !isOver
    }
}
