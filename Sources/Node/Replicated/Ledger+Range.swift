// SPDX-License-Identifier: Apache-2.0
package import EtcdAPI
internal import MVCC

// Reads. Nothing here asks whether the caller may read now: the protocol has settled that.
extension Ledger {
    package func range(_ request: RangeRequest) -> Result<Reply, EtcdError> {
        if let error = Ledger.check(request) { return .failure(error) }
        do throws(KeyspaceError) {
            return .success(.range(try read(request)))
        } catch {
            return .failure(Ledger.answer(to: error))
        }
    }

    func readRange(_ request: RangeRequest) -> Outcome {
        switch range(request) {
        case .success(let reply): .reply(reply)
        case .failure(let error): .failure(error)
        }
    }

    /// `hasWritten`: inside a transaction that has changed something, which this range sees.
    func read(
        _ request: RangeRequest, hasWritten: Bool = false
    ) throws(KeyspaceError) -> RangeReply {
        let range = KeyRange(key: request.key, end: request.rangeEnd)
        let found = try keyspace.range(
            range, at: max(request.revision, 0), limit: fetchLimit(of: request),
            countOnly: request.countOnly)
        var reply = RangeReply(
            count: Int64(found.count), keysOnly: request.keysOnly,
            revision: keyspace.revision + (hasWritten ? 1 : 0))
        var records = found.records
        if request.isFiltered { records.removeAll { request.drops($0) } }
        if request.isSorted { records = request.sorted(records) }
        if request.limit > 0, Int64(records.count) > request.limit {
            records.removeLast(records.count - Int(request.limit))
            reply.more = true
        }
        reply.records = records
        return reply
    }

    /// One more than asked for tells whether there is more. A sort order or a filter needs all.
    /// As in etcd a sort target without an order does not: it sorts what the limit lets through.
    private func fetchLimit(of request: RangeRequest) -> Int {
        guard request.limit > 0, request.sortOrder == .none, !request.isFiltered else { return 0 }
        return Int(min(request.limit, Int64(Int.max) - 1)) + 1
    }
}

extension RangeRequest {
    fileprivate var isFiltered: Bool {
        maxModRevision != 0 || minModRevision != 0 || maxCreateRevision != 0
            || minCreateRevision != 0
    }

    fileprivate func drops(_ record: Record) -> Bool {
        maxModRevision != 0 && record.modRevision > maxModRevision
            || minModRevision != 0 && record.modRevision < minModRevision
            || maxCreateRevision != 0 && record.createRevision > maxCreateRevision
            || minCreateRevision != 0 && record.createRevision < minCreateRevision
    }

    /// Records come in key order; that is also what ascending by key means.
    fileprivate var isSorted: Bool { sortOrder == .descend || sortTarget != .key }

    fileprivate func sorted(_ records: [Record]) -> [Record] {
        switch sortTarget {
        case .key, .unknown: records.reversed()
        case .version: sorted(records, by: \.version)
        case .create: sorted(records, by: \.createRevision)
        case .mod: sorted(records, by: \.modRevision)
        case .value: sortedByValue(records)
        }
    }

    /// Ties keep the order of keys.
    private func sorted(_ records: [Record], by number: (Record) -> Int64) -> [Record] {
        let isDescending = sortOrder == .descend
        return records.enumerated()
            .map { (place: $0.offset, number: number($0.element), record: $0.element) }
            .sorted { left, right in
                if left.number == right.number { return left.place < right.place }
                return isDescending ? left.number > right.number : left.number < right.number
            }
            .map(\.record)
    }

    private func sortedByValue(_ records: [Record]) -> [Record] {
        let isDescending = sortOrder == .descend
        return records.enumerated()
            .map { (place: $0.offset, value: $0.element.value, record: $0.element) }
            .sorted { left, right in
                if left.value == right.value { return left.place < right.place }
                return isDescending
                    ? isBytewiseBefore(right.value, left.value)
                    : isBytewiseBefore(left.value, right.value)
            }
            .map(\.record)
    }
}
