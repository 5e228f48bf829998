// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI

extension Member {
    /// Has run at least once since it was added: it has published its name.
    package var isStarted: Bool { !name.isEmpty }
}

/// Who is in the cluster, and who was: a removed id never comes back.
package struct Membership: Equatable, Sendable {
    private let maxLearners: Int
    private var byID = SortedMap<MemberID, Member>()
    /// Ascending.
    package private(set) var removed: [MemberID] = []

    package init(maxLearners: Int) {
        self.maxLearners = maxLearners
    }

    /// Ids ascending.
    package var list: [Member] { byID.values }
    package var memberIDs: [MemberID] { byID.keys }
    package var voterIDs: [MemberID] { voters.map { MemberID($0.id) } }
    package func member(_ id: MemberID) -> Member? { byID[id] }
    package func contains(_ id: MemberID) -> Bool { byID[id] != nil }
    package func isLearner(_ id: MemberID) -> Bool { byID[id]?.isLearner ?? false }
    package func isStarted(_ id: MemberID) -> Bool { byID[id]?.isStarted ?? false }

    private var voters: [Member] { byID.values.filter { !$0.isLearner } }

    /// Whether this id once belonged to a member and never will again.
    package func isRemoved(_ id: MemberID) -> Bool {
        var low = 0
        var high = removed.count
        while low < high {
            let middle = (low + high) / 2
            if removed[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < removed.count && removed[low] == id
    }

    // MARK: Changes

    /// Why the change is refused, from membership alone. Also worth asking before proposing.
    package func refusal(of command: MembershipCommand) -> EtcdError? {
        if isRemoved(command.id) { return .memberNotFound }
        switch command {
        case .add(let id, let peerURLs, let isLearner, _):
            if byID[id] != nil { return .memberExist }
            if usesPeerURL(of: peerURLs, otherThan: nil) { return .peerURLExist }
            if isLearner, byID.count - voters.count >= maxLearners { return .tooManyLearners }
        case .promote(let id):
            guard let member = byID[id] else { return .memberNotFound }
            if !member.isLearner { return .memberNotLearner }
        case .update(let id, let peerURLs):
            if byID[id] == nil { return .memberNotFound }
            if usesPeerURL(of: peerURLs, otherThan: id) { return .peerURLExist }
        case .remove(let id):
            if byID[id] == nil { return .memberNotFound }
        }
        return nil
    }

    /// Only after `refusal` found nothing.
    mutating func change(by command: MembershipCommand) {
        switch command {
        case .add(let id, let peerURLs, let isLearner, let name):
            byID[id] = Member(
                id: id.number, name: name, peerURLs: peerURLs, isLearner: isLearner)
        case .promote(let id): byID[id]?.isLearner = false
        case .update(let id, let peerURLs): byID[id]?.peerURLs = peerURLs
        case .remove(let id):
            byID[id] = nil
            insertRemoved(id)
        }
    }

    private func usesPeerURL(of urls: [String], otherThan id: MemberID?) -> Bool {
        byID.values.contains { member in
            MemberID(member.id) != id && member.peerURLs.contains(where: urls.contains)
        }
    }

    /// What a member says of itself. False for one that is not in the cluster (any more).
    mutating func publish(_ id: MemberID, name: String, clientURLs: [String]) -> Bool {
        guard var member = byID[id] else { return false }
        member.name = name
        member.clientURLs = clientURLs
        byID[id] = member
        return true
    }

    /// A row of a file; false for one that contradicts an earlier row.
    mutating func restore(_ member: Member) -> Bool {
        let id = MemberID(member.id)
        guard byID[id] == nil else { return false }
        byID[id] = member
        return true
    }

    mutating func insertRemoved(_ id: MemberID) {
        guard !isRemoved(id) else { return }
        let place = removed.firstIndex { id < $0 } ?? removed.count
        removed.insert(id, at: place)
    }

    // MARK: Strict reconfiguration, as far as membership tells

    // A member counts as started once it has published its name. Whether the started ones are
    // also connected is for the caller to add.

    /// Whether the started voters would be a quorum after one more voter came.
    ///
    /// One started member of a one-member cluster may add a second: there is no other way to grow,
    /// or to recover from a lost quorum.
    package var isReadyToAddVoter: Bool {
        let started = voters.count(where: \.isStarted)
        if started == 1, voters.count == 1 { return true }
        return started >= quorum(of: voters.count + 1)
    }

    /// Whether the started voters that stay would be a quorum of those that stay.
    package func isReadyToRemoveVoter(_ id: MemberID) -> Bool {
        let staying = voters.filter { MemberID($0.id) != id }
        if staying.isEmpty { return false }
        return staying.count(where: \.isStarted) >= quorum(of: staying.count)
    }

    /// The promoted learner counts as started: it has followed the log.
    package var isReadyToPromote: Bool {
        voters.count(where: \.isStarted) + 1 >= quorum(of: voters.count + 1)
    }

    private func quorum(of count: Int) -> Int { count / 2 + 1 }
}
