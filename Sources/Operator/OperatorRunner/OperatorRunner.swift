// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import KubeClient
internal import Posix
internal import Program

// The room of the running operator: threads that watch, one that leads, some that work.
//
//   OperatorProgram   command line in, exit code out
//   Wiring            the threads and what they share, put together
//   ClusterStore      caches, work queue and outcomes behind one lock
//   Reflector         a thread for each watched kind
//   Observer          joins cached objects with what the members say: an Observation
//   MemberProber      asks each member by itself, at the same time, two seconds each
//   ControllerLoop    takes a cluster, observes, plans, has the plan carried out
//   Executor          status first, then at most one step
//   LeaderLoop        holds the Lease; only who leads writes
//   HealthServer      /healthz, /readyz, /metrics
//
//      API ──watch──► Reflector ──► ClusterStore ──key──► ControllerLoop ──► Observer ──► members
//       ▲                               ▲                      │
//       └─────────── Executor ◄── Plan ◄┴──── Reconcile ◄──────┘
//
// A pass is level-triggered: it looks at all there is and forgets it. What must be remembered
// stands in the cluster's status before anything is done. What is decided is Reconcile's alone.

/// keelson-operator, from its command line to its exit code.
package enum OperatorProgram {
    /// Exit codes: 0 stopped, 1 cannot start, 2 usage.
    package static func main(arguments: [String]) -> Int32 {
        Signals.ignoreBrokenPipes()
        if arguments.starts(with: ["print"]) { return print(Array(arguments.dropFirst())) }
        let rest = arguments.first == "run" ? Array(arguments.dropFirst()) : arguments
        do throws(FlagError) {
            let parsed = try FlagParser.parse(rest, OperatorFlags.table)
            if parsed["version"] == .bool(true) {
                return say(OperatorFlags.versionLine, to: 1, code: 0)
            }
            let settings = try OperatorSettings(parsed)
            return run(settings)
        } catch {
            switch error {
            case .helpWanted: return say(OperatorFlags.usage, to: 1, code: 0)
            case .wrong(let reason):
                return say("\(reason)\n\n\(OperatorFlags.usage)", to: 2, code: 2)
            }
        }
    }

    private static func print(_ words: [String]) -> Int32 {
        guard words == ["crds"] else {
            return say("print what? crds\n\n\(OperatorFlags.usage)", to: 2, code: 2)
        }
        return say(Definition.stream(), to: 1, code: 0)
    }

    private static func run(_ settings: OperatorSettings) -> Int32 {
        do throws(KubeError) {
            return try Wiring.run(settings)
        } catch {
            return say("keelson-operator: \(error)", to: 2, code: 1)
        }
    }

    private static func say(_ text: String, to descriptor: Int32, code: Int32) -> Int32 {
        let file = try? File(copying: descriptor, name: "standard output")
        _ = try? file?.append(Array((text + "\n").utf8))
        return code
    }
}
