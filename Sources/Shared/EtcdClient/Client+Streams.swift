// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import HTTP
internal import Posix

extension Client {
    // MARK: Watching

    /// Hands out what the server says about one range, creation and cancellation included, until
    /// `onResponse` answers false or the server cancels. Lost connections are not noticed outside.
    package func watch(
        _ request: WatchCreateRequest, requiresLeader: Bool = false,
        onResponse: (WatchResponse) -> Bool
    ) throws(ClientError) {
        let stream = WatchStream(self, requiresLeader: requiresLeader)
        stream.add(request)
        defer { stream.close() }
        while let item = try stream.next() {
            if !onResponse(item.response) { return }
        }
    }

    // MARK: Leases

    /// Renews once. A lease that is gone is an error.
    package func keepAliveOnce(
        lease: Int64, timeout: Duration? = nil
    ) throws(ClientError) -> LeaseKeepAliveResponse {
        let limit = timeout ?? settings.callTimeout
        let stream = try stream(.leaseKeepAlive)
        defer { stream.cancel() }
        let answer = try renew(lease, on: stream, limit)
        if answer.ttl <= 0 {
            let gone = EtcdError.leaseNotFound
            throw .status(code: 5, message: gone.text, endpoint: stream.endpoint)
        }
        return answer
    }

    /// Renews each third of the time to live, until the lease is gone (its last answer has no time
    /// left) or `onResponse` answers false. A lost connection is replaced as long as the lease may
    /// live.
    package func keepAlive(
        lease: Int64, onResponse: (LeaseKeepAliveResponse) -> Bool
    ) throws(ClientError) {
        var expiry: Instant?
        var hasNewLogin = false
        while true {
            do throws(ClientError) {
                let stream = try stream(.leaseKeepAlive)
                defer { stream.cancel() }
                while true {
                    let answer = try renew(lease, on: stream, settings.callTimeout)
                    if !onResponse(answer) || answer.ttl <= 0 { return }
                    hasNewLogin = false
                    let now = MonotonicClock.now
                    let life = Duration.seconds(min(answer.ttl, 1 << 30))
                    expiry = now + life
                    try rest(until: now + life / 3, stream)
                }
            } catch {
                if error.isOldToken, settings.login != nil, !hasNewLogin {
                    hasNewLogin = true
                    forgetLogin()
                    continue
                }
                guard let last = expiry, MonotonicClock.now < last, error.code == 14 else {
                    throw error
                }
                try rest(until: MonotonicClock.now + settings.resumeDelay)
            }
        }
    }

    private func renew(
        _ lease: Int64, on stream: OpenStream, _ limit: Duration?
    ) throws(ClientError) -> LeaseKeepAliveResponse {
        stream.send(LeaseKeepAliveRequest(id: lease))
        let deadline = limit.map { MonotonicClock.now + $0 }
        while true {
            if let message = stream.call.takeMessages().first {
                do throws(WireError) {
                    return try LeaseKeepAliveResponse(decoding: message)
                } catch {
                    throw .malformedAnswer(endpoint: stream.endpoint, reason: "\(error)")
                }
            }
            try checkEnd(of: stream)
            if let deadline, MonotonicClock.now >= deadline {
                throw .timedOut(endpoint: stream.endpoint, after: limit ?? .zero)
            }
            try turn(until: deadline)
        }
    }

    /// Lets time pass; what the server says meanwhile is taken.
    package func idle(for duration: Duration) throws(ClientError) {
        try rest(until: MonotonicClock.now + duration)
    }

    private func rest(until time: Instant, _ stream: OpenStream? = nil) throws(ClientError) {
        while MonotonicClock.now < time {
            if let stream { try checkEnd(of: stream) }
            try turn(until: time)
        }
    }

    /// Throws if the server has ended the stream, or the connection did.
    private func checkEnd(of stream: OpenStream) throws(ClientError) {
        guard let status = stream.call.status else { return }
        if stream.call.isLost {
            moveOn(from: stream.channel)
            if let stranger = stream.channel.stranger {
                throw .notEtcd(endpoint: stream.endpoint, stranger)
            }
            throw .connectionLost(endpoint: stream.endpoint)
        }
        throw error(status, stream.endpoint)
    }

    // MARK: Snapshots

    /// Hands out the whole snapshot of the endpoint in use, chunk by chunk, without a deadline.
    /// `onChunk` answering false ends it with `stopped`.
    package func snapshot(onChunk: (SnapshotResponse) -> Bool) throws(ClientError) {
        let stream = try stream(.snapshot)
        stream.send(SnapshotRequest(), halfClose: true)
        while true {
            // Asked in this order, for the end may come together with the last chunks.
            let status = stream.call.status
            for message in stream.call.takeMessages() {
                let chunk: SnapshotResponse
                do throws(WireError) {
                    chunk = try SnapshotResponse(decoding: message)
                } catch {
                    throw .malformedAnswer(endpoint: stream.endpoint, reason: "\(error)")
                }
                if !onChunk(chunk) {
                    stream.cancel()
                    throw .stopped
                }
            }
            if let status {
                if status.code == .ok { return }
                try checkEnd(of: stream)
            }
            try turn(until: nil)
        }
    }
}
