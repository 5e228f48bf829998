// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

// Members, their attributes, the cluster's version.
extension Ledger {
    func applyMembership(_ change: MembershipChange, _ applied: inout Applied) {
        applied.requestID = change.requestID
        // Answers about members carry no revision.
        applied.revision = 0
        guard let command = change.command else {
            refuse(.memberNotFound, &applied)
            return
        }
        if let error = members.refusal(of: command) {
            refuse(error, &applied)
            return
        }
        members.change(by: command)
        configure(command)
        let accepted = AcceptedChange(command, members)
        applied.membership = .accepted(accepted)
        applied.outcome = .reply(.members(members.list))
        switch accepted {
        case .added(let member):
            applied.outcome = .reply(.memberAdded(member, members: members.list))
        case .removed(let id): applied.removedSelf = id == settings.memberID
        case .promoted, .updated: break
        }
    }

    private func refuse(_ error: EtcdError, _ applied: inout Applied) {
        applied.membership = .refused(error)
        applied.outcome = .failure(error)
    }

    /// The same step that consensus takes on an accepted change.
    private func configure(_ command: MembershipCommand) {
        var voters = configuration.voters.filter { $0 != command.id }
        var learners = configuration.learners.filter { $0 != command.id }
        switch command {
        case .add(let id, _, true, _): learners.append(id)
        case .add(let id, _, false, _): voters.append(id)
        case .promote(let id): voters.append(id)
        case .remove: break
        case .update: return
        }
        configuration = Configuration(
            voters: voters, learners: learners, votersOutgoing: configuration.votersOutgoing,
            learnersNext: configuration.learnersNext,
            leavesByItself: configuration.leavesByItself)
    }

    // MARK: Attributes and versions

    func applyAttributes(
        _ request: ClusterMemberAttrSetRequest, _ applied: inout Applied
    ) -> Outcome {
        let attributes = request.memberAttributes
        return publish(
            MemberID(request.memberID), name: attributes?.name ?? "",
            clientURLs: attributes?.clientURLs ?? [], &applied)
    }

    /// A removed member's late word changes nothing. Upstream stops on one that never was a member.
    private func publish(
        _ id: MemberID, name: String, clientURLs: [String], _ applied: inout Applied
    ) -> Outcome {
        guard members.publish(id, name: name, clientURLs: clientURLs) else {
            return .failure(.memberNotFound)
        }
        applied.attributesSet = id
        return .reply(.empty)
    }

    func applyClusterVersion(_ version: String, _ applied: inout Applied) -> Outcome {
        guard let parsed = ClusterVersion(version) else {
            return .failure(.wrongDowngradeVersionFormat)
        }
        clusterVersion = parsed.text
        applied.clusterVersionSet = parsed.text
        return .reply(.empty)
    }

    func applyDowngrade(
        _ request: DowngradeInfoSetRequest, _ applied: inout Applied
    ) -> Outcome {
        let downgrade = Downgrade(
            isEnabled: request.enabled, targetVersion: request.enabled ? request.ver : "")
        self.downgrade = downgrade
        applied.downgradeSet = downgrade
        return .reply(.empty)
    }

    // MARK: The second API

    func applyStoreRequest(_ request: V2Request, _ applied: inout Applied) {
        applied.requestID = request.id
        applied.outcome = applyNestedStoreRequest(request, &applied)
    }

    /// Two writes matter, everything else of that API is gone.
    func applyNestedStoreRequest(_ request: V2Request, _ applied: inout Applied) -> Outcome {
        guard request.method == "PUT" else { return .nothing }
        if request.path == ClusterRequest.versionPath {
            return applyClusterVersion(request.val, &applied)
        }
        guard let id = ClusterRequest.memberID(inAttributesPath: request.path) else {
            return .nothing
        }
        guard let said = GoJSON.readAttributes(Array(request.val.utf8)) else {
            return .failure(Ledger.unreadable)
        }
        return publish(id, name: said.name, clientURLs: said.clientURLs, &applied)
    }
}

extension AcceptedChange {
    fileprivate init(_ command: MembershipCommand, _ members: Membership) {
        switch command {
        case .add(let id, _, _, _): self = .added(members.member(id) ?? Member(id: id.number))
        case .update(let id, _): self = .updated(members.member(id) ?? Member(id: id.number))
        case .promote(let id): self = .promoted(id)
        case .remove(let id): self = .removed(id)
        }
    }
}

/// `X.Y.Z`, numbers without signs or leading zeros.
struct ClusterVersion: Equatable, Comparable, Sendable {
    let major: Int
    let minor: Int
    let patch: Int

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var numbers: [Int] = []
        for part in parts {
            guard (1...6).contains(part.utf8.count), part == "0" || part.first != "0",
                part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(part)
            else { return nil }
            numbers.append(number)
        }
        (major, minor, patch) = (numbers[0], numbers[1], numbers[2])
    }

    var text: String { "\(major).\(minor).\(patch)" }

    static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }
}
