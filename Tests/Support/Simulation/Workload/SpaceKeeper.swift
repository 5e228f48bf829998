// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC
internal import NodeCore
internal import Replicated

/// The operator of a cluster with a quota: when NOSPACE is raised, compacts, deletes if that is not
/// enough, and clears the alarms, while everything else goes on.
final class SpaceKeeper {
    private unowned let world: World
    private var random: Random
    private var isStopped = false

    init(world: World) {
        self.world = world
        random = Random(seed: world.nextSeed())
    }

    func begin() { next() }

    func stop() { isStopped = true }

    private func next() {
        guard !isStopped else { return }
        world.after(.milliseconds(100 + random.below(300))) { [unowned self] in
            self.act()
            self.next()
        }
    }

    private func act() {
        guard !isStopped, let ledger = world.newestLedger else { return }
        let alarms = ledger.alarms.list.filter { $0.alarm == .noSpace }
        let usable = world.members.filter { $0.isUsable && $0.node?.isLearner == false }
        guard let alarm = alarms.first, !usable.isEmpty else { return }
        let member = usable[random.below(usable.count)]
        let quota = world.profile.extras.quotaBytes
        let used = Int64(ledger.keyspace.byteCount)
        let live = Int64(ledger.keyspace.liveByteCount)
        let (revision, compacted) = (world.truth.model.revision, world.truth.model.compacted)
        // Room that sparse chunks take does not come back. And somebody always clears too early.
        if used < quota / 2 || (live <= quota / 3 && revision == compacted)
            || random.chance(percent: 10)
        {
            var request = AlarmRequest()
            request.action = .deactivate
            request.memberID = alarm.memberID
            request.alarm = alarm.alarm
            ask(.alarm(request), member)
        } else if live > quota / 3, random.chance(percent: 50) {
            var delete = DeleteRangeRequest()
            delete.key = Array("k".utf8)
            delete.rangeEnd = Array("l".utf8)
            ask(.deleteRange(delete), member)
        } else if revision > compacted {
            var compaction = CompactionRequest()
            compaction.revision = revision
            ask(.compact(compaction), member)
        }
    }

    private func ask(_ request: Request, _ member: SimMember) {
        world.say("operator asks \(member.name): \(short(request))")
        member.later(.microseconds(300)) { member in member.call(request) { _ in } }
    }
}
