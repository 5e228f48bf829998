// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import SandboxRunner
internal import Testing

/// A life under a clock that the test moves.
private struct Stage {
    var life: PodLife
    var now = Moment(instant: Instant(nanoseconds: 0), unixSeconds: 1_000_000)
    var effects: [PodLife.Effect] = []

    init(_ spec: String) throws {
        let plan = try PodPlan(spec: try JSON.parse(spec))
        life = PodLife(plan: plan, settings: PodLife.Settings(), now: now)
        life.begin(now: now, effects: &effects)
    }

    /// What the event brings about, notes left out.
    mutating func tell(_ event: PodLife.Event) -> [PodLife.Effect] {
        effects = []
        life.receive(event, now: now, effects: &effects)
        return effects.filter {
            if case .note = $0 { false } else { true }
        }
    }

    mutating func pass(_ time: Duration) -> [PodLife.Effect] {
        now.instant = now.instant + time
        now.unixSeconds += time.components.seconds
        return tell(.ticked)
    }

    mutating func run() -> [PodLife.Effect] {
        _ = tell(.prepared)
        return tell(.started(container: 0))
    }
}

private let plain = #"{"containers": [{"name": "a", "image": "busybox"}]}"#

@Suite struct PodLifeTests {
    @Test func `a pod is pending until its container runs`() throws {
        var stage = try Stage(plain)
        #expect(stage.effects == [.prepare])
        #expect(stage.life.phase == .pending)
        #expect(stage.tell(.prepared) == [.start(container: 0)])
        #expect(stage.life.phase == .pending)
        #expect(stage.tell(.started(container: 0)).isEmpty)
        #expect(stage.life.phase == .running)
        #expect(stage.life.isReady)
    }

    @Test func `what cannot be prepared is tried again`() throws {
        var stage = try Stage(plain)
        #expect(stage.tell(.notPrepared(reason: "ContainerCreating", message: "no claim")).isEmpty)
        #expect(stage.life.nextDeadline == stage.now.instant + .seconds(1))
        #expect(stage.pass(.seconds(1)) == [.prepare])
    }

    @Test func `the first restart comes at once, the later ones wait longer each time`() throws {
        var stage = try Stage(plain)
        _ = stage.run()
        let end = PodLife.Event.ended(container: 0, exitCode: 1, signal: 0, message: "")
        #expect(stage.tell(end) == [.start(container: 0)])
        #expect(stage.life.containers[0].restartCount == 1)
        _ = stage.tell(.started(container: 0))
        #expect(stage.tell(end).isEmpty)
        guard case .waiting(let reason, _) = stage.life.containers[0].state else {
            Issue.record("\(stage.life.containers[0].state)")
            return
        }
        #expect(reason == "CrashLoopBackOff")
        #expect(stage.pass(.seconds(9)).isEmpty)
        #expect(stage.pass(.seconds(1)) == [.start(container: 0)])
        _ = stage.tell(.started(container: 0))
        _ = stage.tell(end)
        #expect(stage.pass(.seconds(19)).isEmpty)
        #expect(stage.pass(.seconds(1)) == [.start(container: 0)])
        #expect(stage.life.containers[0].restartCount == 3)
        #expect(stage.life.phase == .running)
    }

    @Test func `a long run makes up for earlier failures`() throws {
        var stage = try Stage(plain)
        _ = stage.run()
        let end = PodLife.Event.ended(container: 0, exitCode: 1, signal: 0, message: "")
        _ = stage.tell(end)
        _ = stage.tell(.started(container: 0))
        _ = stage.pass(.seconds(601))
        #expect(stage.tell(end) == [.start(container: 0)])
    }

