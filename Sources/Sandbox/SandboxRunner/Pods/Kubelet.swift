// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Net
internal import Posix
internal import Program
internal import SandboxAPI

/// Runs the pods of all nodes: there is one machine, whatever the nodes are called.
final class Kubelet {
    struct Settings {
        /// Everything of the sandbox is in it.
        var folder: String
        var images: ImageTable
        /// Of the API server, as PEM.
        var authority: [UInt8]
        var serverHost: String
        var serverPort: UInt16
        /// Second number of the addresses of pods.
        var network: UInt8
        var life: PodLife.Settings
    }

    let settings: Settings
    let reactor: Reactor
    let dialer: Dialer
    let probeCertificates: CertificateReload
    private unowned let sandbox: Sandbox
    private var pods: [String: ProcessPod] = [:]
    private var addresses: Addresses
    /// Nodes that do not answer: their processes are gone, and nobody says so.
    private(set) var lostNodes: Set<String> = []
    private var names: HostNames

    init(
        _ settings: Settings, reactor: Reactor, sandbox: Sandbox
    ) throws(NetError) {
        self.settings = settings
        self.reactor = reactor
        self.sandbox = sandbox
        dialer = try Dialer(on: reactor)
        addresses = Addresses(network: settings.network)
        names = HostNames(folder: settings.folder, server: settings.serverHost)
        var policy = TLSPolicy()
        // As the kubelet, a probe asks whether somebody answers, not who.
        policy.verifiesServer = false
        probeCertificates = try CertificateReload(policy, .client) { _ in }
        reactor.every(.milliseconds(20)) { [unowned self] in self.poll() }
    }

    var api: SandboxAPI { sandbox.api }

    var moment: Moment {
        let api = sandbox.api
        return Moment(
            instant: MonotonicClock.now, unixSeconds: api.unixNanoseconds / 1_000_000_000)
    }

    /// In the order of their keys.
    private var sortedPods: [ProcessPod] { pods.values.sorted { $0.key < $1.key } }

    func pod(_ key: ObjectKey) -> ProcessPod? { pods.values.first { $0.key == key } }

    // MARK: Objects

    /// Makes the processes follow the objects.
    func sync() {
        var seen: Set<String> = []
        for pod in api.list(.pod, namespace: nil) {
            seen.insert(pod.uid)
            follow(pod)
        }
        for running in sortedPods where !seen.contains(running.uid) {
            running.discard()
            pods[running.uid] = nil
        }
        let api = api
        names.write(api)
    }

    private func follow(_ pod: KubeObject) {
        guard let node = pod.string("spec", "nodeName"), !node.isEmpty else {
            if pod.isBeingDeleted { remove(pod) }
            return
        }
        if lostNodes.contains(node) { return }
        if let running = pods[pod.uid] {
            running.observe(pod)
            finishIfGone(running)
            return
        }
        if pod.isBeingDeleted { return remove(pod) }
        if ["Succeeded", "Failed"].contains(pod.string("status", "phase") ?? "") { return }
        start(pod)
    }

    private func start(_ pod: KubeObject) {
        do throws(PlanError) {
            let plan = try PodPlan(spec: pod["spec"] ?? .null)
            let made = ProcessPod(pod, kubelet: self, plan: plan, settings: settings.life)
            pods[pod.uid] = made
            made.begin()
        } catch {
            var refused = pod
            refused["status", "phase"] = "Failed"
            refused["status", "reason"] = "NotSupported"
            refused["status", "message"] = .string(error.text)
            publish(refused)
            note(pod, isWarning: true, "NotSupported", error.text)
        }
    }

    /// Kubectl looks twice whether a pod is gone; a successor of the same name between its looks
    /// would make it wait for ever. Real pods are never that quick.
    private static let leastDeletionTime: Duration = .seconds(1)

    private func finishIfGone(_ running: ProcessPod) {
        guard running.isGone else { return }
        let since = running.deletionSeenAt ?? reactor.now
        if MonotonicClock.now - since >= Kubelet.leastDeletionTime { finish(running) }
    }

    private func finish(_ running: ProcessPod) {
        running.discard()
        pods[running.uid] = nil
        remove(running.pod)
    }

    /// Its processes are gone: the object may go too.
    private func remove(_ pod: KubeObject) {
        do throws(StatusError) {
            try sandbox.api.delete(
                pod.key(as: .pod), DeleteOptions(gracePeriodSeconds: 0, uid: pod.uid))
            sandbox.touch()
        } catch {
            // It is gone already.
        }
    }

