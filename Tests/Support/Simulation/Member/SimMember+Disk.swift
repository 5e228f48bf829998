// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import NodeCore
internal import Raft
internal import Recovery
internal import Replicated
internal import SimulatedDisk
internal import Storage

/// What the core asks of the log.
enum DiskWork {
    case append(AppendBatch)
    case checkpointed(SnapshotMetadata)
}

// The thread of the log: what came while it was busy is written with one write and synced with one
// sync. The write happens at its beginning, the sync at its end; a crash may come in between.
extension SimMember {
    func pumpDisk() {
        guard !isDiskBusy, !diskQueue.isEmpty else { return }
        isDiskBusy = true
        let work = diskQueue
        diskQueue = []
        write(work, attempt: 0)
    }

    private func write(_ work: [DiskWork], attempt: Int) {
        var batches: [AppendBatch] = []
        for case .append(let batch) in work { batches.append(batch) }
        let problem = onLog { log throws(StorageError) in
            try log.append(batches.map { self.logBatch($0) })
        }
        if let problem {
            guard problem.isNoSpace else { return logFailed(problem) }
            waitForSpace { $0.write(work, attempt: attempt + 1) }
            return
        }
        let mustSync = batches.contains { $0.mustSync }
        if world.plant == .earlyAppended { confirm(batches) }
        let time = mustSync ? drawSyncTime() : .microseconds(20)
        later(time) { $0.finish(work, batches, mustSync) }
    }

    private func finish(_ work: [DiskWork], _ batches: [AppendBatch], _ mustSync: Bool) {
        if mustSync, world.plant != .lyingSync {
            if let problem = onLog({ log throws(StorageError) in try log.sync() }) {
                // The room for it was reserved; what does not fit now is an error like any other.
                return logFailed(problem)
            }
        }
        if world.plant != .earlyAppended { confirm(batches) }
        for case .checkpointed(let snapshot) in work {
            guard note(snapshot) else { return }
        }
        isDiskBusy = false
        pumpDisk()
    }

    private func confirm(_ batches: [AppendBatch]) {
        guard let last = batches.last else { return }
        if isDiskFull {
            isDiskFull = false
            input(.diskFilled(false))
        }
        for batch in batches where batch.mustSync || batch.hardState != nil {
            if let state = batch.hardState, batch.mustSync { confirmed.hardState = state }
            if let snapshot = batch.snapshot {
                confirmed.last = snapshot.index
                confirmed.lastTerm = snapshot.term
            }
            if let entry = batch.entries.last {
                confirmed.last = entry.index
                confirmed.lastTerm = entry.term
            }
        }
        world.trace.add(.disk, at: world.now.nanoseconds, place, last.number.number, 0)
        input(.appended(through: last.number))
    }

    private func logBatch(_ batch: AppendBatch) -> LogBatch {
        var state = batch.hardState
        if world.plant == .forgottenVote { state?.vote = .none }
        return LogBatch(
            hardState: state, entries: batch.entries,
            mark: batch.snapshot.map {
                CheckpointMark(index: $0.index, term: $0.term, configuration: $0.configuration)
            })
    }

    /// A checkpoint is published: the log notes it and lets go of what lies before.
    private func note(_ snapshot: SnapshotMetadata) -> Bool {
        let mark = CheckpointMark(
            index: snapshot.index, term: snapshot.term, configuration: snapshot.configuration)
        let problem = onLog { log throws(StorageError) in
            try log.append([LogBatch(mark: mark)])
            try log.sync()
            try log.release(through: snapshot.index)
        }
        guard let problem else { return true }
        guard problem.isNoSpace else {
            logFailed(problem)
            return false
        }
        waitForSpace { $0.finish([.checkpointed(snapshot)], [], false) }
        return false
    }

    private func waitForSpace(_ retry: @escaping (SimMember) -> Void) {
        if !isDiskFull {
            isDiskFull = true
            world.count("disk full")
            world.say("\(name): no space")
            input(.diskFilled(true))
        }
        later(.milliseconds(250)) { retry($0) }
    }

    private func drawSyncTime() -> Duration {
        let jitter = Int(world.profile.disk.syncJitter.nanoseconds)
        return syncTime + .nanoseconds(random.below(max(1, jitter)))
    }

