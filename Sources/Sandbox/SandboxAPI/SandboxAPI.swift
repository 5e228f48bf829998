// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
package import Kube

// A stand-in for the Kubernetes API, on our own multi-version store.
//
//   KubeRequest ──► Serving: permission, route, verb
//                      │
//                      ├─ Verbs: create, update, patch, delete ─┐
//                      │     Patch: strategic merge, apply      ├─► Store ──► MVCC.Keyspace
//                      │     Schema: pruning, types, limits     │     │ changes
//                      │     Kinds: defaults, rules per kind   ─┘     ├─► watches ─► JSON lines
//                      ├─ Reading: get, list, watch, tables           └─► takeChanges
//                      ├─ Discovery, OpenAPI, reviews
//                      └─ Rules: garbage, namespaces, claims in use (at every tick)
//
// resourceVersion is the store's revision, a watch is its history, 410 Gone is its compaction.
// What is not done is refused with 501 or 422 and a clear text, never with a polite 200.
// The room knows no clock, socket or process: time comes in, answers and watch lines go out; logs
// and commands inside pods are handed to whoever runs the pods.

/// One Kubernetes. Owned by one thread; a copy would share the store's memory, so there is none to
/// make.
package struct SandboxAPI {
    package var settings: Settings
    package internal(set) var now = Instant(nanoseconds: 0)
    package var faults = Faults()

    var store = ObjectStore()
    package internal(set) var catalog = Catalog()
    var random: Random
    var watches = SortedMap<WatchID, Watch>()
    var nextWatch = 1
    /// For `takeChanges`.
    var pendingChanges: [StoreChange] = []
    /// Something was deleted, or an owner came to be named: look at owners at the next tick.
    var hasGarbage = false
    /// `Warning:` headers of the request that is being answered.
    var warnings: [String] = []
    /// Names that service account tokens stand for.
    var tokens = SortedMap<String, Identity>()

    package init(settings: Settings, now: Instant = Instant(nanoseconds: 0)) {
        self.settings = settings
        self.now = now
        random = Random(seed: settings.seed)
        installBasics()
    }

    package var unixNanoseconds: Int64 { settings.epoch &+ now.nanoseconds }

    /// Answers one request. Watches that see its effect have their lines ready afterwards.
    package mutating func receive(
        _ request: KubeRequest, as user: Identity, now: Instant
    ) -> Answer {
        advance(to: now)
        warnings = []
        var answer: Answer
        do throws(StatusError) {
            answer = try self.answer(request, user)
        } catch {
            answer = .response(.failure(error))
        }
        if case .response(var response) = answer, !warnings.isEmpty {
            for warning in warnings {
                response.headers.append(("Warning", "299 - \(JSON.text(.string(warning)))"))
            }
            answer = .response(response)
        }
        return answer
    }

    /// Lets time pass: bookmarks, ends of watches, garbage, history.
    package mutating func tick(_ now: Instant) {
        advance(to: now)
        collectGarbage()
        emptyNamespaces()
        releaseClaims()
        expireEvents()
        tendWatches()
        if store.revision - store.compactedRevision > 2 * settings.historyLimit {
            compactHistory(keeping: settings.historyLimit)
        }
        store.tidy(budget: 500)
    }

    /// Time never goes back.
    mutating func advance(to now: Instant) { self.now = max(self.now, now) }

    /// Forgets the past but for so many revisions; watches that are further behind get 410.
    package mutating func compactHistory(keeping count: Int64) {
        store.compact(through: store.revision - max(0, count))
    }

    package mutating func uid() -> String {
        let bytes = random.bytes(16)
        let hex = bytes.enumerated().map { index, byte in
            let marked = index == 6 ? byte & 0x0f | 0x40 : index == 8 ? byte & 0x3f | 0x80 : byte
            let text = String(marked, radix: 16)
            return (text.utf8.count == 1 ? "0" : "") + text
        }.joined()
        let digits = Array(hex)
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
            .joined(separator: "-")
    }

    /// Five letters and digits without vowels, as generated names end.
    package mutating func suffix() -> String {
        let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
        return String((0..<5).map { _ in alphabet[random.below(alphabet.count)] })
    }
}