    /// The newest object gets the status: what others have written to it stays.
    func publish(_ pod: KubeObject) {
        guard let stored = sandbox.api.get(pod.key(as: .pod)), stored.uid == pod.uid else { return }
        if let node = stored.string("spec", "nodeName"), lostNodes.contains(node) { return }
        var object = stored
        object["status"] = pod["status"]
        if object.isSame(as: stored) { return }
        do throws(StatusError) {
            try sandbox.api.updateStatus(object)
            sandbox.touch()
        } catch {
            sandbox.logger.warn(
                "the status of a pod was refused",
                ["pod": .string(pod.name), "error": .string(error.message)])
        }
    }

    func note(_ pod: KubeObject, isWarning: Bool, _ reason: String, _ message: String) {
        EventNotes.add(
            &sandbox.api, about: pod, isWarning: isWarning, reason, message, by: "kubelet")
    }

    // MARK: Time

    private func poll() {
        let now = MonotonicClock.now
        for pod in sortedPods {
            pod.poll()
            if let deadline = pod.life.nextDeadline, deadline <= now { pod.report(.ticked) }
            finishIfGone(pod)
        }
    }

    /// Files of ConfigMaps and Secrets follow their objects.
    func refreshVolumes() {
        for pod in sortedPods { pod.refreshVolumes() }
    }

    func stopAll() {
        for pod in sortedPods { pod.send(.terminate) }
        let deadline = MonotonicClock.now + .seconds(3)
        while sortedPods.contains(where: { $0.processCount > 0 }), MonotonicClock.now < deadline {
            for pod in sortedPods { pod.poll() }
            _ = try? reactor.runTurn(timeout: .milliseconds(20))
        }
        for pod in sortedPods { pod.discard() }
        pods = [:]
    }

    // MARK: What pods get

    func takeAddress() -> String? { addresses.take() }
    func give(back address: String) { addresses.give(back: address) }

    func token(of pod: KubeObject) -> [UInt8] {
        let account = pod.string("spec", "serviceAccountName") ?? "default"
        return Array(sandbox.tokens.token(account, namespace: pod.namespace, api).utf8)
    }

    /// For clients in the pod: the service account is not where they would look for it.
    func writeKubeconfig(
        _ pod: KubeObject, _ folder: String, _ account: String
    ) throws(PlanError) -> String {
        let path = "\(folder)/kubeconfig"
        if Directory.exists(path) { return path }
        let text = """
            apiVersion: v1
            kind: Config
            current-context: pod
            clusters:
            - name: sandbox
              cluster:
                server: https://\(settings.serverHost):\(settings.serverPort)
                certificate-authority: \(account)/ca.crt
            contexts:
            - name: pod
              context: {cluster: sandbox, user: account, namespace: \(pod.namespace)}
            users:
            - name: account
              user: {tokenFile: \(account)/token}

            """
        do throws(PosixError) {
            let file = try File(path, .replace, permissions: 0o600)
            try file.write(at: 0, Array(text.utf8))
            file.close()
        } catch {
            throw PlanError("\(error)")
        }
        return path
    }

    /// What every container finds in its environment.
    func baseEnvironment(
        of pod: KubeObject, address: String, _ searchPath: String, _ folder: String
    ) -> PodEnvironment {
        var environment = PodEnvironment()
        environment.set("PATH", searchPath)
        environment.set("HOME", folder)
        environment.set("TMPDIR", folder)
        environment.set("HOSTNAME", pod.string("spec", "hostname") ?? pod.name)
        environment.set("KEELSON_HOSTS", names.path(namespace: pod.namespace))
        environment.set("KUBERNETES_SERVICE_HOST", settings.serverHost)
        environment.set("KUBERNETES_SERVICE_PORT", "\(settings.serverPort)")
        environment.set("KUBERNETES_SERVICE_PORT_HTTPS", "\(settings.serverPort)")
        environment.set("POD_IP", address)
        environment.set("SWIFT_BACKTRACE", "enable=no")
        for name in ["LD_LIBRARY_PATH", "LANG"] {
            if let value = sandbox.environment.first(where: { $0.0 == name })?.1 {
                environment.set(name, value)
            }
        }
        return environment
    }

    // MARK: Faults

    /// The processes are gone at once; the kubelet notices as it would notice a crash.
    func kill(_ key: ObjectKey) -> Bool {
        guard let pod = pod(key) else { return false }
        pod.kill()
        return true
    }

    func send(_ signal: Signal, to key: ObjectKey) -> Bool {
        guard let pod = pod(key) else { return false }
        pod.send(signal)
        return true
    }

    /// A node that is lost takes its processes with it, and its objects stay as they were.
    func lose(node: String) {
        lostNodes.insert(node)
        for pod in sortedPods where pod.pod.string("spec", "nodeName") == node {
            pod.discard()
            pods[pod.uid] = nil
        }
    }

    func bringBack(node: String) {
        lostNodes.remove(node)
    }
}