    private func onLog(_ body: (inout Log) throws(StorageError) -> Void) -> StorageError? {
        guard log != nil else { return nil }
        do throws(StorageError) {
            if var owned = log.take() {
                defer { log = owned }
                try body(&owned)
            }
            return nil
        } catch {
            return error
        }
    }

    func logFailed(_ error: StorageError) {
        if case .damaged = error { world.fail(.recovery, "\(name): \(error)") }
        diskFailed("\(error)")
    }

    private func diskFailed(_ reason: String) {
        world.count("disk failure")
        // The machine may go on: then the cache holds what a failed sync did not write.
        let goesOn = !disk.hasCrashed && random.chance(percent: 50)
        die(goesOn ? nil : drawCrashMode(), reason: reason)
    }

    func finishStopping() {
        guard isStopping else { return }
        guard !isDiskBusy, diskQueue.isEmpty else {
            later(.milliseconds(2)) { $0.finishStopping() }
            return
        }
        _ = onLog { log throws(StorageError) in try log.close() }
        world.count("clean stop")
        die(nil, reason: "stopped")
    }

    // MARK: The keeper's thread

    /// Runs `body` when the keeper has time.
    private func keep(_ body: @escaping (SimMember) -> Void) {
        let base = Int(world.profile.disk.syncTime.nanoseconds)
        let time = Int64(random.below(20 * base + 1_000_000))
        keeperIsBusyUntil = max(keeperIsBusyUntil, world.now.nanoseconds) + time
        later(.nanoseconds(keeperIsBusyUntil - world.now.nanoseconds), body)
    }

    func saveCheckpoint(_ view: LedgerView, _ snapshot: SnapshotMetadata) {
        keep { member in
            do throws(RecoveryError) {
                _ = try member.store.saveCheckpoint(view)
                member.world.count("checkpoint")
                member.diskQueue.append(.checkpointed(snapshot))
                member.pumpDisk()
                member.input(.checkpointWritten(index: snapshot.index))
            } catch {
                if member.disk.hasCrashed { return member.diskFailed("\(error)") }
                member.world.count("checkpoint failed")
                member.input(.checkpointFailed)
            }
        }
    }

    func loadSnapshot(_ snapshot: SnapshotMetadata) {
        keep { member in
            do throws(RecoveryError) {
                let ledger = try member.store.loadReceived(at: snapshot.index)
                member.input(.snapshotLoaded(snapshot, ledger))
            } catch {
                member.storeFailed(error, "loads the snapshot at \(snapshot.index)")
            }
        }
    }

    /// Errors of the disk end the process; anything else must not happen.
    func storeFailed(_ problem: RecoveryError, _ what: String) {
        if problem.isOfDisk { return diskFailed("\(problem)") }
        world.fail(.recovery, "\(name) \(what): \(problem)")
    }

    // MARK: Snapshots between members

    func sendSnapshot(_ message: Message, _ view: LedgerView) {
        let bytes = exported(view)
        let target = world.member(message.to)
        let time = world.network.delay() + .milliseconds(random.below(40))
        world.after(time) { [unowned self] in
            guard let target, target.isUsable, self.isRunning,
                self.world.network.isOpen(self.place, target.place), !self.random.chance(percent: 5)
            else { return self.snapshotSent(to: message.to, succeeded: false) }
            let isSaved = target.takeSnapshot(message, bytes, from: self)
            self.snapshotSent(to: message.to, succeeded: isSaved)
        }
    }

    private func snapshotSent(to peer: MemberID, succeeded: Bool) {
        later(world.network.delay()) { $0.input(.snapshotSent(to: peer, succeeded: succeeded)) }
    }

    private func takeSnapshot(_ message: Message, _ bytes: [UInt8], from sender: SimMember) -> Bool
    {
        guard let index = message.snapshot?.index else { return false }
        if world.plant == .unsavedSnapshot, random.chance(percent: 50) {
            // The message is taken for good before the file is.
            receive(message, from: sender)
            return true
        }
        do throws(StorageError) {
            try save(bytes, receivedAt: index)
        } catch {
            if disk.hasCrashed { logFailed(error) }
            return false
        }
        receive(message, from: sender)
        return true
    }
}
