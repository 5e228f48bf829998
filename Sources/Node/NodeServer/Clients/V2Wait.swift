// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import MVCC
internal import Net
internal import NodeCore
internal import Replicated
internal import V2Facade

/// A wait of /v2/keys: one event, or with `stream` all of them, on a watch of its own.
final class V2Wait: WatchSink {
    /// As etcd has it.
    private static let timeMax: Duration = .seconds(300)

    private let endpoints: V2Endpoints
    private let member: LocalMember
    private let exchange: HTTPExchange
    private let identity: NodeCore.Identity
    private let request: KeysRequest
    private var reader: WatchReader?
    private var stream: StreamNumber?
    private var timer: TimerID?

    init(
        _ endpoints: V2Endpoints, _ exchange: HTTPExchange, _ identity: NodeCore.Identity,
        _ request: KeysRequest
    ) {
        self.endpoints = endpoints
        member = endpoints.member
        self.exchange = exchange
        self.identity = identity
        self.request = request
    }

    func start() {
        let keyspace = member.node.ledger.keyspace
        let index = Int64(clamping: request.waitIndex)
        if index != 0, index <= keyspace.compactRevision {
            let error = KeysError(
                .indexCleared,
                "the requested history has been cleared "
                    + "[\(keyspace.compactRevision + 1)/\(index)]",
                index: keyspace.revision)
            return respond(error)
        }
        endpoints.statistics.watchersChanged(by: 1)
        // Kept by the exchange until the end.
        exchange.onGone = { self.close() }
        let opened = member.openWatch(requiresLeader: false, sink: self)
        stream = opened
        timer = member.reactor.after(Self.timeMax) { [weak self] in self?.exchange.end() }
        member.receive(.watchRequested(opened, .create(Layout.watch(from: index)), identity))
    }

    private func respond(_ error: KeysError) {
        exchange.respond(endpoints.keysRefusal(error))
    }

    func deliver(_ message: [UInt8]) {
        do throws(WireError) {
            receive(try WatchResponse(decoding: message))
        } catch {
            exchange.end()
        }
    }

    private func receive(_ response: WatchResponse) {
        if response.canceled, reader == nil {
            return respond(KeysError(.unauthorized, "Insufficient credentials"))
        }
        if response.created, reader == nil {
            let current = response.header?.revision ?? 0
            reader = WatchReader(request, current: current)
            exchange.begin(
                endpoints.keysHead(
                    KeysAnswer(status: 200, body: "", index: current, isSuccess: true)))
        }
        if response.canceled { return exchange.end() }
        for event in reader?.events(response) ?? [] {
            exchange.send(Array(event.text(endpoints.moment).utf8))
            if !request.isStream { return exchange.end() }
        }
    }

    /// The member cannot serve watches, now or any more.
    func end(_ error: EtcdError) {
        stream = nil
        respond(KeysError(error))
        exchange.end()
    }

    private func close() {
        endpoints.statistics.watchersChanged(by: -1)
        if let timer { member.reactor.cancel(timer) }
        timer = nil
        if let stream { member.closeWatch(stream) }
        stream = nil
    }
}
