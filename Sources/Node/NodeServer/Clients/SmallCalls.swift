// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import NodeCore
internal import Posix
internal import Replicated

/// Peer URLs as etcd accepts them: scheme, host and port, nothing behind.
enum PeerURL {
    static func areValid(_ urls: [String]) -> Bool {
        !urls.isEmpty && urls.allSatisfy { (try? ServiceURL($0)) != nil }
    }
}

/// MemberAdd: the new member's id is derived here, where there is a clock.
final class MemberAddCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard number == nil else { return }
        do throws(WireError) {
            ask(try MemberAddRequest(decoding: message))
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func ask(_ request: MemberAddRequest) {
        guard PeerURL.areValid(request.peerURLs) else {
            context.fail(.memberBadURLs)
            return
        }
        let id = Identity.memberID(
            peerURLs: request.peerURLs, token: "",
            addedAt: WallClock.nanoseconds / 1_000_000_000)
        let context = self.context
        number = context.call(.memberAdd(request, id: id)) { Answering.answer(context, $0) }
    }

    func cancelled() {
        if let number { context.member.abandon(number) }
    }
}

final class MemberUpdateCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard number == nil else { return }
        do throws(WireError) {
            let request = try MemberUpdateRequest(decoding: message)
            guard PeerURL.areValid(request.peerURLs) else {
                context.fail(.memberBadURLs)
                return
            }
            let context = self.context
            number = context.call(.memberUpdate(request)) { Answering.answer(context, $0) }
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    func cancelled() {
        if let number { context.member.abandon(number) }
    }
}

/// grpc.health.v1: the server as a whole is the one service it knows.
final class HealthCheckCall: ServerCall {
    let context: CallContext

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard !context.isOver else { return }
        do throws(WireError) {
            let request = try HealthCheckRequest(decoding: message)
            if context.member.node.isLearner {
                context.fail(.notSupportedForLearner)
            } else if !request.service.isEmpty {
                context.fail(.healthUnknownService)
            } else {
                var response = HealthCheckResponse()
                response.status = .serving
                context.reply(response.encoded())
            }
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }
}

final class HealthWatchCall: ServerCall {
    let context: CallContext

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        do throws(WireError) {
            let request = try HealthCheckRequest(decoding: message)
            if context.member.node.isLearner {
                context.fail(.notSupportedForLearner)
                return
            }
            var response = HealthCheckResponse()
            response.status = request.service.isEmpty ? .serving : .serviceUnknown
            context.send(response.encoded())
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    func draining() {
        var response = HealthCheckResponse()
        response.status = .notServing
        context.send(response.encoded())
        context.fail(.stopped)
    }
}

enum HashKVAnswer {
    static func make(
        _ view: LedgerView, _ revision: Int64, _ header: ResponseHeader
    ) -> Result<[UInt8], EtcdError> {
        do throws(KeyspaceError) {
            let hash = try view.keyspace.hashKV(at: revision)
            var response = HashKVResponse()
            response.header = header
            response.hash = hash.hash
            response.compactRevision = hash.compactRevision
            response.hashRevision = hash.revision
            return .success(response.encoded())
        } catch {
            switch error {
            case .compacted: return .failure(.compacted)
            case .futureRevision: return .failure(.futureRevision)
            case .corrupt: return .failure(.corrupt)
            }
        }
    }
}
