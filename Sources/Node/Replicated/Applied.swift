// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import EtcdAPI
package import MVCC

/// What applying one entry brought about.
package struct Applied: Sendable {
    /// Under which the proposer waits; zero when nobody does.
    package var requestID: UInt64 = 0
    package var outcome = Outcome.nothing
    /// All changes of keys, of one revision, in order; watchers are told these.
    package var changes: [Change] = []
    /// The store's revision afterwards; goes into the reply's header.
    package var revision: Int64
    package var isLeaderMark = false
    /// Set for every change entry: consensus must be told, also of a refusal.
    package var membership: MembershipDecision?
    package var removedSelf = false
    /// A compaction up to this revision counts from now on; rows may be removed.
    package var compactedTo: Int64?
    /// The request was over the quota of this member. It was applied, since others may have room;
    /// this member should raise NOSPACE for itself.
    package var exceedsQuota = false
    package var alarmChanged: AlarmChange?
    /// This member has published its name and URLs.
    package var attributesSet: MemberID?
    package var clusterVersionSet: String?
    package var downgradeSet: Downgrade?
    /// Something about users that those who hold tokens must know; also where nobody waits.
    package var auth: AuthEvent?

    init(revision: Int64) {
        self.revision = revision
    }
}

package enum Outcome: Sendable {
    case reply(Reply)
    case failure(EtcdError)
    /// Nobody is answered.
    case nothing
}

package struct AlarmChange: Equatable, Sendable {
    package var alarm: AlarmMember
    package var isActive: Bool

    package init(alarm: AlarmMember, isActive: Bool) {
        self.alarm = alarm
        self.isActive = isActive
    }
}

package enum MembershipDecision: Equatable, Sendable {
    case accepted(AcceptedChange)
    case refused(EtcdError)
}

/// Members are given as they are after the change.
package enum AcceptedChange: Equatable, Sendable {
    case added(Member)
    case promoted(MemberID)
    case updated(Member)
    case removed(MemberID)
}
