// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI

/// A key that sorts bytewise.
package struct KeyName: Comparable, Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package static func < (left: KeyName, right: KeyName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

/// One version of one key.
package struct ModelRecord: Equatable, Sendable {
    package var key: [UInt8]
    package var value: [UInt8] = []
    package var main: Int64
    package var sub: Int64
    package var create: Int64 = 0
    package var version: Int64 = 0
    package var lease: Int64 = 0
    package var isTombstone = false

    package func matches(_ wire: KeyValue) -> Bool {
        wire.key == key && wire.value == value && wire.modRevision == main
            && wire.createRevision == create && wire.version == version && wire.lease == lease
    }
}

package struct ModelChange: Sendable {
    package var record: ModelRecord
    /// The live version before it.
    package var previous: ModelRecord?
}

/// A place between two writes: everything before (main, sub) counts.
package struct Bound: Sendable {
    package var main: Int64
    package var sub: Int64

    /// The state after revision `main`.
    package static func after(_ main: Int64) -> Bound { Bound(main: main + 1, sub: 0) }
    /// The state before the first write of revision `main`.
    package static func before(_ main: Int64) -> Bound { Bound(main: main, sub: 0) }
}

/// What the cluster must hold: a naive store that forgets nothing and is told each committed entry
/// once. It is written from etcd's documentation and shares no code with the real one.
package struct Model: Sendable {
    package struct Lease: Sendable {
        package var ttl: Int64
        package var keys: Set<KeyName> = []
    }

    package private(set) var revision: Int64 = 1
    package private(set) var compacted: Int64 = 0
    package private(set) var changes: [ModelChange] = []
    /// Where the changes of revision 2, 3, ... begin in `changes`.
    private var starts: [Int] = []
    private var histories = SortedMap<KeyName, [ModelRecord]>()
    package private(set) var leases = SortedMap<Int64, Lease>()
    /// Members for which NOSPACE is raised.
    package private(set) var alarms: Set<UInt64> = []
    private let minimumTTL: Int64

    package init(minimumTTL: Int64) {
        self.minimumTTL = minimumTTL
    }

    // MARK: Reads

    /// The newest version before the bound; nil when there is none or it is a tombstone.
    package func live(_ key: [UInt8], _ bound: Bound) -> ModelRecord? {
        guard let history = histories[KeyName(key)] else { return nil }
        return live(history, bound)
    }

    private func live(_ history: [ModelRecord], _ bound: Bound) -> ModelRecord? {
        var low = 0
        var high = history.count
        while low < high {
            let middle = (low + high) / 2
            let record = history[middle]
            let isBefore =
                record.main < bound.main || (record.main == bound.main && record.sub < bound.sub)
            if isBefore { low = middle + 1 } else { high = middle }
        }
        guard low > 0, !history[low - 1].isTombstone else { return nil }
        return history[low - 1]
    }

    package func range(_ key: [UInt8], _ end: [UInt8], _ bound: Bound) -> [ModelRecord] {
        if end.isEmpty { return live(key, bound).map { [$0] } ?? [] }
        var found: [ModelRecord] = []
        var place = histories.position(of: KeyName(key))
        while place < histories.count {
            if end != [0], !(histories.keys[place] < KeyName(end)) { break }
            if let record = live(histories.values[place], bound) { found.append(record) }
            place += 1
        }
        return found
    }

    /// All changes of one revision.
    package func changes(of main: Int64) -> ArraySlice<ModelChange> {
        let place = Int(main) - 2
        guard place >= 0, place < starts.count else { return [] }
        return changes[
            starts[place]..<(place + 1 < starts.count ? starts[place + 1] : changes.count)]
    }

    /// Where the changes from `main` on begin.
    package func position(of main: Int64) -> Int {
        let place = Int(max(main, 2)) - 2
        return place < starts.count ? starts[place] : changes.count
    }

    // MARK: Writes

    package enum Effect: Sendable {
        case changed
        case nothing
        case leaseGone(Int64)
        case alarmRaised
        case alarmCleared
        case refused
    }

    package mutating func apply(_ command: InternalRaftRequest.Command) -> Effect {
        if !alarms.isEmpty, command.mayGrow { return .refused }
        switch command {
        case .put(let put):
            if put.lease != 0, leases[put.lease] == nil { return .refused }
            return write { $0.put(put, &$1) }
        case .deleteRange(let delete):
            return write { $0.delete(delete.key, delete.rangeEnd, &$1) }
        case .txn(let txn): return apply(txn)
        case .compaction(let compaction):
            guard compaction.revision > compacted, compaction.revision <= revision else {
                return .refused
            }
            compacted = compaction.revision
            return .nothing
        case .leaseGrant(let grant):
            if leases[grant.id] != nil { return .refused }
            leases[grant.id] = Lease(ttl: max(grant.ttl, minimumTTL))
            return .nothing
        case .leaseRevoke(let revoke): return revokeLease(revoke.id)
        case .alarm(let request): return apply(request)
        default: return .nothing
        }
    }

    private mutating func apply(_ request: AlarmRequest) -> Effect {
        guard request.alarm == .noSpace else { return .nothing }
        switch request.action {
        case .activate: return alarms.insert(request.memberID).inserted ? .alarmRaised : .nothing
        case .deactivate:
            return alarms.remove(request.memberID) != nil ? .alarmCleared : .nothing
        case .get, .unknown: return .nothing
        }
    }

    private mutating func write(_ body: (inout Model, inout Int64) -> Void) -> Effect {
        let start = changes.count
        var sub: Int64 = 0
        body(&self, &sub)
        if changes.count == start { return .nothing }
        starts.append(start)
        revision += 1
        return .changed
    }

    private mutating func put(_ put: PutRequest, _ sub: inout Int64) {
        let before = live(put.key, Bound(main: revision + 1, sub: sub))
        record(
            ModelRecord(
                key: put.key, value: put.value, main: revision + 1, sub: sub,
                create: before?.create ?? revision + 1, version: (before?.version ?? 0) + 1,
                lease: put.lease), before, &sub)
    }

    private mutating func delete(_ key: [UInt8], _ end: [UInt8], _ sub: inout Int64) {
        for before in range(key, end, Bound(main: revision + 1, sub: sub)) {
            record(
                ModelRecord(key: before.key, main: revision + 1, sub: sub, isTombstone: true),
                before, &sub)
        }
    }

    private mutating func record(
        _ record: ModelRecord, _ before: ModelRecord?, _ sub: inout Int64
    ) {
        let name = KeyName(record.key)
        changes.append(ModelChange(record: record, previous: before))
        if histories.update(name, { $0.append(record) }) == nil { histories[name] = [record] }
        if let old = before?.lease, old != 0 { _ = leases.update(old) { _ = $0.keys.remove(name) } }
        if record.lease != 0 { _ = leases.update(record.lease) { _ = $0.keys.insert(name) } }
        sub += 1
    }

    private mutating func revokeLease(_ id: Int64) -> Effect {
        guard let lease = leases[id] else { return .refused }
        leases[id] = nil
        _ = write { model, sub in
            for name in lease.keys.sorted() { model.delete(name.bytes, [], &sub) }
        }
        return .leaseGone(id)
    }

    // MARK: Transactions

    private mutating func apply(_ txn: TxnRequest) -> Effect {
        let bound = Bound.after(revision)
        guard canRun(txn, bound) else { return .refused }
        return write { $0.run(txn, bound, &$1) }
    }

    private mutating func run(_ txn: TxnRequest, _ bound: Bound, _ sub: inout Int64) {
        for operation in holds(txn, bound) ? txn.success : txn.failure {
            switch operation {
            case .put(let put): self.put(put, &sub)
            case .deleteRange(let delete): self.delete(delete.key, delete.rangeEnd, &sub)
            case .txn(let nested): run(nested, bound, &sub)
            case .range, .none: break
            }
        }
    }

    private func canRun(_ txn: TxnRequest, _ bound: Bound) -> Bool {
        (holds(txn, bound) ? txn.success : txn.failure).allSatisfy { operation in
            switch operation {
            case .put(let put): put.lease == 0 || leases[put.lease] != nil
            case .range(let range):
                range.revision == 0
                    || (range.revision >= compacted && range.revision <= revision)
            case .txn(let nested): canRun(nested, bound)
            case .deleteRange, .none: true
            }
        }
    }

    /// Whether all compares hold; the workload compares single keys only.
    package func holds(_ txn: TxnRequest, _ bound: Bound) -> Bool {
        txn.compare.allSatisfy { compare in
            let record = live(compare.key, bound)
            switch compare.targetUnion {
            case .version(let wanted): return compare.accepts(record?.version ?? 0, wanted)
            case .createRevision(let wanted): return compare.accepts(record?.create ?? 0, wanted)
            case .modRevision(let wanted): return compare.accepts(record?.main ?? 0, wanted)
            case .lease(let wanted): return compare.accepts(record?.lease ?? 0, wanted)
            case .value(let wanted):
                guard let record else { return false }
                return compare.result == .equal ? record.value == wanted : record.value != wanted
            case .none: return false
            }
        }
    }
}

extension InternalRaftRequest.Command {
    /// What NOSPACE forbids: whatever might add to the store, also by the branch not taken.
    fileprivate var mayGrow: Bool {
        switch self {
        case .put, .leaseGrant: true
        case .txn(let txn): txn.mayGrow
        default: false
        }
    }
}

extension TxnRequest {
    fileprivate var mayGrow: Bool {
        (success + failure).contains { operation in
            switch operation {
            case .put: true
            case .txn(let nested): nested.mayGrow
            case .range, .deleteRange, .none: false
            }
        }
    }
}

extension Compare {
    fileprivate func accepts(_ left: Int64, _ right: Int64) -> Bool {
        switch result {
        case .equal: left == right
        case .notEqual: left != right
        case .greater: left > right
        case .less: left < right
        case .unknown: true
        }
    }
}
