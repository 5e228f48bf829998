// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Formats
internal import Kube

/// A client that is told of changes.
struct Watch {
    enum Form {
        case whole, partial
        case table
    }

    let call: Call
    let selection: Selection
    let form: Form
    let wantsBookmarks: Bool
    let deadline: Instant
    var nextBookmark: Instant
    /// Changes up to this revision are told, or came before the watch.
    var revision: Int64
    var output: [UInt8] = []
    var hasSentColumns = false
    var isEnding = false
}

extension SandboxAPI {
    mutating func watch(_ call: Call) throws(StatusError) -> Answer {
        let start = try WatchStart(call)
        let id = WatchID(number: nextWatch)
        nextWatch += 1
        var watch = try newWatch(call, start)
        if Faults.strike(&faults.expiredWatches) {
            tell(.error(.tooOld(1, current: store.revision)), to: &watch)
            watch.isEnding = true
        } else {
            tellStart(start, to: &watch)
        }
        watches[id] = watch
        return .watch(id, contentType: "application/json")
    }

    private func newWatch(_ call: Call, _ start: WatchStart) throws(StatusError) -> Watch {
        var life = settings.watchTimeout
        if let asked = start.timeout { life = min(life, asked) }
        return Watch(
            call: call, selection: try Selection(call),
            form: call.tableVersion != nil ? .table : call.wantsPartial ? .partial : .whole,
            wantsBookmarks: start.wantsBookmarks, deadline: now + life,
            nextBookmark: now + settings.bookmarkInterval, revision: store.revision)
    }

    private func tellStart(_ start: WatchStart, to watch: inout Watch) {
        let storage = watch.call.resource.storage
        let namespace = watch.call.route.namespace
        switch start.from {
        case .now: break
        case .state:
            for object in store.list(storage, namespace: namespace)
            where watch.selection.matches(object) {
                tell(.added(object), to: &watch)
            }
            if start.marksEnd {
                tell(
                    .bookmark(resourceVersion: "\(store.revision)", initialEventsEnd: true),
                    to: &watch)
            }
        case .revision(let revision):
            guard let changes = store.history(storage, after: revision) else {
                tell(.error(.tooOld(revision, current: store.revision)), to: &watch)
                watch.isEnding = true
                return
            }
            watch.revision = revision
            for change in changes { consider(change, for: &watch) }
            watch.revision = max(revision, store.revision)
        }
    }

    /// A change just made, to all who watch.
    mutating func deliver(_ change: StoreChange) {
        var isDoubled = false
        let ids = watches.keys.filter { id in
            guard let watch = watches[id] else { return false }
            return !watch.isEnding && watch.call.resource.storage == change.place.storage
                && (watch.call.route.namespace.isEmpty
                    || watch.call.route.namespace == change.place.namespace)
        }
        guard let plural = ids.first.flatMap({ watches[$0]?.call.route.plural }) else { return }
        if Faults.strike(&faults.droppedEvents, plural) { return }
        if Faults.strike(&faults.doubledEvents, plural) { isDoubled = true }
        for id in ids {
            guard var watch = watches[id] else { continue }
            if isDoubled {
                let before = watch.revision
                consider(change, for: &watch)
                watch.revision = before
            }
            consider(change, for: &watch)
            if watch.output.count > settings.watchBacklogLimit {
                watch.output = []
                watch.isEnding = true
            }
            watches[id] = watch
        }
    }

    private func consider(_ change: StoreChange, for watch: inout Watch) {
        let namespace = watch.call.route.namespace
        guard change.revision > watch.revision,
            namespace.isEmpty || namespace == change.place.namespace
        else { return }
        watch.revision = change.revision
        let was = change.before.map { watch.selection.matches($0) } ?? false
        let isNow = change.after.map { watch.selection.matches($0) } ?? false
        switch (was, isNow) {
        case (false, true):
            if let after = change.after { tell(.added(after), to: &watch) }
        case (true, true):
            if let after = change.after { tell(.modified(after), to: &watch) }
        case (true, false):
            guard var last = change.before else { return }
            last.resourceVersion = "\(change.revision)"
            tell(.deleted(last), to: &watch)
        case (false, false): break
        }
    }

    /// Appends one line, in the form the client asked for.
    private func tell(_ event: WatchEvent, to watch: inout Watch) {
        let kind = watch.call.resource.kind
        let (type, object): (String, KubeObject)
        switch event {
        case .added(let added): (type, object) = ("ADDED", added)
        case .modified(let modified): (type, object) = ("MODIFIED", modified)
        case .deleted(let deleted): (type, object) = ("DELETED", deleted)
        case .bookmark(let version, let isEnd) where watch.form == .table:
            watch.output += tableBookmark(version, isEnd, &watch)
            return
        case .bookmark, .error:
            watch.output += event.line(kind)
            return
        }
        let shown = EventForms.show(object, as: watch.call.resource)
        let body: JSONValue
        switch watch.form {
        case .whole: body = .object(shown.json)
        case .partial: body = watch.call.partial(shown)
        case .table:
            body = table(
                [shown], watch.call,
                metadata: .object([("resourceVersion", .string(object.resourceVersion))]),
                withColumns: !watch.hasSentColumns)
            watch.hasSentColumns = true
        }
        watch.output += Self.line(type, body)
    }

