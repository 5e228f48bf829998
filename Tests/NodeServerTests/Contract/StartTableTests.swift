// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import NodeServer

/// Every row of the table by which a member in a pod starts.
struct StartTableTests {
    private static let identity = NodeIdentity(
        clusterUID: "c1", clusterID: 7, memberID: 8, podUID: "old", ticketGeneration: 3)

    static func ticket(
        _ action: Ticket.Action, _ generation: Int64 = 5, cluster: String = "c1",
        pod: String = "me"
    ) -> Ticket {
        var ticket = Ticket(clusterUID: cluster, generation: generation, action: action)
        ticket.podUID = pod
        return ticket
    }

    private static func facts(
        _ data: StartTable.Data, identity: NodeIdentity? = nil, intent: Ticket? = nil,
        isRemoved: Bool = false, pod: String = "me"
    ) -> StartTable.Facts {
        StartTable.Facts(
            data: data, identity: identity, intent: intent, isRemoved: isRemoved, podUID: pod)
    }

    enum Wanted: Equatable, Sendable {
        case start, adopt, complete, found, join, restore, force, foreign, removed, etcds
        case waits
        case waitsForData

        init(_ decision: StartTable.Decision) {
            self =
                switch decision {
                case .start: .start
                case .adopt: .adopt
                case .complete: .complete
                case .found: .found
                case .join: .join
                case .restore: .restore
                case .forceNewCluster: .force
                case .wait(_, let isDataLost): isDataLost ? .waitsForData : .waits
                case .refuse(.foreign): .foreign
                case .refuse(.removed): .removed
                case .refuse(.etcds): .etcds
                }
        }
    }

    struct Row: Sendable, CustomStringConvertible {
        var description: String
        var facts: StartTable.Facts
        var ticket: Ticket?
        var wanted: Wanted
    }

    private static let lived = facts(.log, identity: identity)
    private static let lost = facts(.none, identity: identity)
    private static let empty = facts(.none)

    private static let rows: [Row] = [
        // Data and identity.
        Row(description: "lived, no ticket", facts: lived, ticket: nil, wanted: .start),
        Row(description: "lived, resume", facts: lived, ticket: ticket(.resume), wanted: .start),
        Row(description: "lived, join", facts: lived, ticket: ticket(.join), wanted: .start),
        Row(
            description: "lived, bootstrap again", facts: lived, ticket: ticket(.bootstrap),
            wanted: .start),
        Row(
            description: "lived, restore again", facts: lived, ticket: ticket(.restore),
            wanted: .start),
        Row(description: "lived, hold", facts: lived, ticket: ticket(.hold), wanted: .waits),
        Row(
            description: "lived, other cluster", facts: lived,
            ticket: ticket(.resume, cluster: "c2"), wanted: .foreign),
        Row(
            description: "lived, hold of another cluster", facts: lived,
            ticket: ticket(.hold, cluster: "c2"), wanted: .foreign),
        Row(
            description: "lived, old generation of another cluster", facts: lived,
            ticket: ticket(.resume, 0, cluster: "c2"), wanted: .foreign),
        Row(
            description: "lived, force", facts: lived, ticket: ticket(.forceNewCluster),
            wanted: .force),
        Row(
            description: "lived, force of another pod", facts: lived,
            ticket: ticket(.forceNewCluster, pod: "you"), wanted: .start),
        Row(
            description: "lived, force was done", facts: lived,
            ticket: ticket(.forceNewCluster, 3), wanted: .start),
        // Removed.
        Row(
            description: "removed, no ticket",
            facts: facts(.log, identity: identity, isRemoved: true),
            ticket: nil, wanted: .removed),
        Row(
            description: "removed, newer join",
            facts: facts(.log, identity: identity, isRemoved: true), ticket: ticket(.join, 99),
            wanted: .removed),
        Row(
            description: "removed, other cluster",
            facts: facts(.log, identity: identity, isRemoved: true),
            ticket: ticket(.join, 99, cluster: "c2"), wanted: .removed),
        // Empty.
        Row(description: "empty, no ticket", facts: empty, ticket: nil, wanted: .waits),
        Row(
            description: "empty, bootstrap", facts: empty, ticket: ticket(.bootstrap),
            wanted: .found),
        Row(
            description: "empty, bootstrap of another pod", facts: empty,
            ticket: ticket(.bootstrap, pod: "you"), wanted: .waits),
        Row(
            description: "empty, bootstrap, nobody said who I am", facts: facts(.none, pod: ""),
            ticket: ticket(.bootstrap), wanted: .waits),
        Row(description: "empty, join", facts: empty, ticket: ticket(.join), wanted: .join),
        Row(
            description: "empty, join is not bound to a pod", facts: empty,
            ticket: ticket(.join, pod: "you"), wanted: .join),
        Row(
            description: "empty, resume", facts: empty, ticket: ticket(.resume),
            wanted: .waitsForData),
        Row(description: "empty, hold", facts: empty, ticket: ticket(.hold), wanted: .waits),
        Row(
            description: "empty, restore", facts: empty, ticket: ticket(.restore),
            wanted: .restore),
        Row(
            description: "empty, restore of another pod", facts: empty,
            ticket: ticket(.restore, pod: "you"), wanted: .waits),
        Row(
            description: "empty, force", facts: empty, ticket: ticket(.forceNewCluster),
            wanted: .waitsForData),
        // Identity without data.
        Row(description: "lost, no ticket", facts: lost, ticket: nil, wanted: .waitsForData),
        Row(
            description: "lost, bootstrap", facts: lost, ticket: ticket(.bootstrap),
            wanted: .waitsForData),
        Row(description: "lost, join", facts: lost, ticket: ticket(.join), wanted: .waitsForData),
        Row(
            description: "lost, restore", facts: lost, ticket: ticket(.restore),
            wanted: .waitsForData),
        Row(
            description: "lost, other cluster", facts: lost,
            ticket: ticket(.bootstrap, cluster: "c2"), wanted: .foreign),
        // Data without identity.
        Row(description: "unclaimed, no ticket", facts: facts(.log), ticket: nil, wanted: .waits),
        Row(
            description: "unclaimed, resume", facts: facts(.log), ticket: ticket(.resume),
            wanted: .adopt),
        Row(
            description: "unclaimed, join", facts: facts(.log), ticket: ticket(.join),
            wanted: .adopt),
        Row(
            description: "unclaimed, bootstrap", facts: facts(.log), ticket: ticket(.bootstrap),
            wanted: .waits),
        Row(
            description: "etcd's data", facts: facts(.etcds), ticket: ticket(.resume),
            wanted: .etcds),
        // Cut short.
        Row(
            description: "intent, no ticket", facts: facts(.none, intent: ticket(.bootstrap)),
            ticket: nil, wanted: .found),
        Row(
            description: "intent of another pod",
            facts: facts(.none, intent: ticket(.bootstrap, pod: "you")), ticket: nil,
            wanted: .waits),
        Row(
            description: "intent, the same ticket", facts: facts(.none, intent: ticket(.restore)),
            ticket: ticket(.restore), wanted: .restore),
        Row(
            description: "intent, permission burnt since",
            facts: facts(.none, intent: ticket(.bootstrap)), ticket: ticket(.resume, 6),
            wanted: .waitsForData),
        Row(
            description: "intent, older ticket in the file",
            facts: facts(.none, intent: ticket(.join)), ticket: ticket(.hold, 4), wanted: .waits),
        Row(
            description: "intent, other cluster, nothing made yet",
            facts: facts(.none, intent: ticket(.bootstrap)),
            ticket: ticket(.bootstrap, cluster: "c2"), wanted: .found),
        Row(
            description: "intent and log, no identity",
            facts: facts(.log, intent: ticket(.bootstrap)), ticket: nil, wanted: .complete),
        Row(
            description: "intent and log, in another pod",
            facts: facts(.log, intent: ticket(.bootstrap, pod: "you")), ticket: nil,
            wanted: .complete),
        Row(
            description: "intent and log, other cluster",
            facts: facts(.log, intent: ticket(.join)), ticket: ticket(.resume, cluster: "c2"),
            wanted: .foreign),
        Row(
            description: "intent left after the identity",
            facts: facts(.log, identity: identity, intent: ticket(.bootstrap, 3)), ticket: nil,
            wanted: .start),
        Row(
            description: "force cut short",
            facts: facts(.log, identity: identity, intent: ticket(.forceNewCluster)), ticket: nil,
            wanted: .force),
        Row(
            description: "force cut short between the renames",
            facts: facts(.none, identity: identity, intent: ticket(.forceNewCluster)), ticket: nil,
            wanted: .force),
        Row(
            description: "force done, its intent left",
            facts: facts(.log, identity: identity, intent: ticket(.forceNewCluster, 3)),
            ticket: ticket(.forceNewCluster, 3), wanted: .start),
    ]

