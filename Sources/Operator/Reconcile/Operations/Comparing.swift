// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
package import Kube

// Restore, before anybody joins: has the first member what the artefact says?
//
// The check of the artefact has counted its keys and told its revision; both are on record. A
// restore lifts the revision by a known number and changes no key, so at exactly that revision the
// member must count as many keys, whatever clients have written since. Hashes cannot be compared:
// they cover superseded versions, which a restore drops.
extension Pass {
    /// The revision a restored member begins with.
    static func restored(_ revision: Int64) -> Int64 {
        let (lifted, overflow) = revision.addingReportingOverflow(Ticket.restoreBump)
        return overflow ? revision : lifted
    }

    func compareSeed(_ record: RecordedOperation) -> Move {
        let id = latchedClusterID?.description ?? ""
        let name = "cluster \(id) has its first member, \(seedName)"
        guard let expected = record.expectedKeys, let revision = record.expectedRevision else {
            return restored("\(name); its keys were not compared: the check has left no numbers")
        }
        guard survey.isListKnown, let status = survey.member(0)?.status else {
            return .wait("\(seedName) does not answer")
        }
        guard status.revision >= revision else {
            return .refuse(
                "RestoreFailed",
                "\(seedName) is at revision \(status.revision), it should begin at \(revision)")
        }
        switch observation.etcd.restoredKeys {
        case nil: return .wait("the keys of \(seedName) are being counted")
        case .refused(let reason)?:
            return restored("\(name); its keys were not compared: \(reason)")
        case .count(let count)? where count != expected:
            return .refuse(
                "RestoreFailed",
                "\(seedName) has \(count) keys at revision \(revision), the backup has \(expected)")
        case .count(let count)?:
            return restored("\(name): \(count) keys at revision \(revision), as in the backup")
        }
    }

    private func restored(_ text: String) -> Move { .finish([.normal("RestoreCompleted", text)]) }
}

/// How many keys there are at the revision that a restore began with.
package enum KeyCount: Equatable, Sendable {
    case count(Int64)
    /// An answer, but no number: compacted meanwhile, or not permitted.
    case refused(String)

    /// Whom to ask, and at which revision; nil if nobody wants to know.
    package static func wanted(for cluster: KubeObject) -> (pod: String, revision: Int64)? {
        let record = RecordedOperation.read(cluster["status"]?["operation"])
        guard let record, record.step == .compareSeed, let revision = record.expectedRevision else {
            return nil
        }
        return (DesiredCluster(cluster).podName(0), revision)
    }
}
