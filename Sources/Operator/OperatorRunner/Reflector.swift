// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Formats
internal import Kube
internal import KubeClient
internal import Posix
internal import Program

/// Keeps one kind's cache like the API, on a thread of its own.
struct Reflector {
    /// Seconds between two questions for a kind that the server does not have.
    static let absentKindPause = 60

    let store: ClusterStore
    let index: Int
    let client: KubeClient
    let log: Logger
    /// What was said last: a kind that is not installed is refused again and again.
    private var complaint = ""

    init(store: ClusterStore, index: Int, client: KubeClient, log: Logger) {
        self.store = store
        self.index = index
        self.client = client
        self.log = log
    }

    mutating func run() {
        do throws(KubeError) {
            while true { try turn() }
        } catch {
            guard error != .stopped else { return }
            log.error(
                "a watch ended",
                ["kind": .string(store.label(index)), "error": .string("\(error)")])
        }
    }

    private mutating func turn() throws(KubeError) {
        switch store.step(index, now: MonotonicClock.now) {
        case .wait(let time): try client.pause(until: time)
        case .list(let request): try list(request)
        case .watch(let request): try watch(request)
        }
    }

    private mutating func list(_ request: KubeRequest) throws(KubeError) {
        do throws(KubeError) {
            let page = try client.list(request)
            store.tell(index) { $0.listed(page, now: MonotonicClock.now) }
            complaint = ""
        } catch {
            try failed(error)
        }
    }

    private mutating func watch(_ request: KubeRequest) throws(KubeError) {
        do throws(KubeError) {
            let store = store
            let index = index
            try client.watch(
                request,
                started: {
                    store.tell(index) {
                        $0.watchStarted(now: MonotonicClock.now)
                        return []
                    }
                },
                each: { event in
                    store.tell(index) { watch in
                        watch.received(event, now: MonotonicClock.now).map { [$0] } ?? []
                    }
                    if case .error = event { return false }
                    return true
                })
            store.tell(index) {
                $0.watchEnded(now: MonotonicClock.now)
                return []
            }
        } catch {
            try failed(error)
        }
    }

    private mutating func failed(_ error: KubeError) throws(KubeError) {
        if error == .stopped { throw error }
        let failure: ListWatch.Failure
        if var status = error.status {
            let isAbsent = status.isNotFound && store.isOptional(index)
            // No such kind here; its definition may come later.
            if isAbsent { status.retryAfter = max(status.retryAfter ?? 0, Self.absentKindPause) }
            failure = .refused(status)
            if !status.isExpired, !isAbsent { complain(error) }
        } else {
            failure = .unreachable("\(error)")
            complain(error)
        }
        store.tell(index) {
            $0.failed(failure, now: MonotonicClock.now)
            return []
        }
    }

    private mutating func complain(_ error: KubeError) {
        guard complaint != "\(error)" else { return }
        complaint = "\(error)"
        log.warn(
            "watching failed",
            ["kind": .string(store.label(index)), "error": .string("\(error)")])
    }
}
