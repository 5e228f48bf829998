// SPDX-License-Identifier: Apache-2.0
import Bytes
import Net
import Raft
import SimulatedDisk
import Storage
import TestKit
import Testing

@testable import NodeServer

/// Who appends to the log, and what is on the disk when they say so.
@Suite struct DiskThreadTests {
    private let disk = SimulatedDisk(seed: 3)
    private let settings = LogSettings(segmentByteCount: 1 << 20)

    private func log() throws -> Log {
        try Log.create(
            on: disk, directory: "wal",
            metadata: LogMetadata(memberID: MemberID(1), clusterID: ClusterID(2)),
            settings: settings)
    }

    private func batch(_ number: UInt64) -> AppendBatch {
        let entry = Entry(term: Term(1), index: LogIndex(number), data: [UInt8(number)])
        return AppendBatch(
            number: AppendNumber(number),
            hardState: HardState(term: Term(1), vote: MemberID(1), commit: .zero), snapshot: nil,
            entries: [entry], mustSync: true)
    }

    /// A thread that has written the first entry.
    private func started(
        quickSync: Duration = .seconds(600)
    ) throws -> (DiskThread, Mailbox<CoreLetter>) {
        let mailbox = try Mailbox<CoreLetter>()
        let thread = DiskThread(core: mailbox, quickSync: quickSync)
        try thread.start(log())
        #expect(thread.appendHere(batch(1)) == nil, "nobody knows yet how quick this disk is")
        thread.submit([.append(batch(1))])
        try eventually("the first entry is reported") {
            mailbox.takeAll().contains { if case .appended(1, _) = $0 { true } else { false } }
        }
        return (thread, mailbox)
    }

    private func indexesAfterPowerCut() throws -> [UInt64] {
        disk.crash(.losesAll)
        disk.restart()
        let found = try Log.open(on: disk, directory: "wal", settings: settings).recovered
        return found.entries.map(\.index.number)
    }

    @Test func `what the core appends itself survives a power cut`() throws {
        let (thread, _) = try started()
        try eventually("the log is free") { thread.appendHere(batch(2)) != nil }
        #expect(try indexesAfterPowerCut() == [1, 2])
    }

    @Test func `both append in turns and nothing is lost or swapped`() throws {
        let (thread, mailbox) = try started()
        var number: UInt64 = 1
        for _ in 0..<40 {
            number += 1
            if thread.appendHere(batch(number)) == nil { thread.submit([.append(batch(number))]) }
            number += 1
            thread.submit([.append(batch(number))])
        }
        try eventually("the last entry is reported") {
            mailbox.takeAll().contains {
                if case .appended(let through, _) = $0 { through == number } else { false }
            }
        }
        thread.stop()
        #expect(try indexesAfterPowerCut() == Array(1...number))
    }

    @Test func `a slow disk is left to its thread`() throws {
        let (thread, _) = try started(quickSync: .zero)
        #expect(thread.appendHere(batch(2)) == nil)
        thread.stop()
        #expect(try indexesAfterPowerCut() == [1])
    }

    @Test func `a sync that failed in the core's hands ends everything`() throws {
        let (thread, mailbox) = try started()
        try eventually("the log is free") { thread.appendHere(batch(2)) != nil }
        disk.failNext(.sync, 5)
        #expect(thread.appendHere(batch(3)) == nil)
        thread.submit([.append(batch(3))])
        try eventually("the failure is reported") {
            mailbox.takeAll().contains { if case .diskFailed = $0 { true } else { false } }
        }
    }

    @Test func `a stopped thread's log is nobody's`() throws {
        let (thread, _) = try started()
        thread.stop()
        #expect(thread.appendHere(batch(2)) == nil)
        #expect(try indexesAfterPowerCut() == [1])
    }
}
