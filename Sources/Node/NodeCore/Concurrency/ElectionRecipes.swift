// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

/// `v3electionpb.Election/Proclaim`: a new value, as long as the leader's key is the one it was.
package struct ProclaimRecipe: Recipe {
    private let request: ProclaimRequest
    private var isGranting = false

    package init(_ request: ProclaimRequest) {
        self.request = request
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        guard let leader = request.leader else {
            steps.append(.fail(EtcdError.Plain(text: EtcdError.electionMissingLeaderKey.text)))
            return
        }
        if leader.lease == 0 {
            // As odd as in etcd: the value goes to a lease that nobody knows.
            isGranting = true
            steps.append(RecipeParts.grant())
        } else {
            proclaim(leader, leader.lease, &steps)
        }
    }

    private func proclaim(_ leader: LeaderKey, _ lease: Int64, _ steps: inout [RecipeStep]) {
        steps.append(
            RecipeParts.ifCreated(
                leader.key, at: leader.rev,
                then: [.put(PutRequest(key: leader.key, value: request.value, lease: lease))]))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        if isGranting, let leader = request.leader {
            isGranting = false
            proclaim(leader, try LeaseGrantResponse(decoding: message).id, &steps)
            return
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
    private let request: ResignRequest
    private var isGranting = false

    package init(_ request: ResignRequest) {
        self.request = request
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        guard let leader = request.leader else {
            steps.append(.fail(EtcdError.Plain(text: EtcdError.electionMissingLeaderKey.text)))
            return
        }
        if leader.lease == 0 {
            isGranting = true
            steps.append(RecipeParts.grant())
        } else {
            resign(leader, &steps)
        }
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
        if isGranting, let leader = request.leader {
            isGranting = false
            resign(leader, &steps)
            return
        }
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
