// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Net
internal import Posix
internal import Program

// The room of the running node: threads, ports, files and services around NodeCore.
//
//   NodeProgram   command line in, exit code out
//   Bootstrap/    data directory, identity, founding or joining a cluster
//   Contract/     the same in pods: tickets, waiting, restoring, who the data belongs to
//   Threads/      LocalMember (the core's thread), DiskThread (the log), WorkThread (long work)
//   Clients/      the client port: gRPC services, /health, /metrics and their like
//   Peers/        the peer port: etcd's peer protocol
//   Wiring        all of these, put together
//
//        clients ─► port ─► LocalMember ─► Node ─► outputs ─► DiskThread ─► log
//                                  ▲                 ├──────► peers
//                                  └──── letters ◄───┴──────► WorkThread ─► checkpoints
//
// One thread owns the core and every connection; see docs/decisions. Nothing here decides what is
// true: that is NodeCore's.

/// What the process says by its exit code; 0 is a clean stop, 2 a wrong command line.
enum ExitCode {
    static let cannotStart: Int32 = 1
    /// The data directory belongs to another cluster; only under the contract.
    static let foreignVolume: Int32 = 3
    /// The member was removed from its cluster; only under the contract.
    static let removed: Int32 = 4
    /// The member's history contradicts the cluster's (EX_SOFTWARE).
    static let diverged: Int32 = 70
    /// A write or sync failed: nobody can say what the disk holds (EX_IOERR).
    static let diskFailed: Int32 = 74
}

/// keelson-node, from its command line to its exit code.
package enum NodeProgram {
    /// Exit codes: 0 done or stopped, 1 cannot start, 2 usage, 3 the volume is another cluster's,
    /// 4 removed from the cluster, 74 the disk failed (EX_IOERR), 70 the member's history contradicts the cluster's (EX_SOFTWARE).
    package static func main(arguments: [String], environment: [(String, String)]) -> Int32 {
        Signals.ignoreBrokenPipes()
        do throws(ConfigError) {
            let invocation = try NodeInvocation.read(
                arguments: arguments, environment: environment, build: build, readFile: readFile)
            switch invocation {
            case .print(let lines):
                write(lines.joined(separator: "\n") + "\n", to: 1)
                return 0
            case .run(let config, let notices): return run(config, notices)
            }
        } catch {
            var text = error.text
            if case .usage = error { text += "\n\n" + NodeInvocation.usage }
            write(text + "\n", to: 2)
            leave(
                TerminationMessage(arguments: arguments, environment: environment),
                error.exitCode, error.text)
            return error.exitCode
        }
    }

    /// What this build calls itself: a version of etcd's that clients know how to talk to, and our
    /// own.
    package static let version = "3.6.5"

    static var build: BuildInfo {
        BuildInfo(apiVersion: version, platform: platform)
    }

    private static var platform: String {
        #if arch(arm64)
            "linux/arm64"
        #else
            "linux/amd64"
        #endif
    }

    private static func run(_ config: NodeConfig, _ notices: [ConfigNotice]) -> Int32 {
        let logger: Logger
        let lastWords = TerminationMessage(path: config.terminationLog)
        do throws(PosixError) {
            logger = try LogSink(config.logOutputs).logger(config)
        } catch {
            write("cannot open the log output: \(error)\n", to: 2)
            leave(lastWords, 1, "cannot open the log output: \(error)")
            return 1
        }
        for notice in notices { logger.warn(notice.message, ["subject": .string(notice.subject)]) }
        ThisProcess.raiseDescriptorLimit()
        let report = NodeReport()
        do throws(StartFailure) {
            let cluster = try ServiceDiscovery(logger: logger).resolved(config)
            let wiring = try Wiring(config: cluster, logger: logger, report: report)
            let code = try wiring.run()
            leave(lastWords, code, wiring.reasonToEnd, report)
            return code
        } catch {
            let code = exitCode(error, config)
            if code == 0 { return 0 }
            logger.error("cannot start", ["error": .string("\(error)")])
            write("keelson-node: \(error)\n", to: 2)
            leave(lastWords, code, "\(error)", report)
            return code
        }
    }

    private static func leave(
        _ lastWords: TerminationMessage, _ code: Int32, _ text: String, _ report: NodeReport? = nil
    ) {
        if let error = lastWords.write(code, text, report) {
            write("cannot write the termination message: \(error)\n", to: 2)
        }
    }

    private static func exitCode(_ failure: StartFailure, _ config: NodeConfig) -> Int32 {
        switch failure {
        case .foreign: ExitCode.foreignVolume
        case .removed: config.contract == nil ? ExitCode.cannotStart : ExitCode.removed
        case .stopped: 0
        case .posix, .files, .locked, .refused: ExitCode.cannotStart
        }
    }

    private static func readFile(_ path: String) throws(ConfigError) -> [UInt8] {
        do throws(PosixError) {
            return try File(path, .read).readAll(limit: 1 << 20)
        } catch {
            throw .invalid("cannot read the configuration file: \(error)")
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        _ = try? File(copying: descriptor, name: "output").append(Array(text.utf8))
    }
}
