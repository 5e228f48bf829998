// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix

/// For hooks before a member is stopped: if it leads, somebody else should. Best effort, and over in
/// a few seconds.
enum HandOverCommand {
    static let row = Command(
        "hand-over", usage: "hand-over",
        "Moves leadership away from the member at the endpoint, if it leads",
        description: [
            "The most advanced voter gets it. Exit code 0: somebody else leads, or there is nobody "
                + "else; 1: the member still leads, or does not answer.",
            "Of several endpoints each is looked at.",
        ],
        examples: ["hand-over --endpoints 127.0.0.1:2379", "hand-over --within 2s"],
        flags: [CtlFlag("within", .duration, "5s", "how long it may take at most")],
        isNewer: true, run: run)

    /// Who could lead, and how much of the log it has.
    struct Voter: Equatable {
        var id: UInt64
        /// Nil when it does not answer.
        var appliedIndex: UInt64?
        /// By its own account.
        var logIndex: UInt64 = 0
    }

    /// The one with the longest log first; those that do not answer are the last resort.
    static func ranked(_ voters: [Voter]) -> [Voter] {
        voters.sorted { one, other in
            if (one.appliedIndex == nil) != (other.appliedIndex == nil) {
                return one.appliedIndex != nil
            }
            if one.logIndex != other.logIndex { return one.logIndex > other.logIndex }
            let (left, right) = (one.appliedIndex ?? 0, other.appliedIndex ?? 0)
            return left != right ? left > right : one.id < other.id
        }
    }

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("hand-over takes no arguments")
        }
        let deadline = MonotonicClock.now + call.flags.duration("within")
        var failure: CtlError?
        for endpoint in call.globals.endpoints {
            do throws(CtlError) {
                try handOver(endpoint, call, deadline)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private static func handOver(
        _ endpoint: String, _ call: Invocation, _ deadline: Instant
    ) throws(CtlError) {
        let client = try limited([endpoint], call, deadline)
        let status = try calling { () throws(ClientError) in try client.status() }
        let own = status.header?.memberID ?? 0
        guard status.leader == own, own != 0 else {
            call.console.write("\(endpoint) does not lead\n")
            return
        }
        let members = try calling { () throws(ClientError) in
            try client.memberList(.with { $0.linearizable = false })
        }.members
        let others = members.filter { $0.id != own && !$0.isLearner }
        guard !others.isEmpty else {
            call.console.write("there is nobody to hand over to\n")
            return
        }
        let asked = others.map { voter($0, call, deadline) }
        var failure: CtlError?
        for voter in ranked(asked) where MonotonicClock.now < deadline {
            do throws(CtlError) {
                // A call each: the time that is left grows less.
                let client = try limited([endpoint], call, deadline)
                _ = try calling { () throws(ClientError) in
                    try client.moveLeader(.with { $0.targetID = voter.id })
                }
                call.console.write("\(String(voter.id, radix: 16)) leads now\n")
                return
            } catch {
                failure = error
            }
        }
        throw failure ?? .failed(.error, "no time is left to hand over")
    }

    /// Half a second each: one that is down must not take the time of all.
    private static func voter(_ member: Member, _ call: Invocation, _ deadline: Instant) -> Voter {
        let end = min(deadline, MonotonicClock.now + .milliseconds(500))
        guard !member.clientURLs.isEmpty,
            let client = try? limited(member.clientURLs, call, end),
            let status = try? client.status()
        else { return Voter(id: member.id) }
        return Voter(
            id: member.id, appliedIndex: status.raftAppliedIndex, logIndex: status.raftIndex)
    }

    private static func limited(
        _ endpoints: [String], _ call: Invocation, _ deadline: Instant
    ) throws(CtlError) -> Client {
        let left = max(.milliseconds(1), deadline - MonotonicClock.now)
        var settings = try call.settings(endpoints: endpoints)
        settings.callTimeout = min(left, call.globals.commandTimeout)
        settings.dialTimeout = min(left, call.globals.dialTimeout)
        return try call.client(settings)
    }
}
