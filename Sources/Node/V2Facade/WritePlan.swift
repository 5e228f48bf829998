// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI
internal import Formats

/// A write that may be done if nothing has changed since it was decided.
package struct WritePlan: Equatable {
    enum Lease: Equatable {
        case none
        case existing(Int64)
        /// Granted by the shell before the transaction.
        case new
    }

    struct Put: Equatable {
        var path: String
        var record: NodeRecord
        var lease: Lease
    }

    var action: KeysAction
    /// What the decision looked at, by path, with its mod revision (0: missing).
    var seen: [(path: String, revision: Int64)] = []
    /// A directory that must still be empty.
    var mustBeEmpty: String?
    var puts: [Put] = []
    var deletes: [(key: [UInt8], end: [UInt8])] = []
    var mark: DeletionMark?
    /// The node of the event; its revision is set when it is known.
    var node: Node
    /// A deletion's node has no value.
    var isDeletion = false
    var previous: Node?
    /// Seconds of the lease that is needed first.
    package var leaseSeconds: Int64?
    /// Nothing hangs on it any more afterwards.
    package var obsoleteLease: Int64?

    init(_ action: KeysAction, node: Node) {
        self.action = action
        self.node = node
    }

    package static func == (left: WritePlan, right: WritePlan) -> Bool {
        left.transaction(newLease: 1) == right.transaction(newLease: 1)
            && left.action == right.action && left.node == right.node
            && left.previous == right.previous
    }

    package func transaction(newLease: Int64) -> TxnRequest {
        var request = TxnRequest()
        request.compare = seen.map { seen in
            Compare(
                result: .equal, target: .mod, key: Layout.key(seen.path),
                targetUnion: .modRevision(seen.revision))
        }
        if let mustBeEmpty {
            let range = Layout.below(mustBeEmpty)
            request.compare.append(
                Compare(
                    result: .equal, target: .version, key: range.key, targetUnion: .version(0),
                    rangeEnd: range.end))
        }
        if let mark {
            request.success.append(.put(PutRequest(key: Layout.mark, value: mark.bytes)))
        }
        for range in deletes {
            request.success.append(
                .deleteRange(DeleteRangeRequest(key: range.key, rangeEnd: range.end)))
        }
        for put in puts {
            let lease =
                switch put.lease {
                case .none: Int64(0)
                case .existing(let id): id
                case .new: newLease
                }
            request.success.append(
                .put(
                    PutRequest(
                        key: Layout.key(put.path), value: put.record.bytes, lease: lease)))
        }
        return request
    }

    /// What the client hears once the transaction was done at `revision`.
    package func answer(
        at revision: Int64, _ request: KeysRequest, _ moment: Moment
    ) -> KeysAnswer {
        var node = self.node
        node.revision = revision
        let isBare: Bool =
            switch action {
            case .set, .create, .update, .compareAndSwap: request.dropsNodes
            case .get, .delete, .compareAndDelete, .expire: false
            }
        let event = KeysEvent(
            action: action, node: node, previous: previous, index: revision,
            isDeletion: isDeletion)
        let isCreated = action == .create || action == .set && previous == nil
        return KeysAnswer(
            status: isCreated ? 201 : 200, body: event.text(moment, isBare: isBare),
            index: revision, isSuccess: true)
    }
}

/// Something that happened to a node, as clients see it.
package struct KeysEvent: Equatable {
    var action: KeysAction
    var node: Node
    var previous: Node?
    /// Its revision.
    package var index: Int64
    var isDeletion: Bool

    /// JSON with a newline.
    package func text(_ moment: Moment, isBare: Bool = false) -> String {
        var members: [(String, JSONValue)] = [("action", .string(action.text))]
        if !isBare {
            members.append(("node", isDeletion ? deletedNode : node.json(moment)))
            if let previous { members.append(("prevNode", previous.json(moment))) }
        }
        return JSON.text(.object(members)) + "\n"
    }

    private var deletedNode: JSONValue {
        var members: [(String, JSONValue)] = [("key", .string(node.path))]
        if node.isDirectory { members.append(("dir", true)) }
        members.append(("modifiedIndex", .integer(index)))
        members.append(("createdIndex", .integer(node.created)))
        return .object(members)
    }
}