    private static func line(_ type: String, _ body: JSONValue) -> [UInt8] {
        let json = JSONValue.object([("type", .string(type)), ("object", body)])
        return JSON.bytes(json, style: JSON.Style(escapesHTML: false)) + [0x0a]
    }

    private func tableBookmark(
        _ version: String, _ isEnd: Bool, _ watch: inout Watch
    ) -> [UInt8] {
        var object = KubeObject(watch.call.resource.kind, name: "")
        object["metadata"] = .object([
            ("resourceVersion", .string(version)), ("creationTimestamp", .null),
        ])
        if isEnd { object.annotations = [WatchEvent.initialEventsEnd: "true"] }
        let body = table(
            [object], watch.call, metadata: .object([("resourceVersion", .string(version))]),
            withColumns: !watch.hasSentColumns)
        watch.hasSentColumns = true
        return Self.line("BOOKMARK", body)
    }

    // MARK: Time and ends

    /// Bookmarks that are due, and ends.
    mutating func tendWatches() {
        for id in watches.keys {
            guard var watch = watches[id], !watch.isEnding else { continue }
            let isOver = watch.deadline <= now
            if Faults.strike(&faults.expiredWatches) {
                tell(.error(.tooOld(1, current: store.revision)), to: &watch)
                watch.isEnding = true
            } else if isOver || watch.nextBookmark <= now {
                if watch.wantsBookmarks {
                    let version = "\(max(watch.revision, store.revision))"
                    tell(.bookmark(resourceVersion: version, initialEventsEnd: false), to: &watch)
                }
                watch.nextBookmark = now + settings.bookmarkInterval
                watch.isEnding = isOver
            } else {
                continue
            }
            watches[id] = watch
        }
    }

    /// When the next thing happens by itself, nil if nothing will.
    package var nextDeadline: Instant? {
        watches.values.map { $0.wantsBookmarks ? min($0.deadline, $0.nextBookmark) : $0.deadline }
            .min()
    }

    /// Lines that are ready, in the order of the watches.
    package mutating func takeWatchOutput() -> [WatchOutput] {
        var outputs: [WatchOutput] = []
        for id in watches.keys {
            guard var watch = watches[id], !watch.output.isEmpty || watch.isEnding else {
                continue
            }
            outputs.append(WatchOutput(id: id, bytes: watch.output, isEnd: watch.isEnding))
            watch.output = []
            watches[id] = watch.isEnding ? nil : watch
        }
        return outputs
    }

    /// The client is gone.
    package mutating func closeWatch(_ id: WatchID) { watches[id] = nil }

    /// A fault: every watch ends, without a word.
    package mutating func endWatches() {
        for id in watches.keys { _ = watches.update(id) { $0.isEnding = true } }
    }

    package var watchCount: Int { watches.count }
}

/// Where a watch begins.
struct WatchStart {
    enum From: Equatable {
        case now
        /// With what is there.
        case state
        case revision(Int64)
    }

    var from: From
    /// A bookmark says when what was there has been told.
    var marksEnd = false
    var wantsBookmarks: Bool
    var timeout: Duration?

    init(_ call: Call) throws(StatusError) {
        let request = call.request
        wantsBookmarks = Query.isTrue(request.query("allowWatchBookmarks"))
        if let text = request.query("timeoutSeconds"), !text.isEmpty {
            guard let seconds = Int64(text), seconds >= 0 else {
                throw .badRequest("timeoutSeconds is no number: \(text)")
            }
            if seconds > 0 { timeout = .seconds(min(seconds, 1 << 31)) }
        }
        let text = request.query("resourceVersion") ?? ""
        guard let revision = text.isEmpty ? 0 : Int64(text), revision >= 0 else {
            throw .invalidVersion(text)
        }
        from = revision == 0 ? .state : .revision(revision)
        let match = request.query("resourceVersionMatch") ?? ""
        guard let wanted = request.query("sendInitialEvents") else {
            guard match.isEmpty else {
                throw WatchStart.refused(
                    "resourceVersionMatch is forbidden for watch unless"
                        + " sendInitialEvents is provided")
            }
            return
        }
        guard match == "NotOlderThan" else {
            throw WatchStart.refused(
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        }
        if Query.isTrue(wanted) {
            guard wantsBookmarks else {
                throw WatchStart.refused("sendInitialEvents requires allowWatchBookmarks")
            }
            from = .state
            marksEnd = true
        } else if revision == 0 {
            from = .now
        }
    }

    private static func refused(_ text: String) -> StatusError {
        StatusError(
            code: 422, reason: "Invalid",
            message: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden:"
                + " \(text)")
    }
}

extension Faults {
    static func strike(_ count: inout Int) -> Bool {
        guard count > 0 else { return false }
        count -= 1
        return true
    }
}
