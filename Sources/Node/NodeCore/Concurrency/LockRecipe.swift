// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

/// `v3lockpb.Lock/Lock`: answered when the caller's key is the oldest under the name.
package struct LockRecipe: Recipe {
    private enum State {
        case granting, acquiring
        case waiting(DeletionWait)
        /// The wait was long: is the key still there, or did its lease end?
        case checking
    }

    private let name: [UInt8]
    private var lease: Int64
    private var state = State.granting

    package init(_ request: LockRequest) {
        name = request.name
        lease = request.lease
    }

    private var key: [UInt8] { RecipeParts.key(name, lease) }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        if lease == 0 { steps.append(RecipeParts.grant()) } else { acquire(&steps) }
    }

    private mutating func acquire(_ steps: inout [RecipeStep]) {
        state = .acquiring
        let owner = RequestOp.range(RecipeParts.firstCreated(name))
        steps.append(
            RecipeParts.ifCreated(
                key, at: 0, then: [.put(PutRequest(key: key, lease: lease)), owner],
                otherwise: [.range(RangeRequest(key: key)), owner]))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        switch state {
        case .granting:
            lease = try LeaseGrantResponse(decoding: message).id
            acquire(&steps)
        case .acquiring: acquired(try TxnResponse(decoding: message), &steps)
        case .waiting(let wait):
            if wait.answered(try RangeResponse(decoding: message), &steps) {
                state = .checking
                steps.append(.ask(.range(RangeRequest(key: key))))
            }
        case .checking:
            let response = try RangeResponse(decoding: message)
            if response.kvs.isEmpty {
                steps.append(.fail(EtcdError.Plain(text: "mutex: session is expired")))
            } else {
                succeed(response.header, &steps)
            }
        }
    }

    private mutating func acquired(_ response: TxnResponse, _ steps: inout [RecipeStep]) {
        let header = response.header
        let revision =
            response.succeeded
            ? header?.revision : RecipeParts.firstKey(response, at: 0)?.createRevision
        let owner = RecipeParts.firstKey(response, at: 1)?.createRevision
        guard let revision, let owner, owner != revision else {
            succeed(header, &steps)
            return
        }
        let wait = DeletionWait(name, before: revision)
        state = .waiting(wait)
        wait.begin(&steps)
    }

    private func succeed(_ header: ResponseHeader?, _ steps: inout [RecipeStep]) {
        var response = LockResponse()
        response.header = header
        response.key = key
        steps.append(.reply(response.encoded()))
    }

    package mutating func failed(_ error: EtcdError, _ steps: inout [RecipeStep]) {
        if let undo { steps.append(.tell(undo)) }
        steps.append(.fail(EtcdError.Plain(text: error.text)))
    }

    package mutating func watched(_ response: WatchResponse, _ steps: inout [RecipeStep]) {
        if case .waiting(let wait) = state { wait.watched(response, &steps) }
    }

    package var undo: RecipeRequest? {
        switch state {
        case .granting: nil
        case .acquiring, .waiting, .checking: .delete(DeleteRangeRequest(key: key))
        }
    }
}

/// `v3lockpb.Lock/Unlock`: the key goes, whoever asks.
package struct UnlockRecipe: Recipe {
    private let key: [UInt8]

    package init(_ request: UnlockRequest) {
        key = request.key
    }

    package mutating func begin(_ steps: inout [RecipeStep]) {
        steps.append(.ask(.delete(DeleteRangeRequest(key: key))))
    }

    package mutating func answered(
        _ message: [UInt8], _ steps: inout [RecipeStep]
    ) throws(WireError) {
        var response = UnlockResponse()
        response.header = try DeleteRangeResponse(decoding: message).header
        steps.append(.reply(response.encoded()))
    }
}
