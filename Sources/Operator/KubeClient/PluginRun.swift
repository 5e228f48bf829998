// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Kube
internal import Posix

/// Runs a credential program and takes what it prints.
enum PluginRun {
    private static let outputByteMax = 1 << 20
    private static let interval: Duration = .milliseconds(20)

    static func output(
        of plugin: ExecPlugin, _ cluster: KubeCluster, _ deadline: Instant
    ) throws(KubeError) -> [UInt8] {
        guard let program = path(of: plugin.command) else {
            let hint = plugin.installHint.isEmpty ? "" : " " + plugin.installHint
            throw .credentials("the program \(plugin.command) is not there.\(hint)")
        }
        var plan = ChildProcess.Plan(program, plugin.arguments)
        plan.environment =
            ChildProcess.environment + plugin.environment.map { "\($0.name)=\($0.value)" }
            + ["KUBERNETES_EXEC_INFO=\(plugin.info(for: cluster))"]
        plan.output = .pipe
        plan.errors = .inherited
        let result: Result<[UInt8], KubeError>
        do throws(PosixError) {
            result = try run(plan, deadline)
        } catch {
            throw .credentials("\(plugin.command): \(error.reason)")
        }
        return try result.get()
    }

    private static func run(
        _ plan: ChildProcess.Plan, _ deadline: Instant
    ) throws(PosixError) -> Result<[UInt8], KubeError> {
        let child = try ChildProcess(plan)
        var output: [UInt8] = []
        while true {
            let now = MonotonicClock.now
            let ending = try child.wait(until: min(deadline, now + interval))
            try drain(child.output, into: &output)
            if let ending {
                if ending == .exited(code: 0) { return .success(output) }
                return .failure(.credentials("\(plan.program): it ended badly: \(ending)"))
            }
            if now >= deadline || output.count > outputByteMax {
                child.sendToGroup(.kill)
                _ = try child.wait()
                let reason = now >= deadline ? "it did not end in time" : "it prints too much"
                return .failure(.credentials("\(plan.program): \(reason)"))
            }
        }
    }

    private static func drain(_ pipe: Socket?, into output: inout [UInt8]) throws(PosixError) {
        guard let pipe else { return }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while output.count <= outputByteMax {
            let count = try unsafe buffer.withUnsafeMutableBufferPointer {
                bytes throws(PosixError) in
                try unsafe pipe.read(into: UnsafeMutableRawBufferPointer(bytes))
            }
            guard let count, count > 0 else { return }
            output += buffer[..<count]
        }
    }

    private static func path(of command: String) -> String? {
        if command.contains("/") { return command }
        let line = ChildProcess.environment.first { $0.hasPrefix("PATH=") } ?? "PATH=/usr/bin:/bin"
        return line.dropFirst("PATH=".count).split(separator: ":").map { "\($0)/\(command)" }
            .first { FileStamp(of: $0) != nil }
    }
}
