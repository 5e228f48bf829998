// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Net
internal import NodeCore
internal import Replicated

/// A range. A short one is answered like any unary call. A long list waits for its turn, is read at
/// one moment, and is then encoded and sent in pieces, no faster than the client takes them: other
/// clients are served between two pieces, and no more than a few pieces are in memory. A large value
/// is a list of one.
final class RangeCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?
    private var ticket: ListGate.Ticket?
    private var list: RangeSlices?
    private var isBegun = false
    private lazy var place = AnswerTurns.Place(context.member.answerTurns)
    /// For a carrier that takes messages only as a whole.
    private var whole: [UInt8] = []

    private static let pieceBytes = 32 << 10
    /// Must be above HTTP/2's high water mark: only from there on a stream tells that it has room.
    private static let queueBytes = 512 << 10
    /// Records are measured before the first piece; so many take as long as some bytes do.
    private static let measuredRecords = 4_096
    private static let measuredBytes = 64 << 10

    init(_ context: CallContext) {
        self.context = context
    }

    // MARK: Asking

    func receive(_ message: [UInt8]) {
        guard number == nil, ticket == nil else { return }
        do throws(WireError) {
            let range = try RangeRequest(decoding: message)
            if context.member.node.isLongList(range) {
                ticket = context.member.lists.enter(
                    { [weak self] in self?.ask(range) }, cut: { [weak self] in self?.cut() })
            } else {
                ask(range)
            }
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func ask(_ range: RangeRequest) {
        // Held until it is answered or abandoned. A weak reference would cost each call a table.
        number = context.call(.range(range)) { answer in self.take(answer) }
    }

    private func take(_ answer: Answer) {
        guard case .list(let list) = answer else {
            leave()
            return Answering.answer(context, answer)
        }
        if context.isOverweight {
            leave()
            return context.fail(.tooManyRequests)
        }
        self.list = list
        goOn()
    }

    func inputEnded() {
        if number == nil, ticket == nil, !context.isOver {
            context.finish(code: 13, message: "grpc: the request message is missing")
        }
    }

    // MARK: Sending

    func drained() {
        if isBegun, !place.isWaiting { goOn() }
    }

    private func goOn() {
        let turns = context.member.answerTurns
        while list != nil, !context.isOver, context.queuedBytes < Self.queueBytes {
            guard turns.hasRoom else {
                return place.wait { [weak self] in self?.goOn() }
            }
            if !isBegun, list?.measure(Self.measuredRecords) == false {
                turns.took(Self.measuredBytes)
                continue
            }
            guard let piece = list?.next(Self.pieceBytes) else { return finish() }
            turns.took(piece.count)
            send(piece)
        }
    }

    private func send(_ piece: [UInt8]) {
        ticket?.hasMoved(at: context.member.reactor.now)
        guard context.takesPieces else { return whole += piece }
        if isBegun { return context.sendPiece(piece) }
        isBegun = true
        let byteCount = list?.byteCount ?? 0
        guard byteCount <= Int(UInt32.max) else {
            leave()
            return context.finish(
                code: 8, message: "grpc: trying to send message larger than max")
        }
        context.send(byteCount: byteCount, beginning: piece)
    }

    private func finish() {
        leave()
        if context.takesPieces { return context.finish() }
        context.reply(whole)
        whole = []
    }

    // MARK: The end

    private func leave() {
        list = nil
        if let ticket { context.member.lists.leave(ticket) }
        ticket = nil
    }

    /// It has not moved for long, and others wait.
    private func cut() {
        context.fail(.tooManyRequests)
    }

    func cancelled() {
        leave()
        if let number { context.member.abandon(number) }
    }
}
