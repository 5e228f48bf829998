// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Net
internal import Posix
internal import Program
internal import SandboxAPI

/// The running sandbox, on one thread. Whoever changes the API says so by `touch`; at the end of
/// the turn controllers and kubelet work until there is nothing more to do, and watches are told.
final class Sandbox {
    static let administratorName = "kubernetes-admin"
    /// Rounds of controllers and kubelet in one turn.
    private static let roundsMax = 20

    var api: SandboxAPI
    let reactor: Reactor
    let logger: Logger
    let environment: [(String, String)]
    let tokens = AccountTokens()
    let kubeletSettings: Kubelet.Settings
    private var controllers: BuiltInControllers
    private(set) lazy var port = APIPort(self)
    private(set) lazy var kubelet = makeKubelet()
    private let startedAt = MonotonicClock.now
    private var isTouched = true
    private var isUnfinished = false
    private var exitCode: Int32 = 0

    init(
        api: Settings, controllers: BuiltInControllers.Settings, kubelet: Kubelet.Settings,
        reactor: Reactor, logger: Logger, environment: [(String, String)]
    ) {
        self.reactor = reactor
        self.logger = logger
        self.environment = environment
        self.api = SandboxAPI(settings: api, now: Instant(nanoseconds: 0))
        self.controllers = BuiltInControllers(settings: controllers)
        kubeletSettings = kubelet
    }

    private func makeKubelet() -> Kubelet {
        do throws(NetError) {
            return try Kubelet(kubeletSettings, reactor: reactor, sandbox: self)
        } catch {
            invariantBroken("the kubelet cannot be made: \(error)", file: #fileID, line: #line)
        }
    }

    /// The API's clock begins with the sandbox, so that nothing is older than it.
    var now: Instant { Instant(nanoseconds: (MonotonicClock.now - startedAt).nanoseconds) }

    /// Until a signal. Returns the exit code.
    func run(_ signals: Signals) throws(NetError) -> Int32 {
        ClusterBasics.install(&api)
        try reactor.attach(signals) { [unowned self] signal in self.stop("\(signal)") }
        reactor.atTurnEnd { [unowned self] in self.settle() }
        // What the clock alone brings about: schedules, deadlines, bookmarks.
        reactor.every(.milliseconds(500)) { [unowned self] in self.touch() }
        try reactor.run()
        return exitCode
    }

    private var isStopping = false

    private func stop(_ reason: String) {
        if isStopping {
            reactor.stop()
            return
        }
        isStopping = true
        logger.info("stopping", ["reason": .string(reason)])
        port.close()
        reactor.soon { [unowned self] in
            self.kubelet.stopAll()
            self.reactor.stop()
        }
    }

    // MARK: Rounds

    /// Something changed, or may have.
    func touch() {
        isTouched = true
    }

    private func settle() {
        if isUnfinished {
            isUnfinished = false
            isTouched = true
        }
        guard isTouched, !isStopping else { return deliverWatches() }
        for _ in 0..<Sandbox.roundsMax {
            isTouched = false
            api.tick(now)
            controllers.reconcile(&api)
            followData()
            kubelet.sync()
            if !isTouched { break }
        }
        if isTouched {
            // The rest comes in the next turn, after what waits for an answer.
            isUnfinished = true
            reactor.soon {}
        }
        deliverWatches()
    }

    /// Files of ConfigMaps and Secrets follow at once.
    private func followData() {
        let hasData = api.takeChanges().contains {
            $0.key.kind == .configMap || $0.key.kind == .secret
        }
        if hasData { kubelet.refreshVolumes() }
    }

    private func deliverWatches() {
        for output in api.takeWatchOutput() { port.deliver(output) }
    }
}
