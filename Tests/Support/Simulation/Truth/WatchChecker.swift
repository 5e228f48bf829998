// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

/// What one watch was promised (etcd's api_guarantees): its events in order, each once, none left
/// out, a revision never split; a notification of progress only after what it stands for.
package struct WatchChecker: Sendable {
    private let template: WatchCreateRequest
    /// Everything before this revision was delivered; 0 before the first answer.
    package private(set) var next: Int64 = 0
    package private(set) var isOpen = false
    private var isCreated = false
    private var isFragment = false
    /// Events of a revision whose rest is still to come.
    private var pending: [WatchEvent] = []

    package init(_ template: WatchCreateRequest) {
        self.template = template
    }

    package var id: Int64 { template.watchID }
    package var wantsFragments: Bool { template.fragment }
    package var isFresh: Bool { next == 0 }

    /// The request that begins or resumes the watch; `first` counts only at the very beginning.
    package mutating func open(first: Int64) -> WatchCreateRequest {
        isOpen = true
        isCreated = false
        pending = []
        var request = template
        if next == 0, first > 0 { next = first }
        request.startRevision = next
        return request
    }

    package mutating func closing() { isOpen = false }

    // MARK: Responses

    package mutating func take(_ response: WatchResponse, _ model: Model) -> String? {
        let revision = response.header?.revision ?? 0
        if revision > model.revision { return "header of revision \(revision), of the future" }
        if response.canceled { return takeEnd(response, model) }
        if response.created {
            if !response.events.isEmpty { return "events in the answer to create" }
            isCreated = true
            if next == 0 { next = revision + 1 }
            return nil
        }
        // Its end is on the way.
        if !isOpen { return response.events.isEmpty ? nil : accept(response.events, model) }
        if !isCreated { return "a response before it was created" }
        if response.events.isEmpty { return promised(response, model) }
        if response.fragment, !template.fragment { return "a fragment that was not asked for" }
        pending += response.events
        if response.fragment { return nil }
        let events = pending
        pending = []
        return accept(events, model)
    }

    private mutating func takeEnd(_ response: WatchResponse, _ model: Model) -> String? {
        isOpen = false
        pending = []
        if !response.cancelReason.isEmpty, response.compactRevision == 0 {
            return "refused: \(response.cancelReason)"
        }
        guard response.compactRevision > 0 else { return nil }
        if response.compactRevision > max(model.compacted, 1) {
            return "cancelled for a compaction at \(response.compactRevision), which is not"
        }
        if next >= response.compactRevision {
            return "cancelled for a compaction at \(response.compactRevision), is at \(next)"
        }
        next = response.compactRevision
        return nil
    }

    private mutating func accept(_ events: [WatchEvent], _ model: Model) -> String? {
        guard let last = events.last?.kv?.modRevision else { return "an event without a key" }
        if last > model.revision { return "an event of revision \(last), of the future" }
        if last < next { return "events up to \(last), but it has had everything before \(next)" }
        let expected = wanted(from: next, through: last, model)
        guard expected.count == events.count else {
            return "\(events.count) events up to revision \(last), expected \(expected.count) from "
                + "\(next) on: \(describe(events)) for \(expected.map(\.record.main))"
        }
        for (event, change) in zip(events, expected) {
            if let problem = difference(event, change, model) { return problem }
        }
        next = last + 1
        return nil
    }

    /// All up to the header's revision was delivered.
    package mutating func promised(_ response: WatchResponse, _ model: Model) -> String? {
        let revision = response.header?.revision ?? 0
        guard isCreated, next > 0 else { return nil }
        if revision > model.revision { return "progress to \(revision), of the future" }
        if next > revision { return nil }
        if let first = wanted(from: next, through: revision, model).first {
            return "progress to \(revision) before the event of \(first.record.main)"
        }
        next = max(next, revision + 1)
        return nil
    }

    package func missing(_ model: Model) -> String? {
        guard isOpen, isCreated else { return "is not open" }
        guard let first = wanted(from: next, through: model.revision, model).first else {
            return nil
        }
        return "the event of \(first.record.main) never came"
    }

    // MARK: The model's view

    private func wanted(from first: Int64, through last: Int64, _ model: Model) -> [ModelChange] {
        guard first <= last else { return [] }
        var found: [ModelChange] = []
        for place in model.position(of: first)..<model.changes.count {
            let change = model.changes[place]
            if change.record.main > last { break }
            if isWanted(change.record) { found.append(change) }
        }
        return found
    }

    private func isWanted(_ record: ModelRecord) -> Bool {
        if record.isTombstone, template.filters.contains(.noDelete) { return false }
        if !record.isTombstone, template.filters.contains(.noPut) { return false }
        let end = template.rangeEnd
        if end.isEmpty { return record.key == template.key }
        if record.key.lexicographicallyPrecedes(template.key) { return false }
        return end == [0] || record.key.lexicographicallyPrecedes(end)
    }

    private func difference(
        _ event: WatchEvent, _ change: ModelChange, _ model: Model
    ) -> String? {
        guard let wire = event.kv else { return "an event without a key" }
        let record = change.record
        if record.isTombstone {
            guard event.type == .delete, wire.key == record.key, wire.modRevision == record.main
            else { return "\(describe([event])) instead of a delete at \(record.main)" }
        } else {
            guard event.type == .put, record.matches(wire) else {
                return "\(describe([event])) instead of \(Replies.describe(record))"
            }
        }
        guard template.prevKV else {
            return event.prevKV == nil ? nil : "a previous value that was not asked for"
        }
        guard let previous = event.prevKV else {
            let isCompacted = (change.previous?.main ?? 0) <= model.compacted
            return change.previous == nil || isCompacted
                ? nil : "no previous value at \(record.main)"
        }
        return Replies.difference(previous, change.previous).map { "previous value: \($0)" }
    }

    private func describe(_ events: [WatchEvent]) -> String {
        "\(events.map { "\(text($0.kv?.key ?? []))@\($0.kv?.modRevision ?? 0)" })"
    }
}
