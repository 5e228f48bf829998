// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import Kube

// How an operator comes to know of objects: the product's own lists and watches, on an API that
// answers late, with errors, or no more.
extension World {
    /// Brings the caches forward as far as the API lets them.
    func feed(_ process: OperatorProcess) {
        for index in process.watches.indices {
            if feed(&process.watches[index]) {
                process.hasNews = true
                process.writes.prune(process.watches[index].machine.cache)
            }
        }
    }

    /// True if something was told.
    private func feed(_ watch: inout SimWatch) -> Bool {
        var hasNews = false
        // At most an expired watch, a list and a watch again.
        for _ in 0..<4 {
            if watch.place != nil { return deliver(&watch) || hasNews }
            switch watch.machine.step(now: now) {
            case .wait: return hasNews
            case .list:
                guard let changed = list(&watch) else { return hasNews }
                hasNews = changed || hasNews
            case .watch: open(&watch)
            }
        }
        return hasNews
    }

    /// What happens to streams in a storm, each second.
    func disturb(_ process: OperatorProcess) {
        guard knobs.disturbsWatches else { return }
        for index in process.watches.indices { disturb(&process.watches[index]) }
    }

    private func disturb(_ watch: inout SimWatch) {
        if chance(knobs.latePercent) {
            watch.lateUntil = now + .seconds(Int64(1 + random.below(60)))
        }
        if chance(knobs.closePercent) {
            watch.place = nil
            watch.machine.watchEnded(now: now)
        }
        if chance(knobs.gapPercent) {
            count("watch gaps")
            watch.deafUntil = now + .seconds(Int64(1 + random.below(5)))
            watch.expiresAt = now + .seconds(Int64(5 + random.below(55)))
        }
        if chance(knobs.expirePercent) { watch.expiresAt = now }
    }

    /// How the API fails to answer, if it does.
    func refusal() -> ListWatch.Failure? {
        if apiIsDown { return .unreachable("nobody listens") }
        guard chance(knobs.refusePercent) else { return nil }
        count("requests refused")
        switch random.below(3) {
        case 0:
            return .refused(
                StatusError(
                    code: 429, reason: "TooManyRequests", message: "slow down",
                    retryAfter: 1 + random.below(8)))
        case 1: return .refused(.internalError("something is wrong"))
        default: return .unreachable("no answer")
        }
    }

    /// Nil if it did not work.
    private func list(_ watch: inout SimWatch) -> Bool? {
        if let failure = refusal() {
            watch.machine.failed(failure, now: now)
            return nil
        }
        let items = KubeList(
            items: api.list(watch.machine.kind), resourceVersion: "\(api.version)")
        if watch.machine.listCount > 0 { count("lists again") }
        return !watch.machine.listed(items, now: now).isEmpty
    }

    private func open(_ watch: inout SimWatch) {
        if let failure = refusal() { return watch.machine.failed(failure, now: now) }
        let version = Int(watch.machine.cache.version) ?? 0
        guard watch.expiresAt.map({ now < $0 }) ?? true,
            let place = api.place(after: version, of: watch.machine.kind)
        else { return expire(&watch) }
        watch.machine.watchStarted(now: now)
        watch.place = place
    }

    /// 410 Gone.
    private func expire(_ watch: inout SimWatch) {
        count("versions expired")
        watch.place = nil
        watch.expiresAt = nil
        watch.deafUntil = now
        watch.machine.failed(
            .refused(StatusError(code: 410, reason: "Expired", message: "too old")), now: now)
    }

    private func deliver(_ watch: inout SimWatch) -> Bool {
        if let time = watch.expiresAt, now >= time {
            expire(&watch)
            return false
        }
        guard now >= watch.lateUntil, !apiIsDown, var place = watch.place else { return false }
        guard api.isKept(place, of: watch.machine.kind) else {
            expire(&watch)
            return false
        }
        var hasNews = false
        while let event = api.event(at: place, of: watch.machine.kind) {
            place += 1
            if now < watch.deafUntil, chance(50) {
                count("events never told")
                continue
            }
            if watch.machine.received(event, now: now) != nil { hasNews = true }
        }
        watch.place = place
        return hasNews
    }
}
