// SPDX-License-Identifier: Apache-2.0
internal import Bytes

// What a member agrees on with whoever runs it in pods, in force with --ticket-dir. A member never
// guesses from an empty disk that it is to found a cluster: it waits until it is told.
//
//   StartTable      what lies on the disk and what the ticket says ─► what is done; pure
//   Ticket          the order: bootstrap, join, resume, hold, restore, force-new-cluster
//   ContractFolder  keelson.json and its like in the data directory
//   TicketDesk      tickets come in: a file that is looked at again and again, or POST /ticket
//   Admission       waits, asks the table, does it, writes down what was done
//   NewMember       a restored or forced member, made aside and put in place by a rename
//   HealthPort      --listen-metrics-urls, which answer from the first moment on
//   NodeReport      what /identity and the termination message say
//
//      file, POST ─► TicketDesk ─► Admission ─► StartTable.decide ─► wait | refuse | start
//                                      │
//                                      └─► keelson.intent.json ─► log ─► keelson.json
//
// Invariants:
//   1. What may be done once (bootstrap, restore, force-new-cluster) is bound to one pod's UID and
//      to a generation, and is written down before it begins: a crash at any point is harmless.
//   2. Data of another cluster is never touched.
//   3. A member that was removed says so for ever; nothing here removes data.

/// The first decision of a life, from facts alone.
struct StartTable {
    /// What lies in the data directory.
    enum Data: Equatable, Sendable {
        case none
        /// A log of ours.
        case log
        /// A log of etcd's.
        case etcds
    }

    struct Facts: Equatable, Sendable {
        var data = Data.none
        var identity: NodeIdentity?
        /// What an earlier life had begun to do.
        var intent: Ticket?
        var isRemoved = false
        /// Empty when nobody told us.
        var podUID = ""
    }

    enum Decision: Equatable, Sendable {
        case start
        /// From disk; it belongs to the ticket's cluster from now on.
        case adopt(Ticket)
        /// From disk; the log was made, and only its identity must still be written.
        case complete(Ticket)
        case found(Ticket)
        case join(Ticket)
        case restore(Ticket)
        case forceNewCluster(Ticket)
        case wait(String, isDataLost: Bool)
        case refuse(Refusal)
    }

    enum Refusal: Equatable, Sendable {
        case foreign(own: String, wanted: String)
        case removed
        case etcds
    }

    static func decide(_ facts: Facts, _ ticket: Ticket?) -> Decision {
        if facts.isRemoved { return .refuse(.removed) }
        if let ticket, let own = owner(facts), own != ticket.clusterUID {
            return .refuse(.foreign(own: own, wanted: ticket.clusterUID))
        }
        if facts.data == .etcds { return .refuse(.etcds) }
        if ticket?.action == .hold { return wait("the ticket says hold") }
        if let intent = unfinished(facts, ticket) { return resume(intent, facts) }
        return facts.data == .log ? withLog(facts, ticket) : withoutLog(facts, ticket)
    }

    /// The cluster that the volume belongs to. An intent counts once there is data of it.
    private static func owner(_ facts: Facts) -> String? {
        if let identity = facts.identity { return identity.clusterUID }
        return facts.data == .log ? facts.intent?.clusterUID : nil
    }

    // MARK: What a crash cut short

    /// The intent, if it still counts: it was not finished, and nothing newer has been said.
    private static func unfinished(_ facts: Facts, _ ticket: Ticket?) -> Ticket? {
        guard let intent = facts.intent else { return nil }
        if let identity = facts.identity {
            // Written last, so what it knows is done. Only force-new-cluster begins with one.
            guard intent.action == .forceNewCluster,
                intent.generation > identity.ticketGeneration
            else { return nil }
        } else if facts.data == .none {
            if intent.isBoundToPod, intent.podUID != facts.podUID { return nil }
            if let ticket {
                guard ticket.clusterUID == intent.clusterUID,
                    ticket.generation < intent.generation || ticket == intent
                else { return nil }
            }
        }
        return intent
    }

    private static func resume(_ intent: Ticket, _ facts: Facts) -> Decision {
        switch intent.action {
        case .forceNewCluster: .forceNewCluster(intent)
        case .bootstrap: facts.data == .log ? .complete(intent) : .found(intent)
        case .join: facts.data == .log ? .complete(intent) : .join(intent)
        case .restore: facts.data == .log ? .complete(intent) : .restore(intent)
        case .resume: facts.data == .log ? .complete(intent) : lost
        case .hold: wait("the ticket says hold")
        }
    }

    // MARK: Rows

    private static func withLog(_ facts: Facts, _ ticket: Ticket?) -> Decision {
        guard let identity = facts.identity else {
            if let ticket, ticket.action == .resume || ticket.action == .join {
                return .adopt(ticket)
            }
            return wait(
                "the data directory has no identity (keelson.json); a ticket to resume adopts it")
        }
        if let ticket, ticket.action == .forceNewCluster,
            ticket.generation > identity.ticketGeneration, ticket.podUID == facts.podUID
        {
            return .forceNewCluster(ticket)
        }
        return .start
    }

    private static func withoutLog(_ facts: Facts, _ ticket: Ticket?) -> Decision {
        if facts.identity != nil { return lost }
        guard let ticket else { return wait("the data directory is empty and there is no ticket") }
        if ticket.isBoundToPod, ticket.podUID != facts.podUID {
            return wait(
                facts.podUID.isEmpty
                    ? "POD_UID is not set, and the ticket is for pod \(ticket.podUID)"
                    : "the ticket is for pod \(ticket.podUID), this is \(facts.podUID)")
        }
        return switch ticket.action {
        case .bootstrap: .found(ticket)
        case .join: .join(ticket)
        case .restore: .restore(ticket)
        case .resume, .forceNewCluster: lost
        case .hold: wait("the ticket says hold")
        }
    }

    private static func wait(_ reason: String) -> Decision { .wait(reason, isDataLost: false) }

    private static var lost: Decision {
        .wait(
            "the data of this member is lost: the cluster knows it, and the disk is empty",
            isDataLost: true)
    }
}
