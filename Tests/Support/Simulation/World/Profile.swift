// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What a seed's world is like. Each seed draws which faults there are and how strong, so that some
/// seeds see one fault alone and often, and others many at once (Groce et al., "Swarm Testing",
/// ISSTA 2012).
struct Profile {
    var seed: UInt64
    var memberCount = 3
    /// Simulated time with faults, then the time in which everything must come right again.
    var stormTime = Duration.seconds(12)
    var clientCount = 4
    var keyCount = 8
    var thinkTime = Duration.milliseconds(40)
    var watchSessions = 2
    var weights = OperationWeights()
    var network = NetworkProfile()
    var disk = DiskProfile()
    var snapshotCount: UInt64 = 10_000
    var catchUpEntries: UInt64 = 5_000
    var segmentByteCount: Int64 = 16 << 10
    /// Clocks run up to this many parts in a thousand fast or slow.
    var driftPerMille = 0
    var faults: [Fault] = []
    /// Mean time between two faults.
    var faultInterval = Duration.milliseconds(900)
    var leaseTTLs: [Int64] = [2, 3, 5]
    /// Messages and snapshots go through their codec, as on a wire.
    var encodesMessages = false
    var preVote = true
    var extras = Extras()

    enum Fault: CaseIterable {
        case crash, crashInsideDisk, crashAll, pause, isolate, halves, oneWay, ring, clog
        case slowDisk, fullDisk, failedCall, transfer, stop, replaceMember, blockWatch, loss

        // Part of the extras only.
        case rot, jump

        static var usual: [Fault] { allCases.filter { $0 != .rot && $0 != .jump } }
    }
}

/// What some seeds have beside the usual; drawn apart, so that it can be left out.
struct Extras {
    /// Bytes of store at which writes are refused; negative for no bound. With it, somebody makes
    /// room and clears the alarms while the faults go on.
    var quotaBytes: Int64 = -1
    /// What values are filled up to.
    var valueByteCount = 0
    /// Watch responses are cut at this size.
    var fragmentBytes: Int?
    /// Seconds of leases that outlive their leader's five-minute checkpoints.
    var longTTLs: [Int64] = []
    /// How the store is divided; small chunks let a small store be compacted as a large one is.
    var chunkSize: Int?
}

struct NetworkProfile {
    var base = Duration.microseconds(300)
    var jitter = Duration.milliseconds(1)
    var lossPerMille = 0
    var duplicatePerMille = 0
    var reorderPerMille = 0
}

struct DiskProfile {
    var syncTime = Duration.microseconds(800)
    var syncJitter = Duration.milliseconds(2)
    /// Of crashes: how often the unsynced is torn, or lost, or kept; the rest keeps it.
    var tearsPercent = 60
    var losesPercent = 30
}

struct OperationWeights {
    var put = 30
    var get = 20
    var serializableGet = 4
    var range = 8
    var delete = 8
    var swap = 10
    var bigTransaction = 6
    var lease = 6
    var compact = 2
    var oldRead = 3

    var all: [Int] {
        [put, get, serializableGet, range, delete, swap, bigTransaction, lease, compact, oldRead]
    }
}

extension Profile {
    init(seed: UInt64, isSmoke: Bool) {
        self.seed = seed
        var random = Random(seed: seed ^ 0x5eed_0001)
        memberCount = [1, 3, 3, 3, 3, 3, 5][random.below(7)]
        stormTime = .milliseconds(isSmoke ? 6_000 : 12_000 + random.below(18_000))
        clientCount = 2 + random.below(5)
        keyCount = [2, 5, 12, 30][random.below(4)]
        thinkTime = .milliseconds([5, 40, 40, 150][random.below(4)] * (isSmoke ? 2 : 1))
        watchSessions = random.below(4)
        weights.draw(&random)
        network.draw(&random)
        disk.syncTime = .microseconds([50, 800, 5_000, 20_000][random.below(4)])
        disk.syncJitter = disk.syncTime * 2
        disk.tearsPercent = [0, 60, 100][random.below(3)]
        disk.losesPercent = (100 - disk.tearsPercent) * 3 / 4
        if random.chance(percent: 60) {
            snapshotCount = UInt64([5, 20, 100][random.below(3)])
            catchUpEntries = UInt64([1, 5, 50][random.below(3)])
        }
        segmentByteCount = [4 << 10, 16 << 10, 64 << 10][random.below(3)]
        driftPerMille = [0, 0, 10, 30][random.below(4)]
        encodesMessages = random.chance(percent: 25)
        preVote = !random.chance(percent: 20)
        drawFaults(&random)
    }

