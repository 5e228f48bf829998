// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI

/// Turns watch responses of the whole prefix into the events that one waiter wants.
package struct WatchReader {
    private let path: String
    private let isRecursive: Bool
    /// Events up to here are read from history, where hidden nodes are not hidden: etcd's habit.
    private let historyEnd: Int64

    package init(_ request: KeysRequest, current: Int64) {
        path = request.path
        isRecursive = request.isRecursive
        historyEnd = current
    }

    /// In order. All events of a revision are in one response.
    package func events(_ response: WatchResponse) -> [KeysEvent] {
        var found: [KeysEvent] = []
        var rest = response.events[...]
        while let revision = rest.first?.kv?.modRevision {
            let turn = rest.prefix { $0.kv?.modRevision == revision }
            rest = rest.dropFirst(turn.count)
            for event in Self.events(of: turn, at: revision) where wants(event) {
                found.append(event)
            }
        }
        return found
    }

    private static func events(
        of turn: ArraySlice<WatchEvent>, at revision: Int64
    ) -> [KeysEvent] {
        var events: [KeysEvent] = []
        var mark: DeletionMark?
        var deleted: [Node] = []
        for event in turn {
            guard let pair = event.kv else { continue }
            if event.type == .put {
                if pair.key == Layout.mark {
                    mark = DeletionMark(pair.value)
                } else if let event = Self.event(pair, event.prevKV) {
                    events.append(event)
                }
            } else if let previous = event.prevKV.flatMap(Node.init) {
                deleted.append(previous)
            }
        }
        for node in tops(of: deleted) {
            let isMarked = mark?.path == node.path
            var gone = node
            gone.record.created = node.created
            events.append(
                KeysEvent(
                    action: isMarked ? mark?.action ?? .expire : .expire, node: gone,
                    previous: node, index: revision, isDeletion: true))
        }
        return events
    }

    private static func event(_ pair: KeyValue, _ before: KeyValue?) -> KeysEvent? {
        guard var node = Node(pair), !node.record.isSilent else { return nil }
        // The event has the new index even where the node keeps the old one.
        node.record.modified = 0
        let action = node.record.action
        return KeysEvent(
            action: action, node: node,
            previous: action == .create ? nil : before.flatMap(Node.init),
            index: pair.modRevision, isDeletion: false)
    }

    /// Without those that went with a directory above them.
    private static func tops(of nodes: [Node]) -> [Node] {
        let paths = Set(nodes.map(\.path))
        return nodes.filter { node in
            !NodePath.chain(NodePath.parent(node.path)).contains { paths.contains($0) }
        }
    }

    private func wants(_ event: KeysEvent) -> Bool {
        let changed = event.node.path
        if changed == path { return true }
        if event.isDeletion, event.action != .compareAndDelete, event.node.isDirectory,
            NodePath.isBelow(path, changed)
        {
            return true
        }
        guard isRecursive, NodePath.isBelow(changed, path) else { return false }
        return event.index <= historyEnd || !NodePath.isHidden(changed, from: path)
    }
}
