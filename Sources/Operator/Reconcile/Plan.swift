// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Formats
package import Kube

/// What one pass decided.
package struct Plan: Equatable, Sendable {
    /// The whole new `status` of the cluster; nil if what is written says the same. Write it first,
    /// to `/status`, with the resourceVersion of the observed object. If the write fails, drop the
    /// rest and look again.
    package var status: JSONValue?
    /// To be emitted once the status is written.
    package var events: [ClusterEvent]
    /// At most one change of the world.
    package var step: Step?
    /// Goes into the `StepOutcome` of the next observation.
    package var operationID: String
    /// Look again after this time at the latest; at once if zero.
    package var requeueAfter: Duration
    /// The operation that has come to its end, for those who count; not one that was given up.
    package var finished: RecordedOperation?

    package init(
        status: JSONValue? = nil, events: [ClusterEvent] = [], step: Step? = nil,
        operationID: String = "", requeueAfter: Duration = .seconds(30)
    ) {
        self.status = status
        self.events = events
        self.step = step
        self.operationID = operationID
        self.requeueAfter = requeueAfter
    }
}

/// A change of the world. Each may be done twice without harm, and each carries what it rests on,
/// so that a step decided on an old view is refused (409) instead of done.
package enum Step: Equatable, Sendable {
    /// `POST`. "Already exists" is no failure: the next pass sees it.
    case create(KubeObject)
    /// Server-side apply, forced, as `keelson-operator`. If the object was there its
    /// `metadata.resourceVersion` is set, which makes the apply conditional.
    case apply(KubeObject)
    /// A merge patch. `metadata.uid` and `metadata.resourceVersion` are inside as preconditions.
    case patch(ObjectKey, JSONValue)
    case delete(ObjectKey, uid: String, Deletion)
    /// `POST /ticket` on the health port of this pod, with the admin token.
    case sendTicket(pod: String, podUID: String, ticket: JSONValue)
    case etcd(EtcdCall, Asking)
    /// Fill `data.token` of this Secret with 32 random bytes as hexadecimal text, and create it.
    case createToken(KubeObject)
    case issueCertificates(CertificateOrder)
}

package struct Deletion: Equatable, Sendable {
    /// Nil for the object's own.
    package var gracePeriodSeconds: Int?
    /// Leave what belongs to it.
    package var orphansDependents: Bool

    package init(gracePeriodSeconds: Int? = nil, orphansDependents: Bool = false) {
        self.gracePeriodSeconds = gracePeriodSeconds
        self.orphansDependents = orphansDependents
    }
}

/// A call of the etcd API.
package enum EtcdCall: Equatable, Sendable {
    case addLearner(peerURLs: [String])
    case promote(MemberID)
    case remove(MemberID)
    case moveLeader(to: MemberID)
    case compact(revision: Int64)
    case defragment
    case disarm(MemberAlarm)
}

/// Whom a call goes to: the first of these pods that can be reached.
package struct Asking: Equatable, Sendable {
    package var pods: [String]

    package init(_ pods: [String]) {
        self.pods = pods
    }
}

/// Something that a person should read, attached to the cluster object.
package struct ClusterEvent: Equatable, Sendable {
    package var isWarning: Bool
    /// CamelCase.
    package var reason: String
    package var message: String

    package init(isWarning: Bool = false, reason: String, message: String) {
        self.isWarning = isWarning
        self.reason = reason
        self.message = message
    }

    package static func normal(_ reason: String, _ message: String) -> ClusterEvent {
        ClusterEvent(reason: reason, message: message)
    }

    package static func warning(_ reason: String, _ message: String) -> ClusterEvent {
        ClusterEvent(isWarning: true, reason: reason, message: message)
    }
}

/// A certificate to be made and stored in a Secret of type `kubernetes.io/tls` with the keys
/// `tls.crt`, `tls.key` and `ca.crt`. If the Secret exists it is replaced (its uid and
/// resourceVersion are in `secret`).
package struct CertificateOrder: Equatable, Sendable {
    /// The Secret without its data; `metadata` and `type` are set.
    package var secret: KubeObject
    /// The Secret that holds the signer; nil for a self-signed authority.
    package var signer: KubeObject?
    package var commonName: String
    package var dnsNames: [String]
    package var ipAddresses: [String]
    package var isAuthority: Bool
    package var validity: Duration
    package var keyAlgorithm: ClusterTLS.KeyAlgorithm
    /// Of an authority: others that stay trusted beside it, as PEM. What an authority signs trusts
    /// whom its Secret says.
    package var trusted: [UInt8]

    package init(
        secret: KubeObject, signer: KubeObject?, commonName: String, dnsNames: [String] = [],
        ipAddresses: [String] = [], isAuthority: Bool = false, validity: Duration,
        keyAlgorithm: ClusterTLS.KeyAlgorithm = .ecdsaP256, trusted: [UInt8] = []
    ) {
        self.secret = secret
        self.signer = signer
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.isAuthority = isAuthority
        self.validity = validity
        self.keyAlgorithm = keyAlgorithm
        self.trusted = trusted
    }
}
