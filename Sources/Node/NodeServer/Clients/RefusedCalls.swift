// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import HTTP
internal import Net

/// Calls of methods that there are not, until they are told. No more than the connection's streams.
struct RefusedCalls {
    private var waiting: [StreamID: (error: EtcdError, timer: TimerID)] = [:]

    /// How long the end of a request is waited for.
    static let patience = Duration.milliseconds(100)

    mutating func add(_ stream: StreamID, _ error: EtcdError, _ timer: TimerID) {
        waiting[stream] = (error, timer)
    }

    /// Why that call is refused, for the one who tells it; nil if it is not, or was told.
    @discardableResult
    mutating func take(_ stream: StreamID, on reactor: Reactor) -> EtcdError? {
        if waiting.isEmpty { return nil }
        guard let found = waiting.removeValue(forKey: stream) else { return nil }
        reactor.cancel(found.timer)
        return found.error
    }

    mutating func removeAll(on reactor: Reactor) {
        for (_, found) in waiting { reactor.cancel(found.timer) }
        waiting = [:]
    }
}
