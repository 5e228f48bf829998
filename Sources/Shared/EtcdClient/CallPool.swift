// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import HTTP
internal import Net
internal import Posix

/// Many calls at a time on one thread, over connections spread evenly over the endpoints. For
/// measuring: a connection that is lost is not replaced, and no call is made twice.
package final class CallPool {
    /// One that has ended.
    package struct Done: Sendable {
        /// What `start` was given.
        package var tag: Int
        /// From the call to its answer.
        package var took: Duration
        package var failure: ClientError?
    }

    private struct Running {
        let tag: Int
        let channel: Channel
        let call: Call
        let start: Instant
    }

    private let client: Client
    private let channels: [Channel]
    private var next = 0
    private var running: [Running] = []

    /// Waits until each connection stands.
    package init(_ client: Client, connectionCount: Int) throws(ClientError) {
        self.client = client
        try client.logIn()
        channels = try client.connections(max(1, connectionCount))
    }

    deinit {
        for channel in channels { channel.close() }
    }

    package var runningCount: Int { running.count }

    package func start(_ rpc: RPC, _ request: some WireMessage, tag: Int) -> ClientError? {
        let channel = channels[next % channels.count]
        next += 1
        let fields = client.metadata(for: rpc.path)
        guard let (id, call) = channel.start(rpc.path, metadata: fields) else {
            return .connectionLost(endpoint: channel.endpoint.text)
        }
        channel.send(id, request.encoded(), halfClose: true)
        running.append(
            Running(tag: tag, channel: channel, call: call, start: MonotonicClock.now))
        return nil
    }

    /// Those that have ended by now; waits for something to happen, `duration` at most.
    package func wait(_ duration: Duration) throws(ClientError) -> [Done] {
        try client.turn(until: MonotonicClock.now + duration)
        var done: [Done] = []
        let now = MonotonicClock.now
        running.removeAll { entry in
            guard let status = entry.call.status else { return false }
            let endpoint = entry.channel.endpoint.text
            var failure: ClientError?
            if status.code != .ok {
                failure =
                    entry.call.isLost
                    ? .connectionLost(endpoint: endpoint) : client.error(status, endpoint)
            }
            done.append(Done(tag: entry.tag, took: now - entry.start, failure: failure))
            return true
        }
        return done
    }
}
