// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Net
internal import Posix
internal import Program
internal import SandboxAPI

/// keelson-sandbox, from its command line to its exit code: 0 stopped, 1 cannot start or an order
/// failed, 2 a wrong command line.
package enum SandboxProgram {
    package static func main(
        arguments: [String], environment: [(String, String)], program: String
    ) -> Int32 {
        Signals.ignoreBrokenPipes()
        do throws(PlanError) {
            switch try SandboxCommand.read(arguments) {
            case .help:
                write(SandboxCommand.usage, to: 1)
                return 0
            case .order(let line, let folder):
                let answer = ControlClient.send(line, folder: absolute(folder, environment))
                let isGood = answer.hasPrefix("ok: ")
                write(isGood ? String(answer.dropFirst(4)) : answer, to: isGood ? 1 : 2)
                return isGood ? 0 : 1
            case .run(let options): return run(options, environment, program)
            }
        } catch {
            write("keelson-sandbox: \(error.text)\n\n\(SandboxCommand.usage)", to: 2)
            return 2
        }
    }

    private static func run(
        _ options: SandboxCommand.Options, _ environment: [(String, String)], _ program: String
    ) -> Int32 {
        ThisProcess.raiseDescriptorLimit()
        do throws(PlanError) {
            return try start(options, environment, program)
        } catch {
            write("keelson-sandbox: \(error.text)\n", to: 2)
            return 1
        }
    }

    private static func start(
        _ options: SandboxCommand.Options, _ environment: [(String, String)], _ program: String
    ) throws(PlanError) -> Int32 {
        let folder = absolute(options.folder, environment)
        do throws(PosixError) {
            try Directory.make(folder, permissions: 0o755)
            for name in ["pods", "volumes", "hosts.d", "control.sock"] {
                try Directory.removeTree("\(folder)/\(name)")
            }
            let signals = try Signals([.terminate, .interrupt])
            return try serve(options, folder, environment, program, signals)
        } catch {
            throw PlanError("\(error)")
        }
    }

    private static func serve(
        _ options: SandboxCommand.Options, _ folder: String, _ environment: [(String, String)],
        _ program: String, _ signals: Signals
    ) throws(PosixError) -> Int32 {
        do throws(NetError) {
            let files = try SandboxCertificates(folder: folder, listen: options.listen)
            let reactor = try Reactor()
            guard let address = SocketAddress(options.listen) else {
                throw .session("--listen is no address with a port: \(options.listen)")
            }
            let (door, port) = try reserve(address)
            let settings = kubeletSettings(
                options, folder, environment, program, files, door.host, port)
            let sandbox = Sandbox(
                api: try system { () throws(PosixError) in try apiSettings(options) },
                controllers: BuiltInControllers.Settings(),
                kubelet: settings, reactor: reactor, logger: logger(options),
                environment: environment)
            let bound = try sandbox.port.listen(
                on: door.with(port: port), try files.reload { _ in })
            let control = try ControlPort(sandbox, folder: folder)
            try files.writeKubeconfig(
                to: absolute(options.kubeconfig, environment),
                server: "https://\(door.host):\(bound)")
            announce(options, settings, bound)
            let code = try sandbox.run(signals)
            withExtendedLifetime(control) {}
            return code
        } catch {
            write("keelson-sandbox: \(error)\n", to: 2)
            return 1
        }
    }

    /// A free port is found before anybody is told about it.
    private static func reserve(
        _ address: SocketAddress
    ) throws(NetError) -> (address: SocketAddress, port: UInt16) {
        if address.port != 0 { return (address, address.port) }
        do throws(PosixError) {
            let socket = try Socket.listen(address)
            let port = socket.localAddress?.port ?? 0
            socket.close()
            return (address, port)
        } catch {
            throw .system(error)
        }
    }

    private static func system<Result>(
        _ body: () throws(PosixError) -> Result
    ) throws(NetError) -> Result {
        do throws(PosixError) {
            return try body()
        } catch {
            throw .system(error)
        }
    }

    private static func apiSettings(
        _ options: SandboxCommand.Options
    ) throws(PosixError) -> Settings {
        let seed = try SecureRandom.number()
        var settings = Settings(epoch: WallClock.nanoseconds, seed: seed)
        // Kubectl warns of servers that are two versions away from it.
        settings.minorVersion = 33
        settings.evaluatesRBAC = options.evaluatesRBAC
        return settings
    }

    private static func kubeletSettings(
        _ options: SandboxCommand.Options, _ folder: String, _ environment: [(String, String)],
        _ program: String, _ files: SandboxCertificates, _ host: String, _ port: UInt16
    ) -> Kubelet.Settings {
        let programs =
            options.programs.isEmpty
            ? Directory.parent(of: program) : absolute(options.programs, environment)
        var life = PodLife.Settings()
        life.restartDelay = .seconds(options.restartDelaySeconds)
        // 96 is the network of services; those near 0 are people's own.
        let digest = Digest.sha256(Array(folder.utf8))
        let chosen = 97 + digest[0] % 150
        return Kubelet.Settings(
            folder: folder, images: ImageTable(programs: programs), authority: files.authority,
            serverHost: host, serverPort: port, network: options.network ?? chosen, life: life)
    }

    private static func announce(
        _ options: SandboxCommand.Options, _ settings: Kubelet.Settings, _ port: UInt16
    ) {
        write(
            """
            keelson-sandbox: the API is at https://\(settings.serverHost):\(port), for kubectl:
              export KUBECONFIG=\(options.kubeconfig)
            Pods are plain processes with addresses 127.\(settings.network).x.y. They see this \
            machine's files: paths of
            their mounts are rewritten in commands, arguments and environments. Names of services: \
            KEELSON_HOSTS=\(settings.folder)/hosts
            Programs of keelson images: \(settings.images.programs)
            ready

            """, to: 1)
    }

    // MARK: Words

    private static func logger(_ options: SandboxCommand.Options) -> Logger {
        Logger(
            level: options.isVerbose ? .debug : .info, format: .console,
            clock: { WallClock.nanoseconds },
            sink: { line in
                _ = try? File(copying: 2, name: "/dev/stderr").append(line)
            })
    }

    private static func absolute(_ path: String, _ environment: [(String, String)]) -> String {
        if path.hasPrefix("/") { return path }
        let here = environment.first { $0.0 == "PWD" }?.1 ?? "."
        return path == "." ? here : "\(here)/\(path)"
    }

    private static func write(_ text: String, to descriptor: Int32) {
        _ = try? File(copying: descriptor, name: "output").append(Array(text.utf8))
    }
}
