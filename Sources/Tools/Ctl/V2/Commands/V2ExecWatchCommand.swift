// SPDX-License-Identifier: Apache-2.0
internal import Posix

enum V2ExecWatchCommand {
    static let row = V2Command(
        "exec-watch", usage: "<key> <command> [args...]",
        "watch a key for changes and exec an executable",
        flags: [
            V2WatchCommand.afterIndex,
            V2Flag(
                "recursive", "r", kind: .bool, "watch all values for key and child keys"),
        ],
        examples: ["exec-watch --recursive /app -- sh -c 'echo $ETCD_WATCH_KEY'"], run: run)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let keys = try call.keys()
        let (key, command) = try plan(call.arguments)
        try V2WatchCommand.each(of: keys, key, call) { event throws(V2Failure) in
            if event.node.isDirectory {
                call.console.writeError("Ignored dir \(event.node.key) change\n")
            } else {
                try start(command, event, call)
            }
            return true
        }
    }

    /// With `--` the key is in front of it. Without, it is the last word, as in the old tool.
    static func plan(
        _ words: [String]
    ) throws(V2Failure) -> (key: String, command: [String]) {
        guard words.count >= 2, let last = words.last else {
            throw .error("key and command to exec required", code: V2Failure.badArguments)
        }
        guard words.dropFirst().contains("--") else { return (last, Array(words.dropLast())) }
        let command = Array(words.dropFirst(2))
        if command.isEmpty {
            throw .error("key and command to exec required", code: V2Failure.badArguments)
        }
        return (words[0], command)
    }

    static func variables(_ event: V2Response) -> [String] {
        [
            "ETCD_WATCH_ACTION=\(event.action)",
            "ETCD_WATCH_MODIFIED_INDEX=\(event.node.modifiedIndex)",
            "ETCD_WATCH_KEY=\(event.node.key)", "ETCD_WATCH_VALUE=\(event.node.value)",
        ]
    }

    private static func start(
        _ command: [String], _ event: V2Response, _ call: V2Call
    ) throws(V2Failure) {
        // `env` looks the program up in PATH.
        var plan = ChildProcess.Plan("/usr/bin/env", command)
        plan.environment = call.environment + variables(event)
        plan.output = .inherited
        plan.errors = .inherited
        plan.hasOwnGroup = false
        let ending: ChildProcess.Ending
        do throws(PosixError) {
            ending = try ChildProcess(plan).wait()
        } catch {
            throw .plain("exec: \(command[0]): \(error)")
        }
        // What env says when there is no such program; it has said so.
        if ending == .exited(code: 127) { throw V2Failure(code: 1, text: "") }
    }
}
