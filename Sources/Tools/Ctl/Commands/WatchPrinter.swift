// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix

/// What a watch tells, on its way to the console.
enum WatchPrinter {
    /// Nil when the server has said its last word, which is told, or after `timeout`.
    static func next(
        of stream: WatchStream, _ call: Invocation, timeout: Duration? = nil
    ) throws(CtlError) -> WatchStream.Item? {
        do throws(ClientError) {
            return try stream.next(timeout: timeout)
        } catch {
            guard error.serverMessage != nil else { throw .call(.error, error.plainText, error) }
            call.console.writeError("watch was canceled (\(error))\n")
            stream.close()
            return nil
        }
    }

    static func show(
        _ response: WatchResponse, _ command: [String], _ call: Invocation
    ) throws(CtlError) {
        if response.canceled {
            call.console.writeError("watch was canceled (\(reason(response)))\n")
        } else if response.created {
            return
        } else if response.events.isEmpty, response.compactRevision == 0 {
            call.console.write("progress notify: \(response.header?.revision ?? 0)\n")
        }
        try call.show(.watch(response))
        if command.isEmpty { return }
        for event in response.events { try run(command, event, response, call) }
    }

    private static func reason(_ response: WatchResponse) -> String {
        if response.compactRevision != 0 { return EtcdError.compacted.text }
        let text = response.cancelReason
        if text.isEmpty { return EtcdError.futureRevision.text }
        return text.hasPrefix("etcdserver: ") || text.hasPrefix("rpc error: ")
            ? text : "rpc error: code = FailedPrecondition desc = \(text)"
    }

    /// Runs it with the event in its environment, and waits for its end.
    private static func run(
        _ command: [String], _ event: WatchEvent, _ response: WatchResponse, _ call: Invocation
    ) throws(CtlError) {
        let record = event.kv ?? KeyValue()
        let variables = [
            "ETCD_WATCH_REVISION=\(response.header?.revision ?? 0)",
            "ETCD_WATCH_EVENT_TYPE=\"\(event.type.name ?? "\(event.type.number)")\"",
            "ETCD_WATCH_KEY=\(GoQuote.text(record.key))",
            "ETCD_WATCH_VALUE=\(GoQuote.text(record.value))",
        ]
        let failure: String
        do throws(CtlError) {
            switch try ExecCommand.ending(of: command, adding: variables, call) {
            case .exited(code: 0): return
            case .exited(let code): failure = "exit status \(code)"
            case .signalled(let number): failure = "signal: \(SignalName.text(number))"
            }
        } catch {
            guard case .failed(_, let text) = error else { throw error }
            failure = text
        }
        let words = command.map { GoQuote.text($0) }.joined(separator: " ")
        call.console.writeError("command [\(words)] error (\(failure))\n")
        throw .told(.error)
    }
}

/// `watch -i`: each line begins a watch or asks for progress.
struct InteractiveWatch {
    /// Lines from standard input, read by a thread of their own.
    private final class Lines: @unchecked Sendable {
        private let lock = Lock()
        private var waiting: [String] = []
        private var isOver = false

        func read(_ input: InputLines) throws(PosixError) {
            try Thread.start(name: "input") {
                while let line = input.line() {
                    self.lock.withLock {
                        self.waiting.append(line)
                        self.lock.signal()
                    }
                }
                self.lock.withLock {
                    self.isOver = true
                    self.lock.signal()
                }
            }
        }

        /// Nil if none is there, which then waits for one if told to. `isOver` when none will come.
        func take(waiting shouldWait: Bool) -> (line: String?, isOver: Bool) {
            lock.withLock {
                while shouldWait, waiting.isEmpty, !isOver { lock.wait() }
                if waiting.isEmpty { return (nil, isOver) }
                return (waiting.removeFirst(), false)
            }
        }
    }

    /// How long a line waits for its turn while watches run.
    private static let turn: Duration = .milliseconds(50)

    private let call: Invocation
    private let preset: [String]
    private var commands: [Int: [String]] = [:]

    init(_ call: Invocation, _ preset: [String]) {
        self.call = call
        self.preset = preset
    }

    mutating func run() throws(CtlError) {
        let client = try call.client()
        let stream = WatchStream(client, requiresLeader: true)
        let lines = Lines()
        do throws(PosixError) {
            try lines.read(call.console.input)
        } catch {
            throw .failed(.error, "\(error)")
        }
        while true {
            let (line, isOver) = lines.take(waiting: stream.watcherCount == 0)
            if let line { try obey(line, stream) }
            if isOver {
                throw .failed(.invalidInput, "error reading watch request line: EOF")
            }
            while let item = try WatchPrinter.next(of: stream, call, timeout: Self.turn) {
                let command = item.watcher.flatMap { commands[$0] } ?? []
                try WatchPrinter.show(item.response, command, call)
            }
        }
    }

    private mutating func obey(_ line: String, _ stream: WatchStream) throws(CtlError) {
        guard let words = Words.split(line), let first = words.first else {
            return call.console.writeError(
                "Invalid command: \(line) (watch and progress supported)\n")
        }
        switch first {
        case "watch":
            if words.count < 2, preset.isEmpty {
                return call.console.writeError(
                    "Invalid command \(line) (command type or key is not provided)\n")
            }
            let plan = try WatchCommand.WatchPlan(try flags(words), preset)
            do throws(CtlError) {
                let id = stream.add(try plan.request())
                if !plan.command.isEmpty { commands[id] = plan.command }
            } catch .failed(_, let text) {
                call.console.writeError("Invalid command \(line) (\(text))\n")
            } catch {
                throw error
            }
        case "progress": stream.requestProgress()
        default:
            call.console.writeError("Invalid command \(line) (only support watch)\n")
        }
    }

    private func flags(_ words: [String]) throws(CtlError) -> FlagSet {
        do throws(FlagFailure) {
            return try FlagSet(parsing: Array(words.dropFirst()), WatchCommand.flags)
        } catch {
            throw .badArguments(error.text)
        }
    }
}
