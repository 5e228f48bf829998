// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import Program

/// Where log lines go: standard error, standard output, files, or several of these.
final class LogSink: @unchecked Sendable {
    private let lock = Lock()
    private let files: [File]

    init(_ outputs: [NodeConfig.LogOutput]) throws(PosixError) {
        var files: [File] = []
        for output in outputs {
            switch output {
            case .standardError: files.append(try File(copying: 2, name: "/dev/stderr"))
            case .standardOutput: files.append(try File(copying: 1, name: "/dev/stdout"))
            case .file(let path): files.append(try File(path, .append, permissions: 0o600))
            }
        }
        self.files = files
    }

    /// A line that cannot be written is lost: there is nobody to tell.
    func write(_ line: [UInt8]) {
        lock.withLock {
            for file in files { _ = try? file.append(line) }
        }
    }

    func logger(_ config: NodeConfig) -> Logger {
        Logger(
            level: config.logLevel, format: config.logFormat,
            clock: { WallClock.nanoseconds }, sink: { self.write($0) })
    }
}
