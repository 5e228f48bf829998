// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import MVCC

/// A transaction whose compares are decided, those of nested transactions too: all of them look at
/// the state before the first write. What will run is known before anything runs.
struct TxnPlan {
    enum Step {
        case range(RangeRequest)
        case put(PutRequest)
        case deleteRange(DeleteRangeRequest)
        case txn(TxnPlan)
        case none
    }

    var succeeded: Bool
    var steps: [Step]
}

extension Ledger {
    /// Deeper nesting cannot pass the checks at admission; in an entry it is refused.
    static let maxTxnDepth = 128

    /// Nil when it is nested too deep.
    func plan(_ txn: TxnRequest, depth: Int = 0) -> TxnPlan? {
        guard depth <= Ledger.maxTxnDepth else { return nil }
        let succeeded = txn.compare.allSatisfy(holds)
        var plan = TxnPlan(succeeded: succeeded, steps: [])
        for operation in succeeded ? txn.success : txn.failure {
            switch operation {
            case .range(let range): plan.steps.append(.range(range))
            case .put(let put): plan.steps.append(.put(put))
            case .deleteRange(let delete): plan.steps.append(.deleteRange(delete))
            case .txn(let nested):
                guard let nested = self.plan(nested, depth: depth + 1) else { return nil }
                plan.steps.append(.txn(nested))
            case .none: plan.steps.append(.none)
            }
        }
        return plan
    }

    /// Why the plan cannot run to its end: first all puts are looked at, then all other steps.
    func refusal(of plan: TxnPlan) -> EtcdError? {
        refusalOfPuts(in: plan) ?? refusalOfReads(in: plan)
    }

    private func refusalOfPuts(in plan: TxnPlan) -> EtcdError? {
        for step in plan.steps {
            switch step {
            case .put(let put):
                if put.key.isEmpty { return .emptyKey }
                if needsPrevious(put), live(put.key) == nil { return .keyNotFound }
                if put.lease != 0, !lessor.contains(put.lease) { return .leaseNotFound }
            case .txn(let nested):
                if let error = refusalOfPuts(in: nested) { return error }
            case .range, .deleteRange, .none: break
            }
        }
        return nil
    }

    private func refusalOfReads(in plan: TxnPlan) -> EtcdError? {
        for step in plan.steps {
            switch step {
            case .range(let range):
                if let error = refusal(of: range) { return error }
            case .deleteRange(let delete):
                if delete.key.isEmpty { return .emptyKey }
            case .txn(let nested):
                if let error = refusalOfReads(in: nested) { return error }
            case .put, .none: break
            }
        }
        return nil
    }

    private func refusal(of range: RangeRequest) -> EtcdError? {
        if let error = Ledger.check(range) { return error }
        // In a transaction also a negative revision is taken at its word, unlike in a plain range.
        if range.revision > keyspace.revision { return .futureRevision }
        if range.revision != 0, range.revision < keyspace.compactRevision { return .compacted }
        return nil
    }

    // MARK: Compares

    /// Every key of the range must hold. No key counts as one absent key.
    private func holds(_ compare: Compare) -> Bool {
        if compare.rangeEnd.isEmpty {
            guard !compare.key.isEmpty, let record = live(compare.key) else {
                return holdsForAbsent(compare)
            }
            return holds(compare, record)
        }
        let range = KeyRange(key: compare.key, end: compare.rangeEnd)
        do throws(KeyspaceError) {
            let found = try keyspace.range(range, at: 0, limit: 0, countOnly: false)
            if found.records.isEmpty { return holdsForAbsent(compare) }
            return found.records.allSatisfy { holds(compare, $0) }
        } catch {
            return false
        }
    }

    /// A value cannot be compared with that of an absent key: neither equal nor unequal.
    private func holdsForAbsent(_ compare: Compare) -> Bool {
        if compare.target == .value { return false }
        return compare.accepts(0, compare.number)
    }

    private func holds(_ compare: Compare, _ record: Record) -> Bool {
        switch compare.target {
        case .version: compare.accepts(record.version, compare.number)
        case .create: compare.accepts(record.createRevision, compare.number)
        case .mod: compare.accepts(record.modRevision, compare.number)
        case .lease: compare.accepts(record.lease, compare.number)
        case .value: compare.accepts(record.value, compare.bytes)
        case .unknown: compare.accepts(0, 0)
        }
    }
}

extension Compare {
    /// What the target is compared with; a value of another kind than the target's counts as zero.
    fileprivate var number: Int64 {
        switch (target, targetUnion) {
        case (.version, .version(let number)), (.create, .createRevision(let number)),
            (.mod, .modRevision(let number)), (.lease, .lease(let number)):
            number
        default: 0
        }
    }

    fileprivate var bytes: [UInt8] {
        if case .value(let bytes) = targetUnion { bytes } else { [] }
    }

    fileprivate func accepts(_ left: Int64, _ right: Int64) -> Bool {
        accepts(isEqual: left == right, isLess: left < right)
    }

    fileprivate func accepts(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        accepts(isEqual: left == right, isLess: isBytewiseBefore(left, right))
    }

    private func accepts(isEqual: Bool, isLess: Bool) -> Bool {
        switch result {
        case .equal: isEqual
        case .notEqual: !isEqual
        case .greater: !isEqual && !isLess
        case .less: isLess
        case .unknown: true
        }
    }
}
