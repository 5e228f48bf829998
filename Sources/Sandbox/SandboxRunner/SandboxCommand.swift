// SPDX-License-Identifier: Apache-2.0

/// What the command line asks for.
package enum SandboxCommand: Equatable, Sendable {
    case help
    case run(Options)
    case order(line: String, folder: String)

    package struct Options: Equatable, Sendable {
        package var folder = ""
        package var kubeconfig = ""
        package var programs = ""
        package var listen = "127.0.0.1:0"
        /// Second number of the addresses of pods; nil to choose by the folder's name.
        package var network: UInt8?
        package var evaluatesRBAC = false
        package var restartDelaySeconds: Int64 = 10
        package var isVerbose = false
    }

    package static let usage = """
        keelson-sandbox: a Kubernetes API for one machine, whose pods are processes.

        usage:
          keelson-sandbox run --dir DIR --kubeconfig FILE [--bin DIR] [--listen HOST:PORT]
          keelson-sandbox kill pod/NAME --dir DIR [--namespace NS]     SIGKILL, as a crash
          keelson-sandbox pause|resume pod/NAME --dir DIR [--namespace NS]
          keelson-sandbox wipe claim/NAME --dir DIR [--namespace NS]   empties the volume
          keelson-sandbox lose-node|return-node node/NAME --dir DIR

        run:
          --dir DIR            everything of the sandbox is in it; emptied at the start
          --kubeconfig FILE    written at the start, for kubectl and the operator
          --bin DIR            programs of images called keelson (the folder of this program)
          --listen HOST:PORT   where the API listens (127.0.0.1, any free port)
          --pod-network N      pods have addresses 127.N.x.y (chosen by the folder's name)
          --rbac               roles are evaluated; without, everybody may do everything
          --restart-delay N    seconds before the second restart of a container (10)
          --verbose            log what is refused and why

        Nodes: worker-1, worker-2, worker-3 (kubectl cordon and drain work). Not done, and refused:
        terminals for exec, attach, cp, port-forward (a pod's address can be reached directly),
        cutting networks, and kinds and verbs that no cluster of keelson's needs.

        """

    package static func read(_ arguments: [String]) throws(PlanError) -> SandboxCommand {
        guard let verb = arguments.first else { throw PlanError("a command is missing") }
        if arguments.contains("--help") || arguments.contains("-h") || verb == "help" {
            return .help
        }
        let (options, namespace, words) = try flags(arguments.dropFirst())
        if options.folder.isEmpty { throw PlanError("--dir is missing") }
        if verb == "run" {
            if let word = words.first { throw PlanError("what is \(word)?") }
            if options.kubeconfig.isEmpty { throw PlanError("--kubeconfig is missing") }
            return .run(options)
        }
        if verb == "cut" {
            throw PlanError(
                "networks are not cut here: all pods share one loopback; pause pod/NAME makes a "
                    + "pod that answers nobody")
        }
        guard let order = ControlOrder(rawValue: verb) else {
            throw PlanError("unknown command \(verb)")
        }
        guard words.count == 1, let word = words.first, word.contains("/") else {
            throw PlanError("\(verb) wants one pod/NAME, claim/NAME or node/NAME")
        }
        return .order(line: "\(order.rawValue) \(word) \(namespace)", folder: options.folder)
    }

    private static func flags(
        _ arguments: ArraySlice<String>
    ) throws(PlanError) -> (Options, namespace: String, words: [String]) {
        var options = Options()
        var namespace = "default"
        var words: [String] = []
        var rest = arguments
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else {
                words.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            let name = parts[0]
            if name == "--rbac" || name == "--verbose" {
                if name == "--rbac" { options.evaluatesRBAC = true } else { options.isVerbose = true }
                continue
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw PlanError("\(name) wants a value")
            }
            switch name {
            case "--dir": options.folder = value
            case "--kubeconfig": options.kubeconfig = value
            case "--bin": options.programs = value
            case "--listen": options.listen = value
            case "--namespace", "-n": namespace = value
            case "--pod-network":
                guard let number = UInt8(value), (1...254).contains(number), number != 96 else {
                    throw PlanError("--pod-network is 1 to 254, but not 96: that is the services'")
                }
                options.network = number
            case "--restart-delay":
                guard let number = Int64(value), (0...3600).contains(number) else {
                    throw PlanError("--restart-delay is 0 to 3600 seconds")
                }
                options.restartDelaySeconds = number
            default: throw PlanError("unknown flag \(name)")
            }
        }
        return (options, namespace, words)
    }
}
