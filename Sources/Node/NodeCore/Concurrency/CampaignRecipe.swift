// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

/// `v3electionpb.Election/Campaign`: answered when the caller leads. Campaigning again under the
/// same lease keeps the place in the line and replaces the value.
package struct CampaignRecipe: Recipe {
    private enum State {
        case granting, entering, proclaiming
        case waiting(DeletionWait)
    }

    private let request: CampaignRequest
    private var lease: Int64
    private var state = State.granting
    /// Of the caller's key; 0 while unknown.
    private var revision: Int64 = 0
    private var header: ResponseHeader?

    package init(_ request: CampaignRequest) {
        self.request = request
        lease = request.lease
    }

    private var key: [UInt8] { RecipeParts.key(request.name, lease) }

    private var put: RequestOp {
        .put(PutRequest(key: key, value: request.value, lease: lease))
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        if lease == 0 { steps.append(RecipeParts.grant()) } else { enter(&steps) }
    }

    private mutating func enter(_ steps: inout [RecipeStep]) {
        state = .entering
        steps.append(
            RecipeParts.ifCreated(
                key, at: 0, then: [put], otherwise: [.range(RangeRequest(key: key))]))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        switch state {
        case .granting:
            lease = try LeaseGrantResponse(decoding: message).id
            enter(&steps)
        case .entering: entered(try TxnResponse(decoding: message), &steps)
        case .proclaiming:
            if try TxnResponse(decoding: message).succeeded {
                wait(&steps)
            } else {
                steps.append(.fail(EtcdError.Plain(text: EtcdError.electionNotLeader.text)))
            }
        case .waiting(let wait):
            if wait.answered(try RangeResponse(decoding: message), &steps) { succeed(&steps) }
        }
    }

    private mutating func entered(_ response: TxnResponse, _ steps: inout [RecipeStep]) {
        header = response.header
        if response.succeeded {
            revision = response.header?.revision ?? 0
        } else if let own = RecipeParts.firstKey(response, at: 0) {
            revision = own.createRevision
            if own.value != request.value {
                state = .proclaiming
                steps.append(RecipeParts.ifCreated(key, at: revision, then: [put]))
                return
            }
        }
        wait(&steps)
    }

    private mutating func wait(_ steps: inout [RecipeStep]) {
        let wait = DeletionWait(request.name, before: revision)
        state = .waiting(wait)
        wait.begin(&steps)
    }

    private func succeed(_ steps: inout [RecipeStep]) {
        var response = CampaignResponse()
        response.header = header
        response.leader = LeaderKey(name: request.name, key: key, rev: revision, lease: lease)
        steps.append(.reply(response.encoded()))
    }

    package mutating func watched(_ response: WatchResponse, _ steps: inout [RecipeStep]) {
        if case .waiting(let wait) = state { wait.watched(response, &steps) }
    }

    package var undo: RecipeRequest? {
        guard revision > 0 else { return nil }
        return .txn(
            RecipeParts.transaction(
                key, at: revision, then: [.deleteRange(DeleteRangeRequest(key: key))]))
    }
}
