// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Net
internal import Posix
internal import SandboxAPI

/// One pod on this machine: carries out what its life wants, with processes and folders, and tells
/// the life what came of it.
final class ProcessPod {
    let key: ObjectKey
    let uid: String
    private(set) var pod: KubeObject
    private(set) var life: PodLife
    private let kubelet: Kubelet
    let folder: String
    private(set) var address = ""
    private var processes: [Int: ChildProcess] = [:]
    private var probes: [ProbeRun] = []
    private var hooks: [ProbeRun] = []
    private var volumes: PodVolumes
    private var toldGrace: Int64?
    /// Seconds; so that sums with it cannot overflow.
    private static let longestGrace: Int64 = 1_000_000
    private(set) var deletionSeenAt: Instant?
    private(set) var isGone = false
    /// A report is being worked on; effects that report at once wait here.
    private var reports: [PodLife.Event] = []
    private var isReporting = false

    init(
        _ pod: KubeObject, kubelet: Kubelet, plan: PodPlan, settings: PodLife.Settings
    ) {
        self.pod = pod
        self.kubelet = kubelet
        key = pod.key(as: .pod)
        uid = pod.uid
        folder = "\(kubelet.settings.folder)/pods/\(uid)"
        volumes = PodVolumes(folder: folder)
        life = PodLife(plan: plan, settings: settings, now: kubelet.moment)
    }

    func begin() {
        var effects: [PodLife.Effect] = []
        life.begin(now: kubelet.moment, effects: &effects)
        carryOut(effects)
        publish()
    }

    /// The object as it is now.
    func observe(_ pod: KubeObject) {
        self.pod = pod
        guard pod.isBeingDeleted else { return }
        deletionSeenAt = deletionSeenAt ?? MonotonicClock.now
        let grace = pod["metadata", "deletionGracePeriodSeconds"]?.int64 ?? 30
        if let toldGrace, toldGrace <= grace { return }
        toldGrace = grace
        report(.deletionWanted(grace: .seconds(min(max(grace, 0), Self.longestGrace))))
    }

    func report(_ event: PodLife.Event) {
        reports.append(event)
        if isReporting { return }
        isReporting = true
        while !reports.isEmpty {
            var effects: [PodLife.Effect] = []
            life.receive(reports.removeFirst(), now: kubelet.moment, effects: &effects)
            carryOut(effects)
        }
        isReporting = false
        publish()
    }

    // MARK: Effects

    private func carryOut(_ effects: [PodLife.Effect]) {
        for effect in effects {
            switch effect {
            case .prepare: prepare()
            case .start(let index): start(index)
            case .probe(let index, let kind): probe(index, kind)
            case .runPreStop(let index): runPreStop(index)
            case .terminate(let index): processes[index]?.sendToGroup(.terminate)
            case .kill(let index): processes[index]?.sendToGroup(.kill)
            case .note(let isWarning, let reason, let message, _):
                kubelet.note(pod, isWarning: isWarning, reason, message)
            case .gone: isGone = true
            }
        }
    }

    private func prepare() {
        if address.isEmpty {
            guard let taken = kubelet.takeAddress() else {
                return later(
                    .notPrepared(reason: "ContainerCreating", message: "no address is left"))
            }
            address = taken
        }
        do throws(PlanError) {
            try volumes.prepare(pod, life.plan, kubelet.api, context)
        } catch {
            kubelet.note(pod, isWarning: true, "FailedMount", error.text)
            return later(.notPrepared(reason: "ContainerCreating", message: ""))
        }
        later(.prepared)
    }

    private var context: DataFiles.Context {
        DataFiles.Context(
            address: address, token: kubelet.token(of: pod), authority: kubelet.settings.authority)
    }

    /// Within an effect reports only queue up.
    private func later(_ event: PodLife.Event) {
        reports.append(event)
        if !isReporting {
            let event = reports.removeLast()
            report(event)
        }
    }