    private mutating func drawFaults(_ random: inout Random) {
        let share = [15, 40, 80][random.below(3)]
        faults = Fault.usual.filter { _ in random.chance(percent: share) }
        if faults.isEmpty, random.chance(percent: 80) { faults = [.crash] }
        faultInterval = .milliseconds([250, 700, 1_500, 4_000][random.below(4)])
    }
}

extension Profile {
    private mutating func drawExtras() {
        var random = Random(seed: seed ^ 0x5eed_0003)
        extras.chunkSize = [nil, 1 << 10, 4 << 10][random.below(3)]
        if random.chance(percent: 30) {
            extras.quotaBytes = [24 << 10, 48 << 10][random.below(2)]
            extras.valueByteCount = [200, 500][random.below(2)]
            extras.chunkSize = [1 << 10, 4 << 10][random.below(2)]
            weights.put = max(weights.put, 40)
            weights.compact = max(weights.compact, 2)
        }
        if random.chance(percent: 30) {
            extras.longTTLs = [310, 400, 900]
            weights.lease = max(weights.lease, 12)
            leaseTTLs = [5]
            faults += [.jump, .jump]
        }
        if random.chance(percent: 30) {
            extras.fragmentBytes = [120, 1_500][random.below(2)]
            extras.valueByteCount = max(extras.valueByteCount, [0, 100][random.below(2)])
            watchSessions = max(watchSessions, 2)
            weights.bigTransaction = max(weights.bigTransaction, 10)
            weights.compact = max(weights.compact, 2)
        }
        if memberCount >= 3, random.chance(percent: 35) { faults += [.rot] }
        leaseTTLs += extras.longTTLs
    }
}

extension OperationWeights {
    fileprivate mutating func draw(_ random: inout Random) {
        func mute(_ weight: inout Int) {
            if random.chance(percent: 25) { weight = 0 }
        }
        mute(&get)
        mute(&serializableGet)
        mute(&range)
        mute(&delete)
        mute(&swap)
        mute(&bigTransaction)
        mute(&lease)
        mute(&compact)
        mute(&oldRead)
        if random.chance(percent: 15) { lease = 40 }
        if random.chance(percent: 15) { compact = 15 }
    }
}

extension NetworkProfile {
    fileprivate mutating func draw(_ random: inout Random) {
        base = .microseconds([50, 300, 3_000, 20_000][random.below(4)])
        jitter = base * (1 + random.below(6))
        if random.chance(percent: 40) { lossPerMille = [5, 50, 150][random.below(3)] }
        if random.chance(percent: 30) { duplicatePerMille = [5, 50][random.below(2)] }
        if random.chance(percent: 30) { reorderPerMille = [5, 50][random.below(2)] }
    }
}

extension Profile {
    /// A planted bug is looked for where its kind shows.
    func tuned(for plant: Plant?) -> Profile {
        var tuned = self
        guard let plant else {
            tuned.drawExtras()
            return tuned
        }
        switch plant {
        case .earlyAppended, .forgottenVote, .lyingSync:
            tuned.faults = [.crash, .crashAll]
            tuned.faultInterval = .milliseconds(700)
        case .unsavedSnapshot, .repeatedEvent:
            tuned.memberCount = 3
            tuned.snapshotCount = 5
            tuned.catchUpEntries = 1
            tuned.faults = [.crash, .isolate]
            tuned.watchSessions = 3
        case .staleIndex:
            tuned.snapshotCount = 5
            tuned.faults = [.crash]
        case .uncheckedSums:
            tuned.memberCount = 3
            tuned.snapshotCount = 5
            tuned.faults = [.rot]
        case .staleRead:
            tuned.memberCount = 3
            tuned.weights.get = 30
        case .lostEvent, .earlyProgress: tuned.watchSessions = 3
        case .repeatedProposal: tuned.memberCount = 3
        case .clockJump: tuned.weights.lease = 60
        }
        return tuned
    }
}
