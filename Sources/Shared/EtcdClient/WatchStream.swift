// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import HTTP
internal import Posix

/// Watchers that share one stream. When the connection is lost, the stream begins anew on any
/// endpoint, and each watcher behind the last revision it has seen: nothing is missed or repeated.
package final class WatchStream {
    /// What the server said. `watcher` is what `add` returned; nil for a progress answer, which is
    /// for all.
    package struct Item: Equatable, Sendable {
        package var watcher: Int?
        package var response: WatchResponse
    }

    private struct Watcher {
        var id: Int
        var request: WatchCreateRequest
        /// Known once the server has created it on the present stream.
        var serverID: Int64?
        /// Its creation has been told.
        var isTold = false
    }

    private let client: Client
    private let requiresLeader: Bool
    private var stream: OpenStream?
    private var hasConnected = false
    private var nextID = 0
    /// In the order of `add`.
    private var watchers: [Watcher] = []
    /// Whose creation the server owes an answer to, in its order.
    private var creating: [Int] = []
    private var ready: [Item] = []
    /// The stream has begun anew with another token, and nothing has come yet.
    private var hasNewLogin = false
    /// It has said something, so it is an etcd.
    private var hasHeard = false
    /// How many connections have ended without a word before that.
    private var silentCount = 0
    /// Not before this the stream is tried again.
    private var retryAt: Instant?

    /// With `requiresLeader` the server ends the stream when it is without a leader for long.
    package init(_ client: Client, requiresLeader: Bool = false) {
        self.client = client
        self.requiresLeader = requiresLeader
    }

    /// How many have neither been cancelled here nor by the server.
    package var watcherCount: Int { watchers.count }

    /// `watchID` of the request is ignored.
    @discardableResult
    package func add(_ request: WatchCreateRequest) -> Int {
        var request = request
        request.watchID = 0
        watchers.append(Watcher(id: nextID, request: request))
        nextID += 1
        if stream != nil { create(watchers.count - 1) }
        return nextID - 1
    }

    /// The server's word that it has cancelled is passed over.
    package func cancel(_ id: Int) {
        guard let index = watchers.firstIndex(where: { $0.id == id }) else { return }
        let watcher = watchers.remove(at: index)
        guard let serverID = watcher.serverID else { return }
        stream?.send(WatchRequest.cancel(WatchCancelRequest(watchID: serverID)))
    }

    /// Asks how far the stream is; the answer is an item without events. Needs a stream.
    package func requestProgress() {
        stream?.send(WatchRequest.progress(WatchProgressRequest()))
    }

    /// The next thing the server says; nil after `timeout` (nil: for ever), or when no watcher is
    /// left. The first connection must succeed; a lost one is tried again without end.
    package func next(timeout: Duration? = nil) throws(ClientError) -> Item? {
        let deadline = timeout.map { MonotonicClock.now + $0 }
        while true {
            if !ready.isEmpty { return ready.removeFirst() }
            if let deadline, MonotonicClock.now >= deadline { return nil }
            if watchers.isEmpty, creating.isEmpty { return nil }
            guard let stream else {
                try connect(until: deadline)
                continue
            }
            try client.turn(until: deadline)
            for message in stream.call.takeMessages() { try receive(message, stream.endpoint) }
            if let status = stream.call.status { try ended(status, stream) }
        }
    }

    package func close() {
        stream?.cancel()
        stream = nil
        watchers = []
        creating = []
    }

    // MARK: The stream

    private func connect(until deadline: Instant?) throws(ClientError) {
        if let retryAt, MonotonicClock.now < retryAt {
            return try client.turn(until: deadline.map { min($0, retryAt) } ?? retryAt)
        }
        do throws(ClientError) {
            let fields = requiresLeader ? [HeaderField("hasleader", "true")] : []
            stream = try client.stream(.watch, metadata: fields)
            hasConnected = true
            for index in watchers.indices { create(index) }
        } catch {
            if !hasConnected { throw error }
            retryAt = MonotonicClock.now + client.settings.resumeDelay
        }
    }

    private func create(_ index: Int) {
        watchers[index].serverID = nil
        creating.append(watchers[index].id)
        stream?.send(WatchRequest.create(watchers[index].request))
    }

    private func ended(_ status: GRPCStatus, _ lost: OpenStream) throws(ClientError) {
        stream = nil
        creating = []
        if lost.call.isLost, !hasHeard, let stranger = lost.channel.stranger {
            // Who says nothing may be an etcd that is going down. If there are others, one of them
            // will say something.
            silentCount += 1
            guard stranger == .silent, silentCount < client.settings.endpoints.count else {
                throw .notEtcd(endpoint: lost.endpoint, stranger)
            }
        }
        if client.settings.login != nil, !hasNewLogin, client.error(status, "").isOldToken {
            hasNewLogin = true
            return client.forgetLogin()
        }
        let isTemporary = status.code == .unavailable || status.code == .internalError
        if !lost.call.isLost {
            // Without a leader the server has said its last word: the caller asked to be told.
            if !isTemporary || status.message == EtcdError.noLeader.text {
                throw client.error(status, lost.endpoint)
            }
        }
        client.moveOn(from: lost.channel)
        retryAt = lost.call.isLost ? nil : MonotonicClock.now + client.settings.resumeDelay
    }

    // MARK: Answers

    private func receive(_ message: [UInt8], _ endpoint: String) throws(ClientError) {
        hasNewLogin = false
        hasHeard = true
        let response: WatchResponse
        do throws(WireError) {
            response = try WatchResponse(decoding: message)
        } catch {
            throw .malformedAnswer(endpoint: endpoint, reason: "\(error)")
        }
        if response.created { return created(response) }
        if response.watchID == -1 {
            for index in watchers.indices { advance(index, response) }
            return ready.append(Item(watcher: nil, response: response))
        }
        guard let index = watchers.firstIndex(where: { $0.serverID == response.watchID }) else {
            // Of a watcher that has just been cancelled here.
            return
        }
        advance(index, response)
        ready.append(Item(watcher: watchers[index].id, response: response))
        if response.canceled { watchers.remove(at: index) }
    }

    private func created(_ response: WatchResponse) {
        guard !creating.isEmpty else { return }
        let id = creating.removeFirst()
        guard let index = watchers.firstIndex(where: { $0.id == id }) else {
            // Cancelled here before the server had made it.
            stream?.send(WatchRequest.cancel(WatchCancelRequest(watchID: response.watchID)))
            return
        }
        watchers[index].serverID = response.watchID
        let isNews = !watchers[index].isTold || response.canceled
        watchers[index].isTold = true
        if watchers[index].request.startRevision == 0 {
            watchers[index].request.startRevision = (response.header?.revision ?? 0) &+ 1
        }
        if isNews { ready.append(Item(watcher: id, response: response)) }
        if response.canceled { watchers.remove(at: index) }
    }

    /// Where the watcher goes on after a loss.
    private func advance(_ index: Int, _ response: WatchResponse) {
        if response.canceled { return }
        let seen = response.events.last?.kv?.modRevision ?? response.header?.revision ?? 0
        // A part of a response leaves its last revision incomplete.
        let next = response.fragment ? seen : seen &+ 1
        watchers[index].request.startRevision = max(watchers[index].request.startRevision, next)
    }
}
