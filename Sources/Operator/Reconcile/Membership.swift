// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Formats
package import Kube

/// What a node may do with its data directory.
package enum TicketAction: String, Sendable {
    case bootstrap, join, resume, hold, restore
    case forceNewCluster = "force-new-cluster"

    /// These make a cluster, and hold for one pod only.
    package var isPermission: Bool {
        switch self {
        case .bootstrap, .restore, .forceNewCluster: true
        case .join, .resume, .hold: false
        }
    }
}

/// What the operator hands to a node, as the node reads it.
package struct Ticket: Equatable, Sendable {
    /// How far a restore lifts the revision, so that no watcher mistakes the new cluster for the old.
    package static let restoreBump: Int64 = 1_000_000_000

    package var clusterUID: String
    package var generation: Int64
    package var action: TicketAction
    package var podUID: String
    package var memberID: MemberID?
    package var initialCluster: String
    package var clusterToken: String
    package var restorePath: String
    package var restoreSum: String

    package init(
        _ action: TicketAction, clusterUID: String, generation: Int64, restoreGeneration: Int64,
        podUID: String = "", memberID: MemberID? = nil, initialCluster: String = ""
    ) {
        self.action = action
        self.clusterUID = clusterUID
        self.generation = generation
        self.podUID = podUID
        self.memberID = memberID
        self.initialCluster = initialCluster
        clusterToken = "\(clusterUID)-\(restoreGeneration)"
        restorePath = ""
        restoreSum = ""
    }

    package init?(_ json: JSONValue) {
        guard let action = TicketAction(rawValue: json["action"]?.string ?? "") else {
            return nil
        }
        self.action = action
        clusterUID = json["clusterUID"]?.string ?? ""
        generation = json["generation"]?.int64 ?? 0
        podUID = json["podUID"]?.string ?? ""
        memberID = Hexadecimal.memberID(json["memberID"]?.string)
        initialCluster = json["initialCluster"]?.string ?? ""
        clusterToken = json["clusterToken"]?.string ?? ""
        restorePath = json["restore"]?["path"]?.string ?? ""
        restoreSum = json["restore"]?["sha256"]?.string ?? ""
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("clusterUID", .string(clusterUID)), ("generation", .integer(generation)),
            ("action", .string(action.rawValue)),
        ]
        let texts = [
            ("podUID", podUID), ("memberID", memberID.map(\.description) ?? ""),
            ("initialCluster", initialCluster), ("clusterToken", clusterToken),
        ]
        for (key, text) in texts where !text.isEmpty { members.append((key, .string(text))) }
        if !restorePath.isEmpty {
            members.append(
                (
                    "restore",
                    [
                        "path": .string(restorePath), "sha256": .string(restoreSum),
                        "bumpRevision": .integer(Self.restoreBump),
                    ]
                ))
        }
        return .object(members)
    }
}

/// The membership ConfigMap: one ticket for each pod that is, or is about to be, a member; and the
/// facts that forbid a second bootstrap. The highest ordinal with a ticket says how many replicas
/// the stateful set has: a ticket is written before its pod is made, and dropped before it goes.
/// Where the member list is known, no pod is made for a ticket whose member is not in it.
package struct Membership: Equatable, Sendable {
    package struct Line: Equatable, Sendable {
        package var pod: String
        package var ticket: Ticket
    }

    package static let clusterUIDNote = "keelson.dev/cluster-uid"
    package static let clusterIDNote = "keelson.dev/cluster-id"
    package static let memberIDNote = "keelson.dev/member-id"
    package static let restoreGenerationNote = "keelson.dev/restore-generation"
    package static let bootstrapClaimNote = "keelson.dev/bootstrap-claim"

    package var clusterUID: String
    package var clusterID: ClusterID?
    package var restoreGeneration: Int64
    /// The UID of the claim that the first member was to begin on; empty before.
    package var bootstrapClaim: String
    /// Sorted by pod name.
    package var tickets: [Line]
    /// What somebody wrote into the map that cannot be read. Nothing may be decided by the rest:
    /// a ticket that is overlooked would be a replica too few and a generation given twice.
    package var problems: [String]

    package init(clusterUID: String) {
        self.clusterUID = clusterUID
        restoreGeneration = 0
        bootstrapClaim = ""
        tickets = []
        problems = []
    }

    package init(_ configMap: KubeObject) {
        let notes = configMap.annotations
        self.init(clusterUID: notes[Self.clusterUIDNote] ?? "")
        clusterID = Hexadecimal.clusterID(notes[Self.clusterIDNote])
        if clusterID == nil { unreadable(notes, Self.clusterIDNote) }
        restoreGeneration = Int64(notes[Self.restoreGenerationNote] ?? "") ?? 0
        bootstrapClaim = notes[Self.bootstrapClaimNote] ?? ""
        if String(restoreGeneration) != notes[Self.restoreGenerationNote] {
            unreadable(notes, Self.restoreGenerationNote)
        }
        for (pod, text) in configMap.map("data").sorted {
            if let ticket = Self.ticket(text) {
                tickets.append(Line(pod: pod, ticket: ticket))
            } else {
                problems.append("the ticket of \(pod)")
            }
        }
    }

    private mutating func unreadable(_ notes: KubeMap, _ name: String) {
        if let text = notes[name], !text.isEmpty {
            problems.append("the annotation \(name) \"\(text)\"")
        }
    }

    private static func ticket(_ text: String) -> Ticket? {
        do throws(FormatError) {
            return Ticket(try JSON.parse(text))
        } catch {
            return nil
        }
    }

    package func ticket(_ pod: String) -> Line? { tickets.first { $0.pod == pod } }

    package mutating func set(_ pod: String, _ ticket: Ticket?) {
        tickets.removeAll { $0.pod == pod }
        guard let ticket else { return }
        tickets.append(Line(pod: pod, ticket: ticket))
        tickets.sort { $0.pod.utf8.lexicographicallyPrecedes($1.pod.utf8) }
    }

    package var nextGeneration: Int64 { (tickets.map(\.ticket.generation).max() ?? 0) + 1 }

    /// How many pods there should be, by what was granted.
    package func replicas(_ desired: DesiredCluster) -> Int {
        (tickets.compactMap { desired.ordinal(ofPod: $0.pod) }.max() ?? -1) + 1
    }

    /// Nothing can be known to have been made by it.
    package var isVirgin: Bool { clusterID == nil && tickets.isEmpty }
}