    /// ConfigMaps and Secrets may have changed: their files follow.
    func refreshVolumes() {
        guard life.isPrepared, !life.hasEnded else { return }
        do throws(PlanError) {
            try volumes.refresh(pod, kubelet.api, context)
        } catch {
            kubelet.note(pod, isWarning: true, "FailedMount", error.text)
        }
    }

    // MARK: Containers

    private func containerFolder(_ index: Int) -> String {
        "\(folder)/containers/\(life.containers[index].plan.name)"
    }

    func logPath(_ index: Int, run: Int) -> String { "\(containerFolder(index))/\(run).log" }

    private func messagePath(_ index: Int) -> String {
        "\(containerFolder(index))/termination-log"
    }

    func paths(_ index: Int) -> PathRewriter {
        let plan = life.containers[index].plan
        var mounts = plan.mounts.compactMap { mount in
            volumes.realPath(of: mount).map { (path: mount.path, real: $0) }
        }
        mounts.append((plan.terminationMessagePath, messagePath(index)))
        if let account = volumes.accountFolder {
            mounts.append((PodVolumes.accountPath, account))
        }
        return PathRewriter(mounts)
    }

    private func start(_ index: Int) {
        let plan = life.containers[index].plan
        let run = life.containers[index].restartCount
        do throws(PlanError) {
            var child = try childPlan(index, plan.command, plan.arguments)
            let log = logPath(index, run: run)
            child.output = .file(log)
            child.errors = .file(log)
            do throws(PosixError) {
                try Directory.make(containerFolder(index), permissions: 0o755)
                let message = try File(messagePath(index), .replace, permissions: 0o666)
                message.close()
                processes[index] = try ChildProcess(child)
            } catch {
                throw PlanError("\(error)")
            }
        } catch {
            let reason =
                error.text.hasPrefix("the sandbox has no programs")
                ? "ErrImagePull"
                : error.text.contains("not found") || error.text.contains("find key")
                    ? "CreateContainerConfigError" : "RunContainerError"
            return later(.startRefused(container: index, reason: reason, message: error.text))
        }
        kubelet.note(
            pod, isWarning: false, "Created", "Created container: \(plan.name)")
        later(.started(container: index))
    }

    /// How a command would run in the container.
    func childPlan(
        _ index: Int, _ command: [String], _ arguments: [String]
    ) throws(PlanError) -> ChildProcess.Plan {
        let plan = life.containers[index].plan
        let images = kubelet.settings.images
        let searchPath = try images.searchPath(plan.image)
        let paths = paths(index)
        var environment = kubelet.baseEnvironment(of: pod, address: address, searchPath, folder)
        if let account = volumes.accountFolder {
            environment.set("KUBECONFIG", try kubelet.writeKubeconfig(pod, folder, account))
        }
        // For paths that programs learn from elsewhere than their command line.
        let table = plan.mounts.compactMap { mount in
            volumes.realPath(of: mount).map { "\(mount.path)=\($0)" }
        }
        environment.set("KEELSON_MOUNTS", table.joined(separator: "\n"))
        try environment.add(plan, of: pod, address: address, kubelet.api, paths)
        let known = environment
        var words = (command.isEmpty ? images.standardCommand(plan.image) : command) + arguments
        let place = WildcardAddress(address: address)
        words = words.map { word in
            place.rewrite(paths.rewrite(Variables.expand(word) { known.value($0) }))
        }
        let path = environment.value("PATH") ?? searchPath
        guard let program = images.find(words[0], in: path) else {
            throw PlanError(
                "exec: \"\(words[0])\": executable file not found in $PATH (\(path))")
        }
        var child = ChildProcess.Plan(program, Array(words.dropFirst()))
        child.environment = environment.lines
        child.directory = plan.workingDirectory.map { paths.rewrite($0) } ?? folder
        if Directory.kind(of: child.directory ?? "") != .folder { child.directory = folder }
        child.diesWithThread = true
        return child
    }

