// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix
internal import Raft
internal import Storage

/// What the core asks of the log.
enum DiskWork: Sendable {
    case append(AppendBatch)
    /// A checkpoint is published: the log may note it and let go of what lies before.
    case checkpointed(SnapshotMetadata)
    /// Somebody else has appended, and there is little prepared space left.
    case prepare
}

/// The thread that owns the log. All that was handed in while it was busy is written with one
/// write and made durable with one sync (group commit); then one letter reports it.
///
/// A full disk is waited out: nothing counts as appended meanwhile, the core is told, and the same
/// batches are tried again. Any other failure ends the process, for after a failed sync nobody can
/// say what the disk holds.
///
/// Handing a batch to another thread and hearing of its end costs two wake-ups of a sleeping
/// processor, about as much as a good disk takes to sync. So the core may do a lone append by
/// itself (`appendHere`): never while the thread is at work or has work, and not on a disk whose
/// last sync was slow, since reads and heartbeats wait meanwhile.
final class DiskThread: @unchecked Sendable {
    private let lock = Lock()
    private var queue: [DiskWork] = []
    /// Somebody has the log in hand: this thread, or the core for a lone append.
    private var isAtWork = false
    private var isStopping = false
    private var isStopped = false
    /// Nil before the first one.
    private var lastSync: Duration?
    private var box: LogBox?
    private let core: Mailbox<CoreLetter>

    /// A disk that last synced within this time is quick enough for the core to wait for it.
    private let quickSync: Duration

    /// How long to wait before a full disk is tried again.
    static let fullDiskPause = Duration.milliseconds(250)

    init(core: Mailbox<CoreLetter>, quickSync: Duration) {
        self.core = core
        self.quickSync = quickSync
    }

    func submit(_ work: [DiskWork]) {
        lock.withLock {
            let wasIdle = queue.isEmpty
            queue.append(contentsOf: work)
            if wasIdle { lock.signal() }
        }
    }

    /// Returns when everything handed in before is on disk and the log is closed.
    func stop() {
        lock.withLock {
            isStopping = true
            lock.signalAll()
            while !isStopped { lock.wait() }
        }
    }

    /// `log` is given away: nobody else touches it.
    func start(_ log: Log) throws(PosixError) {
        let box = LogBox(log)
        lock.withLock { self.box = box }
        _ = try Thread(name: "disk") { self.run(box) }
    }

    /// Makes a batch durable on the caller's thread; how long the sync took. Nil: it was not done,
    /// or failed, and is to be submitted (of a log that has failed the thread hears the reason
    /// again, for it takes nothing more). Everything submitted before is on disk by then.
    func appendHere(_ batch: AppendBatch) -> Duration? {
        guard let box = takeIdleLog() else { return nil }
        let began = MonotonicClock.now
        do throws(StorageError) {
            try box.log.append([LogBatch(batch)])
            try box.log.sync()
        } catch {
            giveBack(preparing: false)
            return nil
        }
        let took = MonotonicClock.now - began
        giveBack(synced: took, preparing: box.log.wantsPreparing)
        return took
    }

    private func takeIdleLog() -> LogBox? {
        lock.withLock {
            guard queue.isEmpty, !isAtWork, !isStopping, let lastSync,
                lastSync <= quickSync
            else { return nil }
            isAtWork = true
            return box
        }
    }

    private func giveBack(synced took: Duration? = nil, preparing: Bool) {
        lock.withLock {
            isAtWork = false
            if let took { lastSync = took }
            if preparing { queue.append(.prepare) }
            if !queue.isEmpty { lock.signal() }
        }
    }

    private func run(_ box: LogBox) {
        var failure: StorageError?
        while failure == nil, let work = next() {
            failure = carryOut(work, &box.log)
            giveBack(preparing: false)
        }
        if let failure {
            core.post(.diskFailed("\(failure)"))
        } else {
            do throws(StorageError) {
                try box.log.close()
            } catch {
                core.post(.diskFailed("\(error)"))
            }
        }
        lock.withLock {
            isStopped = true
            lock.signalAll()
        }
    }

    private func next() -> [DiskWork]? {
        lock.withLock {
            while queue.isEmpty || isAtWork {
                if isStopping, !isAtWork { return nil }
                lock.wait()
            }
            let work = queue
            queue = []
            isAtWork = true
            return work
        }
    }

    private func carryOut(_ work: [DiskWork], _ log: inout Log) -> StorageError? {
        var batches: [LogBatch] = []
        var lastNumber: UInt64?
        var mustSync = false
        var mustPrepare = false
        var checkpoint: SnapshotMetadata?
        for item in work {
            switch item {
            case .append(let batch):
                batches.append(LogBatch(batch))
                lastNumber = batch.number.number
                mustSync = mustSync || batch.mustSync
            case .checkpointed(let snapshot): checkpoint = snapshot
            case .prepare: mustPrepare = true
            }
        }
        if let lastNumber {
            let began = MonotonicClock.now
            if let failure = append(batches, &log, mustSync: mustSync) { return failure }
            let took = mustSync ? MonotonicClock.now - began : nil
            if let took { lock.withLock { lastSync = took } }
            core.post(.appended(through: lastNumber, synced: took))
            mustPrepare = true
        }
        if mustPrepare, let failure = prepare(&log) { return failure }
        return checkpoint.flatMap { note($0, &log) }
    }

    private func prepare(_ log: inout Log) -> StorageError? {
        do throws(StorageError) {
            try log.prepare()
            return nil
        } catch {
            return error
        }
    }

    private func append(
        _ batches: [LogBatch], _ log: inout Log, mustSync: Bool
    ) -> StorageError? {
        var wasFull = false
        while true {
            do throws(StorageError) {
                try log.append(batches)
                if mustSync { try log.sync() }
                if wasFull { core.post(.diskFilled(false)) }
                return nil
            } catch {
                guard error.isNoSpace else { return error }
                if !wasFull { core.post(.diskFilled(true)) }
                wasFull = true
                let isOver = lock.withLock {
                    if !isStopping {
                        _ = lock.wait(until: MonotonicClock.now + DiskThread.fullDiskPause)
                    }
                    return isStopping
                }
                if isOver { return error }
            }
        }
    }

    private func note(_ snapshot: SnapshotMetadata, _ log: inout Log) -> StorageError? {
        let mark = CheckpointMark(
            index: snapshot.index, term: snapshot.term, configuration: snapshot.configuration)
        if let failure = append([LogBatch(mark: mark)], &log, mustSync: true) { return failure }
        do throws(StorageError) {
            try log.release(through: snapshot.index)
            return nil
        } catch {
            return error.isNoSpace ? nil : error
        }
    }
}

/// A log on its way to its thread.
private final class LogBox: @unchecked Sendable {
    var log: Log

    init(_ log: Log) {
        self.log = log
    }
}

extension LogBatch {
    init(_ batch: AppendBatch) {
        self.init(
            hardState: batch.hardState, entries: batch.entries,
            mark: batch.snapshot.map {
                CheckpointMark(index: $0.index, term: $0.term, configuration: $0.configuration)
            })
    }
}
