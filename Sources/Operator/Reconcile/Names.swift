// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// Labels and annotations that are not the membership's.
package enum Names {
    package static let finalizer = "keelson.dev/cluster"
    package static let retiredLabel = "keelson.dev/retired-member"
    package static let roleLabel = "keelson.dev/role"
    package static let clusterLabel = "keelson.dev/cluster"
    package static let revisionLabel = "controller-revision-hash"
    /// A hash of what was applied; a child whose hash differs is applied anew.
    package static let appliedNote = "keelson.dev/applied"
    // On Secrets with certificates: when it ends, when it was made, by which authority, since when
    // its `ca.crt` is what it is, and the wish it was made for.
    package static let notAfterNote = "keelson.dev/not-after"
    package static let issuedAtNote = "keelson.dev/issued-at"
    package static let signerNote = "keelson.dev/signer"
    package static let trustedSinceNote = "keelson.dev/trusted-since"
    package static let rotatedForNote = "keelson.dev/rotated-for"
}

/// Conditional changes of objects that somebody else made.
enum Patches {
    static func metadata(
        of object: KubeObject, _ kind: ResourceKind, _ field: String, _ pairs: [(String, String?)]
    ) -> Step {
        let values = pairs.map { ($0.0, $0.1.map(JSONValue.string) ?? .null) }
        return .patch(
            object.key(as: kind),
            ["metadata": .object(identity(object) + [(field, .object(values))])])
    }

    static func spec(of object: KubeObject, _ kind: ResourceKind, _ spec: JSONValue) -> Step {
        .patch(
            object.key(as: kind), ["metadata": .object(identity(object)), "spec": spec])
    }

    static func identity(_ object: KubeObject) -> [(String, JSONValue)] {
        [
            ("uid", .string(object.uid)), ("resourceVersion", .string(object.resourceVersion)),
        ]
    }
}

enum MembershipWriter {
    static func step(
        _ wanted: Membership, over old: KubeObject?, _ desired: DesiredCluster,
        _ owner: KubeObject
    ) -> Step {
        guard let old else { return .create(object(wanted, desired, owner)) }
        var data: [(String, JSONValue)] = wanted.tickets.map { line in
            (line.pod, .string(JSON.text(line.ticket.json)))
        }
        for key in old.map("data").keys where wanted.ticket(key) == nil {
            data.append((key, .null))
        }
        let notes = notes(wanted).map { ($0.0, JSONValue.string($0.1)) }
        return .patch(
            old.key(as: .configMap),
            [
                "metadata": .object(Patches.identity(old) + [("annotations", .object(notes))]),
                "data": .object(data),
            ])
    }

    static func object(
        _ wanted: Membership, _ desired: DesiredCluster, _ owner: KubeObject
    ) -> KubeObject {
        var map = Child.object(.configMap, desired.membershipName, desired, owner)
        map.annotations = KubeMap(notes(wanted))
        map["data"] = .object(
            wanted.tickets.map { ($0.pod, JSONValue.string(JSON.text($0.ticket.json))) })
        return map
    }

    private static func notes(_ wanted: Membership) -> [(String, String)] {
        var notes = [
            (Membership.clusterUIDNote, wanted.clusterUID),
            (Membership.restoreGenerationNote, "\(wanted.restoreGeneration)"),
        ]
        if let id = wanted.clusterID { notes.append((Membership.clusterIDNote, id.description)) }
        if !wanted.bootstrapClaim.isEmpty {
            notes.append((Membership.bootstrapClaimNote, wanted.bootstrapClaim))
        }
        return notes
    }
}
