// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

/// `v3electionpb.Election/Observe`: the leader, each value it proclaims, and the leaders after it,
/// without an end.
package struct ObserveRecipe: Recipe {
    private enum State {
        case asking
        /// Nobody leads: the first put under the name is the leader.
        case awaitingLeader
        case following
    }

    private let name: [UInt8]
    private var state = State.asking

    package init(_ request: LeaderRequest) {
        name = request.name
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        state = .asking
        steps.append(.ask(.range(RecipeParts.firstCreated(name))))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        let answer = try RangeResponse(decoding: message)
        let revision = answer.header?.revision ?? 0
        if let leader = answer.kvs.first {
            send(answer.header, leader, &steps)
            follow(leader.key, from: revision, &steps)
        } else {
            state = .awaitingLeader
            steps.append(
                .watch(
                    WatchCreateRequest(
                        key: RecipeParts.prefix(name), rangeEnd: RecipeParts.prefixEnd(name),
                        startRevision: revision)))
        }
    }

    private mutating func follow(
        _ key: [UInt8], from revision: Int64, _ steps: inout [RecipeStep]
    ) {
        state = .following
        let (next, isTooLarge) = revision.addingReportingOverflow(1)
        steps.append(
            .watch(WatchCreateRequest(key: key, startRevision: isTooLarge ? revision : next)))
    }

    package mutating func watched(_ response: WatchResponse, _ steps: inout [RecipeStep]) {
        if response.canceled {
            steps.append(.endWatch)
            if response.compactRevision > 0 {
                begin(&steps)
            } else {
                steps.append(.fail(EtcdError.Plain(text: "election: observe closed early")))
            }
            return
        }
        switch state {
        case .asking: break
        case .awaitingLeader: awaited(response, &steps)
        case .following: followed(response, &steps)
        }
    }

    private mutating func awaited(_ response: WatchResponse, _ steps: inout [RecipeStep]) {
        guard let leader = response.events.first(where: { $0.type == .put })?.kv else { return }
        // The batch may hold later puts: the answer stands for the leader's own revision.
        var header = response.header
        header?.revision = leader.modRevision
        steps.append(.endWatch)
        send(header, leader, &steps)
        follow(leader.key, from: leader.modRevision, &steps)
    }

    private mutating func followed(_ response: WatchResponse, _ steps: inout [RecipeStep]) {
        for event in response.events {
            if event.type == .delete {
                steps.append(.endWatch)
                begin(&steps)
                return
            }
            if let leader = event.kv { send(response.header, leader, &steps) }
        }
    }

    private func send(
        _ header: ResponseHeader?, _ leader: KeyValue, _ steps: inout [RecipeStep]
    ) {
        var response = LeaderResponse()
        response.header = header
        response.kv = leader
        steps.append(.send(response.encoded()))
    }

    package mutating func failed(_ error: EtcdError, _ steps: inout [RecipeStep]) {
        steps.append(.fail(EtcdError.Plain(text: "election: observe closed early")))
    }
}
