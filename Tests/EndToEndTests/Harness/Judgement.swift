// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import TestKit
internal import Testing

extension Cluster {
    /// The end of every disaster: the members hold the same, that is all that was acknowledged, and
    /// no client was told anything else. Returns how many changes there are.
    @discardableResult
    func judge(_ recorder: Recorder) throws -> Int {
        try waitUntilReady()
        for number in members.indices { try waitUntilLevel(number) }
        let truth = try Truth.of(members[0])
        for member in members.dropFirst() {
            let other = try Truth.of(member)
            #expect(other == truth, "\(member.name) holds \(other.changes.count) changes")
        }
        let complaints = HistoryCheck.complaints(of: recorder.operations, truth)
        #expect(complaints == [], "\(complaints.joined(separator: "\n"))")
        try expectEqualHashes(at: truth.changes.last?.revision ?? 1)
        return truth.changes.count
    }

    func expectEqualHashes(at revision: Int64) throws {
        var request = HashKVRequest()
        request.revision = revision
        let hashes = try members.map { member in
            let answer = try member.client().hashKV(request)
            return "\(answer.hash) \(answer.compactRevision)"
        }
        #expect(Set(hashes).count == 1, "hashes at \(revision): \(hashes)")
    }
}

extension Duration {
    var inMilliseconds: String { "\(milliseconds) ms" }
}

/// A result worth reading, in the log of the run.
func report(_ text: String) {
    print("=== \(text)")
}
