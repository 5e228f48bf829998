// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Raft
internal import Replicated
internal import SimulatedDisk
internal import Storage

/// A machine that runs one member: the core, and in place of the server's threads its own disk and
/// clock in simulated time.
final class SimMember {
    enum State { case down, running, gone }

    unowned let world: World
    let id: MemberID
    let name: String
    /// Number of the machine; never used again.
    let place: Int
    let isFounder: Bool
    let peerURL: String
    let disk: SimulatedDisk
    var random: Random

    private(set) var state = State.down
    private(set) var isPaused = false
    /// Counts process lives; what an earlier life has asked for never comes back to a later one.
    private(set) var life = 0
    private var whilePaused: [() -> Void] = []

    var node: Node?
    var log: Log?
    var outputs: [Output] = []
    private var isTurnPending = false

    // The log's thread.
    var diskQueue: [DiskWork] = []
    var isDiskBusy = false
    var isDiskFull = false
    var syncTime: Duration
    /// What the log's thread has confirmed; recovery must give it back.
    var confirmed = Confirmed()

    // The keeper's thread.
    var keeperIsBusyUntil: Int64 = 0

    // Clients of this life.
    var calls: [CallNumber: (Answer) -> Void] = [:]
    var streams: [StreamNumber: WatchSession] = [:]
    var lastNumber: UInt64 = 0

    /// Where a bit was flipped, until the next start finds it.
    var rot: Rot?

    // What has been seen of it.
    var entries = SeenLog()
    var observed = LogIndex.zero
    var connected: Set<Int> = []
    var isStopping = false

    // The clock.
    private var clockOffset: Int64
    private var clockRate: Int64

    /// A member that takes the place of another may have its URL.
    init(
        world: World, id: MemberID, place: Int, isFounder: Bool, peerURL: String? = nil
    ) {
        self.world = world
        self.id = id
        self.place = place
        self.isFounder = isFounder
        name = "m\(place)"
        self.peerURL = peerURL ?? "http://m\(place):2380"
        disk = SimulatedDisk(seed: world.nextSeed())
        random = Random(seed: world.nextSeed())
        syncTime = world.profile.disk.syncTime
        clockOffset = Int64(random.below(1_000)) * 1_000_000_000
        let drift = world.profile.driftPerMille
        clockRate = 1_000 + (drift == 0 ? 0 : Int64(random.below(2 * drift + 1) - drift))
    }

    var isRunning: Bool { state == .running }
    var isUsable: Bool { state == .running && !isPaused && !isStopping }
    var appliedIndex: LogIndex { node?.ledger.appliedIndex ?? .zero }

    // MARK: Time

    /// What this member's monotonic clock shows.
    var clock: Instant {
        Instant(nanoseconds: clockOffset + world.now.nanoseconds / 1_000 * clockRate)
    }

    func shift(by nanoseconds: Int64) { keeperIsBusyUntil += nanoseconds }

    func jumpClock(by duration: Duration) { clockOffset += duration.nanoseconds }

    /// Runs in this life only, and not before a pause is over.
    func later(_ delay: Duration, _ body: @escaping (SimMember) -> Void) {
        let life = life
        world.after(delay) { [unowned self] in
            guard self.life == life, self.state == .running else { return }
            if self.isPaused {
                self.whilePaused.append { [unowned self] in
                    if self.life == life, self.state == .running { body(self) }
                }
            } else {
                body(self)
            }
        }
    }

    private func tick() {
        later(.nanoseconds(100_000_000 * 1_000 / clockRate)) { member in
            member.input(.ticked)
            member.tick()
        }
    }

    // MARK: Life

    func began(_ node: Node, _ log: Log) {
        self.node = node
        self.log = log
        state = .running
        outputs = []
        isTurnPending = false
        diskQueue = []
        isDiskBusy = false
        isDiskFull = false
        isStopping = false
        keeperIsBusyUntil = 0
        calls = [:]
        connected = []
        lastNumber = UInt64(life) << 32
        observed = node.ledger.appliedIndex
        tick()
        world.say("\(name) started at \(observed), \(node.raft.describe())")
    }

    func beginLife() { life += 1 }

    /// The process ends here; what the disk keeps is decided by `mode`, nil for a machine that goes
    /// on.
    func die(_ mode: SimulatedDisk.CrashMode?, reason: String) {
        guard state != .gone else { return }
        world.say("\(name) dies: \(reason)")
        world.trace.add(.crash, at: world.now.nanoseconds, place, 0, 0)
        life += 1
        state = .down
        isPaused = false
        whilePaused = []
        node = nil
        log = nil
        diskQueue = []
        if let mode { disk.crash(mode) } else { disk.restart() }
        let cut = streams.sorted { $0.key < $1.key }
        streams = [:]
        calls = [:]
        for (_, session) in cut { session.cut() }
    }

    func letGo() {
        streams = [:]
        calls = [:]
        whilePaused = []
    }

    func drawCrashMode() -> SimulatedDisk.CrashMode {
        let draw = random.below(100)
        let disk = world.profile.disk
        if draw < disk.tearsPercent { return .tears }
        return draw < disk.tearsPercent + disk.losesPercent ? .losesAll : .keepsAll
    }

    func leaveForEver(reason: String = "removed") {
        die(.losesAll, reason: reason)
        state = .gone
    }

    func pause() {
        guard state == .running else { return }
        world.say("\(name) pauses")
        isPaused = true
    }

    func resume() {
        guard isPaused else { return }
        world.say("\(name) goes on")
        isPaused = false
        let held = whilePaused
        whilePaused = []
        for body in held { body() }
    }

    // MARK: Inputs

    func input(_ input: Input) {
        guard let node else { return }
        node.receive(input, now: clock, outputs: &outputs)
        scheduleTurn()
    }

    private func scheduleTurn() {
        guard !isTurnPending else { return }
        isTurnPending = true
        later(.microseconds(random.below(200))) { $0.endTurn() }
    }

    private func endTurn() {
        guard let node else { return }
        isTurnPending = false
        let hasMore = node.endTurn(now: clock, outputs: &outputs)
        var rounds = 0
        while !outputs.isEmpty, self.node === node, world.failure == nil {
            let batch = outputs
            outputs = []
            observe(batch)
            for output in batch where self.node === node { carryOut(output) }
            rounds += 1
            if rounds > 1_000 { return world.fail(.liveness, "\(name) talks to itself for ever") }
        }
        guard self.node === node else { return }
        pumpDisk()
        if hasMore { scheduleTurn() }
    }
}

/// What the log's thread said was safe.
struct Confirmed {
    var hardState = HardState()
    var last = LogIndex.zero
    var lastTerm = Term.zero
}
