// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore
internal import Replicated

/// A call of the lock and election services: carries out the steps of its recipe.
final class RecipeCall: ServerCall {
    let context: CallContext
    private var recipe: (any Recipe)?
    private var number: CallNumber?
    private var stream: StreamNumber?
    private var isBlocked = false

    /// Queued for the client beyond this, an observer reads history later.
    private static let backlogLimit = 1 << 20

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard recipe == nil, !context.isOver else { return }
        do throws(WireError) {
            recipe = try RecipeCall.recipe(context.rpc, message)
        } catch {
            context.fail(.undecodable("\(error)"))
        }
        run { recipe, steps throws(WireError) in recipe.begin(&steps) }
    }

    private static func recipe(_ rpc: RPC, _ message: [UInt8]) throws(WireError) -> any Recipe {
        switch rpc {
        case .lock: LockRecipe(try LockRequest(decoding: message))
        case .unlock: UnlockRecipe(try UnlockRequest(decoding: message))
        case .electionCampaign: CampaignRecipe(try CampaignRequest(decoding: message))
        case .electionProclaim: ProclaimRecipe(try ProclaimRequest(decoding: message))
        case .electionResign: ResignRecipe(try ResignRequest(decoding: message))
        case .electionObserve: ObserveRecipe(try LeaderRequest(decoding: message))
        default: LeaderRecipe(try LeaderRequest(decoding: message))
        }
    }

    // MARK: Steps

    private func run(
        _ body: (inout any Recipe, inout [RecipeStep]) throws(WireError) -> Void
    ) {
        guard var recipe, !context.isOver else { return }
        var steps: [RecipeStep] = []
        do throws(WireError) {
            try body(&recipe, &steps)
        } catch {
            invariantBroken("an answer of the core: \(error)", file: #fileID, line: #line)
        }
        self.recipe = recipe
        for step in steps where !context.isOver { carryOut(step) }
    }

    private func carryOut(_ step: RecipeStep) {
        let member = context.member
        switch step {
        case .ask(let request):
            number = context.call(request.request) { [weak self] in self?.answered($0) }
        case .tell(let request): _ = context.call(request.request) { _ in }
        case .watch(let create):
            let stream = member.openWatch(requiresLeader: false, sink: self)
            self.stream = stream
            member.receive(.watchRequested(stream, .create(create), context.identity))
        case .endWatch: endWatch()
        case .send(let message):
            context.send(message)
            blockIfFull()
        case .reply(let message):
            recipe = nil
            context.reply(message)
        case .fail(let error):
            recipe = nil
            endWatch()
            context.finish(code: error.code, message: error.text)
        }
    }

    private func answered(_ answer: Answer) {
        number = nil
        switch answer {
        case .list(var list):
            answered(.message(list.whole()))
        case .message(let message):
            run { recipe, steps throws(WireError) in try recipe.answered(message, &steps) }
        case .failure(let error):
            run { recipe, steps throws(WireError) in recipe.failed(error, &steps) }
        case .compute, .members, .done:
            invariantBroken("a recipe got \(answer)", file: #fileID, line: #line)
        }
    }

    private func endWatch() {
        guard let stream else { return }
        self.stream = nil
        isBlocked = false
        context.member.closeWatch(stream)
    }

    private func blockIfFull() {
        guard let stream, !isBlocked, context.queuedBytes > RecipeCall.backlogLimit else { return }
        isBlocked = true
        context.member.receive(.watchBlocked(stream))
    }

    // MARK: The client

    func drained() {
        guard isBlocked, let stream else { return }
        isBlocked = false
        context.member.receive(.watchDrained(stream))
    }

    func cancelled() {
        endWatch()
        if let number { context.member.abandon(number) }
        number = nil
        // The caller does not know of its key, and would wait for it later.
        if let undo = recipe?.undo { _ = context.call(undo.request) { _ in } }
        recipe = nil
    }

    func draining() {
        context.fail(.stopped)
    }
}

extension RecipeCall: WatchSink {
    func deliver(_ message: [UInt8]) {
        run { recipe, steps throws(WireError) in
            recipe.watched(try WatchResponse(decoding: message), &steps)
        }
    }

    func end(_ error: EtcdError) {
        stream = nil
        run { recipe, steps throws(WireError) in recipe.failed(error, &steps) }
    }
}
