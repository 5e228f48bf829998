// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Kube

/// Keeps a cache like the API: first a list, page by page, then a watch from its version, and again
/// a list when the version is no longer kept (410). A new list is compared with the cache, so that
/// what changed or vanished in between is told as if it had been watched.
///
///      list ──last page──► watch ──ended──► watch from the last version
///       ▲ ▲ more pages │     │
///       │ └────────────┘     └──410──► list
///       └ failures of either wait first, longer each time
package struct ListWatch: Sendable {
    package enum Step: Equatable, Sendable {
        /// Send it, then tell `listed` or `failed`.
        case list(KubeRequest)
        /// Send it, then tell `received` for each event, and `watchEnded` or `failed`.
        case watch(KubeRequest)
        case wait(until: Instant)
    }

    package enum Failure: Equatable, Sendable {
        case refused(StatusError)
        case unreachable(String)
    }

    private enum Phase: Equatable {
        /// The pages so far; empty before the first.
        case listing(continueToken: String, version: String)
        case watching
    }

    /// A watch that ends earlier counts as a failure: it is not to be asked for in a loop.
    package static let shortWatch: Duration = .seconds(1)

    package let kind: ResourceKind
    package let namespace: String
    private let labelSelector: LabelSelector?
    private let pageSize: Int
    private let watchSeconds: Int
    package private(set) var cache: ObjectCache
    /// A whole list has been read once.
    package private(set) var isSynced = false
    /// How often the API was listed from the beginning.
    package private(set) var listCount = 0
    private var phase = Phase.listing(continueToken: "", version: "")
    private var pages: [KubeObject] = []
    /// Pages expired under way: ask for all at once.
    private var wantsOnePage = false
    private var notBefore: Instant?
    private var watchStarted: Instant?
    private var backoff = Backoff(first: .milliseconds(800), longest: .seconds(30))
    private var random: Random

    package init(
        _ kind: ResourceKind, namespace: String = "", labelSelector: LabelSelector? = nil,
        pageSize: Int = 500, watchSeconds: Int = 290, seed: UInt64
    ) {
        self.kind = kind
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.pageSize = pageSize
        self.watchSeconds = watchSeconds
        cache = ObjectCache(kind)
        random = Random(seed: seed)
    }

    package func step(now: Instant) -> Step {
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        switch phase {
        case .listing(let token, _):
            return .list(
                .list(
                    kind, namespace: namespace, labelSelector: labelSelector,
                    limit: wantsOnePage ? nil : pageSize, continueToken: token))
        case .watching:
            return .watch(
                .watch(
                    kind, namespace: namespace, from: cache.version, labelSelector: labelSelector,
                    timeoutSeconds: watchSeconds))
        }
    }

    // MARK: What happened

    /// Nothing is told before the last page.
    package mutating func listed(_ page: KubeList, now: Instant) -> [CacheChange] {
        guard case .listing(_, let version) = phase else { return [] }
        pages += page.items
        let first = version.isEmpty ? page.resourceVersion : version
        guard page.continueToken.isEmpty else {
            phase = .listing(continueToken: page.continueToken, version: first)
            return []
        }
        let changes = cache.replace(with: pages, version: first)
        pages = []
        wantsOnePage = false
        phase = .watching
        isSynced = true
        listCount += 1
        backoff.reset()
        notBefore = nil
        return changes
    }

    /// A list or the beginning of a watch did not work.
    package mutating func failed(_ failure: Failure, now: Instant) {
        switch failure {
        case .refused(let error) where error.isExpired:
            startOver()
            wait(atLeast: nil, now)
        case .refused(let error):
            wait(atLeast: error.retryAfter.map { .seconds(min(max($0, 0), 300)) }, now)
        case .unreachable:
            wait(atLeast: nil, now)
        }
        watchStarted = nil
    }

    package mutating func watchStarted(now: Instant) {
        watchStarted = now
    }

    /// After an error the watch is over; the events behind it are not to be told.
    package mutating func received(_ event: WatchEvent, now: Instant) -> CacheChange? {
        guard phase == .watching else { return nil }
        switch event {
        case .added(let object), .modified(let object): return cache.put(object)
        case .deleted(let object): return cache.remove(object)
        case .bookmark(let version, _):
            cache.advance(to: version)
            return nil
        case .error(let error):
            failed(.refused(error), now: now)
            return nil
        }
    }

    /// It ended in good order, by its time or by the server's wish.
    package mutating func watchEnded(now: Instant) {
        defer { watchStarted = nil }
        guard phase == .watching else { return }
        if let watchStarted, now - watchStarted >= Self.shortWatch {
            backoff.reset()
            notBefore = nil
        } else if notBefore.map({ $0 <= now }) ?? true {
            wait(atLeast: nil, now)
        }
    }

    private mutating func startOver() {
        if case .listing(let token, _) = phase, !token.isEmpty { wantsOnePage = true }
        phase = .listing(continueToken: "", version: "")
        pages = []
    }

    private mutating func wait(atLeast limit: Duration?, _ now: Instant) {
        notBefore = now + max(backoff.next(&random), limit ?? .zero)
    }
}
