// SPDX-License-Identifier: Apache-2.0
import Bytes
import SimulatedDisk
import Storage

/// What a log must hold, kept the naive way.
struct LogModel: Equatable {
    var hardState: HardState?
    var marks: [CheckpointMark] = []
    var entries: [Entry] = []
    /// What the log begins after, once a mark has replaced its entries.
    var base: LogIndex = .zero

    var last: LogIndex { entries.last?.index ?? base }

    mutating func take(_ batch: LogBatch) {
        if let mark = batch.mark {
            let held = entries.first { entry in entry.index == mark.index }
            if mark.index > last || (held != nil && held?.term != mark.term) {
                entries = []
                base = mark.index
            }
            marks.append(mark)
        }
        if let first = batch.entries.first {
            entries.removeAll { entry in entry.index >= first.index }
            entries += batch.entries
        }
        if let state = batch.hardState { hardState = state }
    }

    /// True when `recovered` says the same, but for released entries that its newest mark covers.
    func agrees(with recovered: RecoveredLog) -> Bool {
        guard recovered.hardState == hardState, recovered.marks.last == marks.last else {
            return false
        }
        guard Array(entries.suffix(recovered.entries.count)) == recovered.entries else {
            return false
        }
        let missing = entries.dropLast(recovered.entries.count)
        let covered = marks.last?.index ?? .zero
        return missing.allSatisfy { entry in entry.index <= covered }
    }
}

enum LogStep {
    case append([LogBatch])
    case sync
    case prepare
    case release(LogIndex)
    case markEnd
    case reopen
}

/// One life of a log on a disk that may die: what was attempted, and what was promised.
struct LogLife {
    static let directory = "/member/wal"
    static let metadata = LogMetadata(memberID: MemberID(7), clusterID: ClusterID(9))
    static let settings: LogSettings = {
        var settings = LogSettings(segmentByteCount: 1024, salt: 42)
        settings.preparedByteCount = 1024
        return settings
    }()

    let disk: SimulatedDisk
    private(set) var log: Log?
    /// The model after each batch that was attempted; the first is the empty log.
    private(set) var models: [LogModel] = [LogModel()]
    /// How many of them have been promised to last.
    private(set) var promised = 0
    private(set) var isCreated = false

    init(disk: SimulatedDisk) {
        self.disk = disk
    }

    mutating func begin() throws {
        try disk.makeDirectory("/member")
        try disk.syncDirectory("/")
        log = try Log.create(
            on: disk, directory: Self.directory, metadata: Self.metadata, settings: Self.settings)
        isCreated = true
    }

    mutating func take(_ step: LogStep) throws {
        switch step {
        case .append(let batches):
            for batch in batches {
                var next = models[models.count - 1]
                next.take(batch)
                models.append(next)
            }
            try log?.append(batches)
        case .sync:
            try log?.sync()
            promised = models.count - 1
        case .prepare:
            try log?.prepare()
            if log?.isDurable == true { promised = models.count - 1 }
        case .release(let index): try log?.release(through: index)
        case .markEnd:
            try log?.markEnd()
            promised = models.count - 1
        case .reopen:
            try log?.close()
            promised = models.count - 1
            log = try Log.open(
                on: disk, directory: Self.directory, settings: Self.settings
            ).log
        }
    }

    /// Opens what a crash has left. Nil when all is as it must be; else what is wrong. Afterwards
    /// the life goes on from what was found.
    mutating func recover() -> String? {
        do {
            if try !Log.exists(on: disk, directory: Self.directory) {
                return isCreated ? "the log is gone" : nil
            }
            let (log, recovered) = try Log.open(
                on: disk, directory: Self.directory, settings: Self.settings)
            guard recovered.metadata == Self.metadata else { return "metadata" }
            let found = models.lastIndex { model in model.agrees(with: recovered) }
            guard let found else { return "nothing attempted looks like \(recovered)" }
            if found < promised { return "only \(found) of \(promised) promised batches" }
            models = [models[found]]
            promised = 0
            isCreated = true
            self.log = log
            return nil
        } catch {
            return "\(error)"
        }
    }
}

func entries(_ range: ClosedRange<UInt64>, term: UInt64, size: Int = 20) -> [Entry] {
    range.map { index in
        Entry(
            kind: index % 5 == 0 ? .change : .normal, term: Term(term), index: LogIndex(index),
            data: (0..<size).map { UInt8(truncatingIfNeeded: UInt64($0) &* 31 &+ index &+ term) })
    }
}

func mark(_ index: UInt64, term: UInt64) -> CheckpointMark {
    CheckpointMark(
        index: LogIndex(index), term: Term(term),
        configuration: Configuration(voters: [MemberID(1), MemberID(2)], learners: [MemberID(3)]))
}

func state(_ term: UInt64, commit: UInt64) -> HardState {
    HardState(term: Term(term), vote: MemberID(1), commit: LogIndex(commit))
}
