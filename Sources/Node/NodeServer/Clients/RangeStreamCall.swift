// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Net
internal import NodeCore
internal import Replicated

/// KV.RangeStream: a range whose answer comes in parts, each a range response. Merged in their
/// order they are the answer to Range: the header is in each, count and more are in the last.
final class RangeStreamCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?
    private var rest: RangeResponse?
    private var list: RangeSlices?
    private let place: AnswerTurns.Place
    /// Keys of `rest` that were sent.
    private var sent = 0

    private static let partBytes = 256 << 10
    private static let queueBytes = 1 << 20

    init(_ context: CallContext) {
        self.context = context
        place = AnswerTurns.Place(context.member.answerTurns)
    }

    func receive(_ message: [UInt8]) {
        guard number == nil, !context.isOver else { return }
        do throws(WireError) {
            let request = try RangeRequest(decoding: message)
            number = context.call(.range(request)) { [weak self] in self?.answered($0) }
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func answered(_ answer: Answer) {
        switch answer {
        case .message(let bytes):
            do throws(WireError) {
                rest = try RangeResponse(decoding: bytes)
                pump()
            } catch {
                context.fail(.undecodable("\(error)"))
            }
        case .list(let list):
            self.list = list
            pumpList()
        case .failure(let error): context.fail(error)
        default: context.fail(.canceled)
        }
    }

    private func pump() {
        while let rest, !context.isOver, context.queuedBytes < RangeStreamCall.queueBytes {
            var part = RangeResponse()
            part.header = rest.header
            var byteCount = 0
            while sent < rest.kvs.count, byteCount < RangeStreamCall.partBytes {
                let kv = rest.kvs[sent]
                byteCount += kv.key.count + kv.value.count + 64
                part.kvs.append(kv)
                sent += 1
            }
            let isLast = sent == rest.kvs.count
            if isLast {
                part.count = rest.count
                part.more = rest.more
                self.rest = nil
            }
            var response = RangeStreamResponse()
            response.rangeResponse = part
            context.send(response.encoded())
            if isLast { context.finish() }
        }
    }

    /// Parts come straight from the records: a long list is never here as a whole.
    private func pumpList() {
        let turns = context.member.answerTurns
        while list != nil, !context.isOver, context.queuedBytes < Self.queueBytes {
            guard turns.hasRoom else {
                return place.wait { [weak self] in self?.pumpList() }
            }
            guard let part = list?.nextMessage(Self.partBytes) else {
                list = nil
                return context.finish()
            }
            turns.took(part.count)
            var writer = ByteWriter(capacity: part.count + 8)
            writer.appendField(1, bytes: part)
            context.send(writer.bytes)
        }
    }

    func drained() {
        pump()
        if !place.isWaiting { pumpList() }
    }

    func cancelled() {
        rest = nil
        list = nil
        if let number { context.member.abandon(number) }
    }
}