    @Test(arguments: rows)
    func `every row`(row: Row) {
        #expect(Wanted(StartTable.decide(row.facts, row.ticket)) == row.wanted)
    }

    /// Whatever comes together, these hold.
    @Test func `promises over every combination`() {
        let datas: [StartTable.Data] = [.none, .log, .etcds]
        let tickets: [Ticket?] =
            [nil]
            + Ticket.Action.allCases.flatMap { action in
                [2, 3, 5].flatMap { generation in
                    [("c1", "me"), ("c1", "you"), ("c2", "me")].map {
                        Self.ticket(action, Int64(generation), cluster: $0.0, pod: $0.1)
                    }
                }
            }
        var count = 0
        for data in datas {
            for identity in [nil, Self.identity] {
                for isRemoved in [false, true] {
                    for intent in tickets {
                        for ticket in tickets {
                            let facts = Self.facts(
                                data, identity: identity, intent: intent, isRemoved: isRemoved)
                            expectPromises(facts, ticket)
                            count += 1
                        }
                    }
                }
            }
        }
        #expect(count == 12 * tickets.count * tickets.count)
    }

    private func expectPromises(_ facts: StartTable.Facts, _ ticket: Ticket?) {
        let decision = Wanted(StartTable.decide(facts, ticket))
        // Only a failure is worth the words.
        var told: String { "\(facts) \(String(describing: ticket)) -> \(decision)" }
        if facts.isRemoved { #expect(decision == .removed, "\(told)") }
        switch decision {
        case .found, .restore:
            // Only with a permission for this pod, and never over or after data.
            #expect(facts.data == .none && facts.identity == nil, "\(told)")
            let permits = [ticket, facts.intent].contains {
                $0?.podUID == "me" && ($0?.action == .bootstrap || $0?.action == .restore)
            }
            #expect(permits, "\(told)")
        case .join: #expect(facts.data == .none && facts.identity == nil, "\(told)")
        case .start, .adopt, .complete: #expect(facts.data == .log, "\(told)")
        case .force:
            #expect([ticket, facts.intent].contains { $0?.action == .forceNewCluster }, "\(told)")
        case .foreign, .removed, .etcds, .waits, .waitsForData: break
        }
        if let ticket, let identity = facts.identity, !facts.isRemoved,
            ticket.clusterUID != identity.clusterUID
        {
            #expect(decision == .foreign, "\(told)")
        }
    }
}
