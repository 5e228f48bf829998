// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

/// The alarms that are raised, each for one member (zero: for nobody in particular).
package struct Alarms: Equatable, Sendable {
    /// By kind, then by member.
    package private(set) var list: [AlarmMember] = []

    package init() {}

    /// For any member.
    package func isActive(_ kind: AlarmType) -> Bool {
        list.contains { $0.alarm == kind }
    }

    package func isActive(_ kind: AlarmType, of memberID: UInt64) -> Bool {
        list.contains(AlarmMember(memberID: memberID, alarm: kind))
    }

    /// `.none` stands for all kinds.
    package func list(of kind: AlarmType) -> [AlarmMember] {
        list.filter { kind == .none || $0.alarm == kind }
    }

    /// Raising twice changes nothing. Answers whether it was new.
    @discardableResult
    mutating func raise(_ alarm: AlarmMember) -> Bool {
        guard !list.contains(alarm) else { return false }
        let place = list.firstIndex { order($0) > order(alarm) } ?? list.count
        list.insert(alarm, at: place)
        return true
    }

    mutating func clear(_ alarm: AlarmMember) -> Bool {
        guard let place = list.firstIndex(of: alarm) else { return false }
        list.remove(at: place)
        return true
    }

    private func order(_ alarm: AlarmMember) -> (Int32, UInt64) {
        (alarm.alarm.number, alarm.memberID)
    }
}

extension Ledger {
    func applyAlarm(_ request: AlarmRequest, _ applied: inout Applied) -> Outcome {
        let alarm = AlarmMember(memberID: request.memberID, alarm: request.alarm)
        switch request.action {
        case .get:
            // As in etcd, a list is always that of all members.
            return .reply(.alarm(alarms.list(of: request.alarm)))
        case .activate:
            if request.alarm == .none { return .reply(.alarm([])) }
            if alarms.raise(alarm) {
                applied.alarmChanged = AlarmChange(alarm: alarm, isActive: true)
            }
            return .reply(.alarm([alarm]))
        case .deactivate:
            guard alarms.clear(alarm) else { return .reply(.alarm([])) }
            applied.alarmChanged = AlarmChange(alarm: alarm, isActive: false)
            return .reply(.alarm([alarm]))
        case .unknown:
            return .reply(.alarm([]))
        }
    }

    /// What the raised alarms forbid (semantics of 3.6: both kinds count, corruption first).
    func refusalByAlarm(_ command: InternalRaftRequest.Command) -> EtcdError? {
        if alarms.list.isEmpty { return nil }
        if alarms.isActive(.corrupt) {
            switch command {
            case .put, .range, .deleteRange, .txn, .compaction, .leaseGrant, .leaseRevoke:
                return .corrupt
            default: break
            }
        }
        // A put costs at least 256 bytes, so a transaction without cost has no puts.
        if alarms.isActive(.noSpace), (Ledger.cost(of: command) ?? 0) > 0 { return .noSpace }
        return nil
    }
}
