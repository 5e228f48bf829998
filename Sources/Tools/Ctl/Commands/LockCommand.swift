// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

enum LockCommand {
    static let row = Command(
        "lock", usage: "lock <lockname> [exec-command arg1 arg2 ...]", "Acquires a named lock",
        examples: [
            "lock jobs/backup", "lock jobs/backup -- ./backup.sh --full", "lock a --ttl 60",
        ],
        flags: [CtlFlag("ttl", .int64, "10", "timeout for session")], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard let name = call.arguments.first else {
            throw .badArguments(
                "lock takes a lock name argument and an optional command to execute")
        }
        let interrupt = try Interrupt()
        let settings = try call.settings()
        let client = try call.client(settings)
        let session = try calling { () throws(ClientError) in
            try Session(client, settings, ttl: call.flags.int64("ttl"))
        }
        defer { session.end(client) }
        var place = try calling { () throws(ClientError) in
            try WaitingLine(name, value: [], session, client)
        }
        let stop = try calling { () throws(ClientError) in
            try place.wait(client, session, interrupt)
        }
        switch stop {
        case .interrupted:
            try? place.leave(client)
            throw .failed(.error, "context canceled")
        case .sessionOver: throw .failed(.error, "mutex: session is expired")
        case nil: break
        }
        if call.arguments.count > 1 {
            try runCommand(Array(call.arguments[1...]), place, client, call)
        } else {
            try hold(place, client, session, interrupt, call)
        }
    }

    private static func runCommand(
        _ words: [String], _ place: WaitingLine, _ client: Client, _ call: Invocation
    ) throws(CtlError) {
        let key = String(decoding: place.key, as: UTF8.self)
        var failure: CtlError?
        do throws(CtlError) {
            try ExecCommand.run(
                words, adding: ["ETCD_LOCK_KEY=\(key)", "ETCD_LOCK_REV=\(place.turnRevision)"],
                call)
        } catch {
            failure = error
        }
        let left = leave(place, client)
        if let failure { throw failure }
        if let left { throw left }
    }

    private static func leave(_ place: WaitingLine, _ client: Client) -> CtlError? {
        do throws(CtlError) {
            try calling { () throws(ClientError) in try place.leave(client) }
            return nil
        } catch {
            return error
        }
    }

    private static func hold(
        _ place: WaitingLine, _ client: Client, _ session: Session, _ interrupt: Interrupt,
        _ call: Invocation
    ) throws(CtlError) {
        let own = try calling { () throws(ClientError) in
            try client.range(RangeRequest(key: place.key))
        }
        if own.kvs.isEmpty { throw .failed(.error, "lock lost on init") }
        try call.show(.get(own, valuesOnly: false))
        while !interrupt.isWanted {
            if session.isOver { throw .failed(.error, "session expired") }
            try calling { () throws(ClientError) in try client.idle(for: WaitingLine.turn) }
        }
        if let failure = leave(place, client) { throw failure }
    }
}

/// Commands that ours runs.
enum ExecCommand {
    /// With our streams and our environment; its exit code becomes ours.
    static func run(
        _ words: [String], adding variables: [String], _ call: Invocation
    ) throws(CtlError) {
        switch try ending(of: words, adding: variables, call) {
        case .exited(code: 0): return
        case .exited(let code):
            call.console.writeError("Error: exit status \(code)\n")
            throw .exited(code)
        case .signalled(let number):
            call.console.writeError("Error: signal: \(SignalName.text(number))\n")
            throw .exited(255)
        }
    }

    /// Started with our streams and environment; whatever its end is.
    static func ending(
        of words: [String], adding variables: [String], _ call: Invocation
    ) throws(CtlError) -> ChildProcess.Ending {
        guard let path = path(of: words[0], call.variable("PATH")) else {
            throw .failed(
                .error,
                words[0].contains("/")
                    ? "fork/exec \(words[0]): no such file or directory"
                    : "exec: \(GoQuote.text(words[0])): executable file not found in $PATH")
        }
        var plan = ChildProcess.Plan(path, Array(words.dropFirst()))
        plan.environment = call.environment + variables
        plan.output = .inherited
        plan.errors = .inherited
        plan.hasOwnGroup = false
        do throws(PosixError) {
            return try ChildProcess(plan).wait()
        } catch {
            throw .failed(.error, "\(error)")
        }
    }

    static func path(of name: String, _ path: String) -> String? {
        if name.contains("/") { return Directory.kind(of: name) == .file ? name : nil }
        let folders = path.split(separator: ":").map(String.init)
        return folders.map { "\($0)/\(name)" }.first { Directory.kind(of: $0) == .file }
    }
}

/// Signals as Go names them.
enum SignalName {
    static func text(_ number: Int32) -> String {
        switch number {
        case 1: "hangup"
        case 2: "interrupt"
        case 9: "killed"
        case 11: "segmentation fault"
        case 15: "terminated"
        default: "signal \(number)"
        }
    }
}
