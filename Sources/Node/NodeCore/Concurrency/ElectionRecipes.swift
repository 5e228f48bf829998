// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

/// The leader's key that a request names. Without a lease one is granted first, as odd as in etcd:
/// what is then put goes to a lease that nobody knows.
private struct NamedLeader {
    private let leader: LeaderKey?
    private var isGranting = false

    init(_ leader: LeaderKey?) {
        self.leader = leader
    }

    /// The key and its lease if the recipe can go on at once.
    mutating func begin(_ steps: inout [RecipeStep]) -> (LeaderKey, lease: Int64)? {
        guard let leader else {
            steps.append(.fail(EtcdError.Plain(text: EtcdError.electionMissingLeaderKey.text)))
            return nil
        }
        if leader.lease != 0 { return (leader, leader.lease) }
        isGranting = true
        steps.append(RecipeParts.grant())
        return nil
    }

    /// The same out of the answer to the grant; nil for any other answer.
    mutating func granted(_ message: [UInt8]) throws(WireError) -> (LeaderKey, lease: Int64)? {
        guard isGranting, let leader else { return nil }
        isGranting = false
        return (leader, try LeaseGrantResponse(decoding: message).id)
    }
}

/// `v3electionpb.Election/Proclaim`: a new value, as long as the leader's key is the one it was.
package struct ProclaimRecipe: Recipe {
    private let value: [UInt8]
    private var named: NamedLeader

    package init(_ request: ProclaimRequest) {
        value = request.value
        named = NamedLeader(request.leader)
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        if let (leader, lease) = named.begin(&steps) { proclaim(leader, lease, &steps) }
    }

    private func proclaim(_ leader: LeaderKey, _ lease: Int64, _ steps: inout [RecipeStep]) {
        steps.append(
            RecipeParts.ifCreated(
                leader.key, at: leader.rev,
                then: [.put(PutRequest(key: leader.key, value: value, lease: lease))]))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        if let (leader, lease) = try named.granted(message) {
            return proclaim(leader, lease, &steps)
        }
        let answer = try TxnResponse(decoding: message)
        guard answer.succeeded else {
            steps.append(.fail(EtcdError.Plain(text: EtcdError.electionNotLeader.text)))
            return
        }
        var response = ProclaimResponse()
        response.header = answer.header
        steps.append(.reply(response.encoded()))
    }
}

/// `v3electionpb.Election/Resign`: the leader's key goes if it is the one it was.
package struct ResignRecipe: Recipe {
    private var named: NamedLeader

    package init(_ request: ResignRequest) {
        named = NamedLeader(request.leader)
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        if let (leader, _) = named.begin(&steps) { resign(leader, &steps) }
    }

    private func resign(_ leader: LeaderKey, _ steps: inout [RecipeStep]) {
        steps.append(
            RecipeParts.ifCreated(
                leader.key, at: leader.rev,
                then: [.deleteRange(DeleteRangeRequest(key: leader.key))]))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        if let (leader, _) = try named.granted(message) { return resign(leader, &steps) }
        var response = ResignResponse()
        response.header = try TxnResponse(decoding: message).header
        steps.append(.reply(response.encoded()))
    }
}

/// `v3electionpb.Election/Leader`.
package struct LeaderRecipe: Recipe {
    private let name: [UInt8]

    package init(_ request: LeaderRequest) {
        name = request.name
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        steps.append(.ask(.range(RecipeParts.firstCreated(name))))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        let answer = try RangeResponse(decoding: message)
        guard let leader = answer.kvs.first else {
            steps.append(.fail(EtcdError.Plain(text: EtcdError.electionNoLeader.text)))
            return
        }
        var response = LeaderResponse()
        response.header = answer.header
        response.kv = leader
        steps.append(.reply(response.encoded()))
    }
}