    @Test(arguments: [
        ("Never", Int32(0), PodLife.Phase.succeeded), ("Never", 3, .failed),
        ("OnFailure", 0, .succeeded),
    ])
    func `a pod ends as its policy says`(
        policy: String, code: Int32, phase: PodLife.Phase
    ) throws {
        var stage = try Stage(
            #"{"restartPolicy": "\#(policy)", "containers": [{"name": "a", "image": "busybox"}]}"#)
        _ = stage.run()
        let effects = stage.tell(
            .ended(container: 0, exitCode: code, signal: 0, message: "done"))
        #expect(effects.isEmpty)
        #expect(stage.life.phase == phase)
        #expect(stage.life.containers[0].termination?.message == "done")
        #expect(!stage.life.isReady)
    }

    @Test func `a signal counts as 128 and its number`() throws {
        var stage = try Stage(
            #"{"restartPolicy": "Never", "containers": [{"name": "a", "image": "busybox"}]}"#)
        _ = stage.run()
        _ = stage.tell(.ended(container: 0, exitCode: 0, signal: 9, message: ""))
        #expect(stage.life.containers[0].termination?.exitCode == 137)
        #expect(stage.life.phase == .failed)
    }

    @Test func `deletion asks first and insists when the grace is over`() throws {
        var stage = try Stage(plain)
        _ = stage.run()
        #expect(stage.tell(.deletionWanted(grace: .seconds(5))) == [.terminate(container: 0)])
        #expect(!stage.life.isReady)
        #expect(stage.pass(.seconds(4)).isEmpty)
        #expect(stage.pass(.seconds(1)) == [.kill(container: 0)])
        let last = stage.tell(.ended(container: 0, exitCode: 0, signal: 9, message: ""))
        #expect(last == [.gone])
        #expect(stage.tell(.ticked).isEmpty)
    }

    @Test func `a shorter grace replaces a longer one`() throws {
        var stage = try Stage(plain)
        _ = stage.run()
        _ = stage.tell(.deletionWanted(grace: .seconds(60)))
        #expect(stage.tell(.deletionWanted(grace: .zero)) == [.kill(container: 0)])
    }

    @Test func `SIGTERM waits for the preStop hook`() throws {
        var stage = try Stage(
            """
            {"containers": [{"name": "a", "image": "busybox",
              "lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}]}
            """)
        _ = stage.run()
        #expect(stage.tell(.deletionWanted(grace: .seconds(5))) == [.runPreStop(container: 0)])
        #expect(stage.tell(.preStopEnded(container: 0)) == [.terminate(container: 0)])
    }

    @Test func `a pod that never started goes at once`() throws {
        var stage = try Stage(plain)
        #expect(stage.tell(.deletionWanted(grace: .seconds(30))) == [.gone])
    }

    @Test func `init containers run one after the other before all others`() throws {
        var stage = try Stage(
            """
            {"initContainers": [{"name": "i", "image": "busybox"}, {"name": "j", "image": "busybox"}],
             "containers": [{"name": "a", "image": "busybox"}]}
            """)
        #expect(stage.tell(.prepared) == [.start(container: 0)])
        _ = stage.tell(.started(container: 0))
        let end = { (index: Int) in
            PodLife.Event.ended(container: index, exitCode: 0, signal: 0, message: "")
        }
        #expect(stage.tell(end(0)) == [.start(container: 1)])
        _ = stage.tell(.started(container: 1))
        #expect(stage.life.initializedAt == nil)
        #expect(stage.tell(end(1)) == [.start(container: 2)])
        #expect(stage.life.initializedAt != nil)
        _ = stage.tell(.started(container: 2))
        #expect(stage.life.phase == .running)
    }

    @Test func `an init container that fails for good fails the pod`() throws {
        var stage = try Stage(
            """
            {"restartPolicy": "Never", "initContainers": [{"name": "i", "image": "busybox"}],
             "containers": [{"name": "a", "image": "busybox"}]}
            """)
        _ = stage.tell(.prepared)
        _ = stage.tell(.started(container: 0))
        #expect(stage.tell(.ended(container: 0, exitCode: 1, signal: 0, message: "")).isEmpty)
        #expect(stage.life.phase == .failed)
    }

    @Test func `the deadline of a pod ends it`() throws {
        var stage = try Stage(
            """
            {"activeDeadlineSeconds": 10, "terminationGracePeriodSeconds": 3,
             "containers": [{"name": "a", "image": "busybox"}]}
            """)
        _ = stage.run()
        #expect(stage.pass(.seconds(10)) == [.terminate(container: 0)])
        #expect(stage.life.phase == .failed)
        #expect(stage.life.reason == "DeadlineExceeded")
        #expect(stage.pass(.seconds(3)) == [.kill(container: 0)])
    }
}

@Suite struct PodProbeTests {
    private static func pod(_ probes: String) -> String {
        #"{"containers": [{"name": "a", "image": "busybox", \#(probes)}]}"#
    }

    @Test func `a pod is ready when its probe says so, and not when it stops saying so`() throws {
        var stage = try Stage(
            Self.pod(
                #""readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 2, "failureThreshold": 2}"#
            ))
        _ = stage.run()
        #expect(!stage.life.isReady)
        #expect(stage.pass(.zero) == [.probe(container: 0, .readiness)])
        _ = stage.tell(.probed(container: 0, .readiness, isGood: true, text: ""))
        #expect(stage.life.isReady)
        for isReady in [true, false] {
            #expect(stage.pass(.seconds(2)) == [.probe(container: 0, .readiness)])
            _ = stage.tell(.probed(container: 0, .readiness, isGood: false, text: "no"))
            #expect(stage.life.isReady == isReady)
        }
    }

    @Test func `liveness waits for the startup probe, and ends a container that fails it`() throws {
        var stage = try Stage(
            Self.pod(
                """
                "startupProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1},
                "livenessProbe": {"exec": {"command": ["x"]}, "periodSeconds": 1, "failureThreshold": 1}
                """))
        _ = stage.run()
        #expect(stage.pass(.seconds(5)) == [.probe(container: 0, .startup)])
        _ = stage.tell(.probed(container: 0, .startup, isGood: true, text: ""))
        #expect(stage.life.isReady)
        #expect(stage.pass(.zero) == [.probe(container: 0, .liveness)])
        let stop = stage.tell(.probed(container: 0, .liveness, isGood: false, text: "no"))
        #expect(stop == [.terminate(container: 0)])
        #expect(stage.pass(.seconds(30)) == [.kill(container: 0)])
        let end = stage.tell(.ended(container: 0, exitCode: 0, signal: 9, message: ""))
        #expect(end == [.start(container: 0)])
    }

    @Test func `a late answer to a probe of an earlier run is passed by`() throws {
        var stage = try Stage(
            Self.pod(#""readinessProbe": {"httpGet": {"port": 80}}"#))
        _ = stage.run()
        _ = stage.pass(.zero)
        _ = stage.tell(.ended(container: 0, exitCode: 1, signal: 0, message: ""))
        _ = stage.tell(.probed(container: 0, .readiness, isGood: true, text: ""))
        #expect(!stage.life.isReady)
    }

    @Test func `a probe by the name of a port finds it`() throws {
        let plan = try PodPlan(
            spec: try JSON.parse(
                """
                {"containers": [{"name": "a", "ports": [{"name": "web", "containerPort": 8080}],
                  "readinessProbe": {"httpGet": {"port": "web", "path": "/x"}}}]}
                """))
        guard case .http(let handler)? = plan.containers[0].readiness?.handler else {
            Issue.record("no probe")
            return
        }
        #expect(handler.port == 8080)
        #expect(handler.path == "/x")
    }

    @Test func `what cannot be done is refused`() {
        for text in [
            #"{"containers": [{"name": "a", "livenessProbe": {"grpc": {"port": 1}}}]}"#,
            #"{"containers": [{"name": "a", "readinessProbe": {"sleep": {"seconds": 1}}}]}"#,
            #"{"initContainers": [{"name": "i", "restartPolicy": "Always"}]}"#,
            #"{"containers": [{"name": "a", "lifecycle": {"postStart": {"exec": {}}}}]}"#,
        ] {
            #expect(throws: PlanError.self) { try PodPlan(spec: try JSON.parse(text)) }
        }
    }
}