    /// Looks for processes that have ended.
    func poll() {
        for (index, process) in processes.sorted(by: { $0.key < $1.key }) {
            guard let ending = (try? process.poll()) ?? nil else { continue }
            processes[index] = nil
            // Whatever it has left behind goes with it.
            try? Signals.send(.kill, to: -process.id)
            switch ending {
            case .exited(let code):
                let message = message(index, failed: code != 0)
                report(.ended(container: index, exitCode: code, signal: 0, message: message))
            case .signalled(let number):
                let message = message(index, failed: true)
                report(.ended(container: index, exitCode: 0, signal: number, message: message))
            }
        }
        for probe in probes { probe.poll() }
        for hook in hooks { hook.poll() }
    }

    private func message(_ index: Int, failed: Bool) -> String {
        let limit = 4096
        let written = try? File(messagePath(index), .read).readAll(limit: 1 << 20)
        if let written, !written.isEmpty {
            return String(decoding: written.prefix(limit), as: UTF8.self)
        }
        let container = life.containers[index]
        guard failed, container.plan.fallsBackToLog else { return "" }
        let log = try? File(logPath(index, run: container.restartCount), .read).readAll()
        return String(decoding: (log ?? []).suffix(2048), as: UTF8.self)
    }

    /// Ends all processes as a power cut would, without a word to the life: it will find out.
    func kill() {
        for (_, process) in processes.sorted(by: { $0.key < $1.key }) {
            process.sendToGroup(.continue)
            process.sendToGroup(.kill)
        }
    }

    func send(_ signal: Signal) {
        for (_, process) in processes.sorted(by: { $0.key < $1.key }) {
            process.sendToGroup(signal)
        }
    }

    var processCount: Int { processes.count }

    /// The object is gone or must go: nothing of the pod stays.
    func discard() {
        kill()
        for (_, process) in processes { _ = try? process.wait() }
        processes = [:]
        probes.forEach { $0.cancel() }
        hooks.forEach { $0.cancel() }
        if !address.isEmpty { kubelet.give(back: address) }
        address = ""
        try? Directory.removeTree(folder)
    }

    // MARK: Probes and hooks

    private func probe(_ index: Int, _ kind: ProbeKind) {
        guard let plan = life.containers[index].plan(of: kind) else { return }
        let run = life.containers[index].restartCount
        var made: ProbeRun?
        let probe = ProbeRun(kubelet, timeout: plan.timeout) { [unowned self] isGood, text in
            self.probes.removeAll { $0 === made }
            guard self.life.containers[index].restartCount == run else { return }
            self.report(.probed(container: index, kind, isGood: isGood, text: text))
        }
        made = probe
        probes.append(probe)
        begin(probe, plan.handler, index)
    }

    private func runPreStop(_ index: Int) {
        guard let handler = life.containers[index].plan.preStop else { return }
        var made: ProbeRun?
        // Bounded by the grace of the pod: what SIGKILL ends has no hook any more.
        let time = Duration.seconds(Self.longestGrace)
        let hook = ProbeRun(kubelet, timeout: time) { [unowned self] isGood, text in
            self.hooks.removeAll { $0 === made }
            if !isGood {
                self.kubelet.note(
                    self.pod, isWarning: true, "FailedPreStopHook", "PreStopHook failed: \(text)")
            }
            self.report(.preStopEnded(container: index))
        }
        made = hook
        hooks.append(hook)
        begin(hook, handler, index)
    }

    private func begin(_ run: ProbeRun, _ handler: HandlerPlan, _ index: Int) {
        switch handler {
        case .http(let plan): run.http(plan, address: address)
        case .tcp(let port, let host): run.tcp(host ?? address, port)
        case .sleep(let time): run.sleep(time)
        case .exec(let command):
            do throws(PlanError) {
                run.exec(try childPlan(index, command, []))
            } catch {
                run.fail(error.text)
            }
        }
    }

    // MARK: Status

    private func publish() {
        if isGone { return }
        kubelet.publish(
            life.status(
                of: pod, PodLife.Place(address: address, nodeAddress: "127.0.0.1")))
    }
}
