// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import NodeCore
internal import Program

/// The core's news in the words of a log.
enum NoteText {
    static func log(_ note: Note, to logger: Logger, memberID: MemberID) {
        let own = JSONValue.string("\(memberID)")
        switch note {
        case .becameLeader(let term):
            logger.info("became leader", ["member-id": own, "term": .unsigned(term.number)])
        case .becameFollower(let term, let leader):
            logger.info(
                leader == nil ? "lost leader" : "follows leader",
                [
                    "member-id": own, "term": .unsigned(term.number),
                    "leader-id": .string(leader.map { "\($0)" } ?? "0"),
                ])
        case .memberAdded(let id, let urls, let isLearner):
            logger.info(
                "added member",
                [
                    "member-id": .string("\(id)"),
                    "peer-urls": .array(urls.map { .string($0) }),
                    "is-learner": .bool(isLearner),
                ])
        case .memberRemoved(let id):
            logger.info("removed member", ["member-id": .string("\(id)")])
        case .memberPromoted(let id):
            logger.info("promoted learner to voter", ["member-id": .string("\(id)")])
        case .memberUpdated(let id, let urls):
            logger.info(
                "updated member",
                [
                    "member-id": .string("\(id)"),
                    "peer-urls": .array(urls.map { .string($0) }),
                ])
        case .membershipRefused(let reason):
            logger.warn("refused a membership change", ["error": .string(reason)])
        case .clusterVersionSet(let version):
            logger.info("set cluster version", ["cluster-version": .string(version)])
        case .published(let name):
            logger.info(
                "published local member to cluster through raft",
                ["local-member-id": own, "name": .string(name)])
        default: logRest(note, to: logger)
        }
    }

    private static func logRest(_ note: Note, to logger: Logger) {
        switch note {
        case .compacted(let revision):
            logger.info("compacted", ["revision": .integer(revision)])
        case .compactionFinished(let revision):
            logger.info("finished scheduled compaction", ["revision": .integer(revision)])
        case .alarmRaised(let text): logger.warn("alarm raised", ["alarm": .string(text)])
        case .alarmCleared(let text): logger.info("alarm disarmed", ["alarm": .string(text)])
        case .snapshotNeeded(let peer, let index):
            logger.info(
                "sending a snapshot to a peer that is far behind",
                ["to": .string("\(peer)"), "index": .unsigned(index.number)])
        case .snapshotRestored(let index):
            logger.info("restored the store from a snapshot", ["index": .unsigned(index.number)])
        case .leasesExpired(let count):
            logger.debug("revoking expired leases", ["count": .integer(Int64(count))])
        case .transferStarted(let target):
            logger.info("leadership transfer starts", ["to": .string("\(target)")])
        case .storesAgree(let revision, let members):
            logger.info(
                "compared hashes: all members hold the same data",
                ["revision": .integer(revision), "members": .integer(Int64(members))])
        case .storesDiffer(let revision, let members):
            logger.error(
                "data corruption: members hold other data than the others",
                [
                    "revision": .integer(revision),
                    "corrupt-members": .array(members.map { .string("\($0)") }),
                ])
        case .storesNotCompared(let revision, let compared, let members):
            logger.warn(
                "could not compare the hashes of all members; will try again",
                [
                    "revision": .integer(revision), "compared": .integer(Int64(compared)),
                    "members": .integer(Int64(members)),
                ])
        case .transferFailed: logger.warn("leadership transfer did not finish in time")
        default: return
        }
    }
}
