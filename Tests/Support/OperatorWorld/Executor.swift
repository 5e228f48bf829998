// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// Carries a plan out as the shell does: status first, then the step; and dies in between.
extension World {
    func execute(_ plan: Plan, _ view: Observation) -> Duration? {
        outcome = nil
        if let status = plan.status {
            note("status \(Self.difference(view.cluster["status"], status))")
            switch write({ api in
                api.updateStatus(clusterKey, version: view.cluster.resourceVersion, status)
            }) {
            case .done: break
            case .failed: return .seconds(1)
            case .killed: return kill()
            }
        }
        for event in plan.events {
            events.append(event)
            count("event \(event.reason)")
            note("event \(event.reason) \(event.message)")
        }
        guard let step = plan.step else { return plan.requeueAfter }
        note("step \(plan.operationID): \(Self.words(step))")
        guard allows(step, view) else { return plan.requeueAfter }
        switch write({ api in self.perform(step, &api) }) {
        case .done: outcome = StepOutcome(operationID: plan.operationID, failure: nil)
        case .failed: outcome = StepOutcome(operationID: plan.operationID, failure: "it failed")
        case .killed: return kill()
        }
        return plan.requeueAfter
    }

    enum Ending { case done, failed, killed }

    /// One write, with everything that may happen to it.
    private func write(_ body: (inout SmallAPI) -> APIAnswer) -> Ending {
        writeCount += 1
        if random.chance(percent: knobs.conflictPercent) { return .failed }
        if random.chance(percent: knobs.killPercent) {
            // Before, or after and unnoticed.
            if random.chance(percent: 50) {
                var copy = api
                _ = body(&copy)
                api = copy
            }
            return .killed
        }
        var copy = api
        let answer = body(&copy)
        api = copy
        if knobs.killAfterWrite == writeCount { return .killed }
        if random.chance(percent: knobs.lostReplyPercent) { return .failed }
        return answer == .done || answer == .exists ? .done : .failed
    }

    private func perform(_ step: Step, _ api: inout SmallAPI) -> APIAnswer {
        switch step {
        case .create(let object): return api.create(object, now: now)
        case .apply(let object): return api.apply(object, now: now)
        case .patch(let key, let patch): return api.patch(key, patch)
        case .delete(let key, let uid, let options):
            if options.orphansDependents { isOrphaned = true }
            return api.delete(
                key, uid: uid, grace: options.gracePeriodSeconds,
                orphan: options.orphansDependents, now: now)
        case .createToken(let secret):
            var secret = secret
            secret["data", "token"] = "c2VjcmV0"
            return api.create(secret, now: now)
        case .issueCertificates(let order):
            var secret = order.secret
            secret["data"] = ["tls.crt": "Yw==", "tls.key": "aw==", "ca.crt": "Yw=="]
            return api.apply(secret, now: now)
        case .sendTicket(let pod, let podUID, let ticket):
            guard var process = etcd.processes[pod], process.podUID == podUID,
                etcd.isUp(process), !process.isHidden, let ticket = Ticket(ticket)
            else { return .missing }
            process.ticket = ticket
            etcd.processes[pod] = process
            return .done
        case .etcd(let call, let asking):
            for pod in asking.pods where etcd.processes[pod].map({ etcd.isUp($0) }) ?? false {
                return etcd.call(call, pod: pod) ? .done : .missing
            }
            return .missing
        }
    }

    /// Which fields changed.
    static func difference(_ old: JSONValue?, _ new: JSONValue) -> String {
        let changed = (new.object?.members ?? []).filter { old?[$0.key] != $0.value }
        let gone = (old?.object?.keys ?? []).filter { new[$0] == nil }
        return changed.map {
            "\($0.key)=\($0.key == "conditions" ? lines($0.value, old) : JSON.text($0.value))"
        }
        .joined(separator: " ") + (gone.isEmpty ? "" : " without \(gone.joined(separator: ","))")
    }

    private static func lines(_ conditions: JSONValue, _ old: JSONValue?) -> String {
        let before = old?["conditions"]?.array ?? []
        return (conditions.array ?? []).filter { !before.contains($0) }
            .map { "\($0["type"]?.string ?? "")/\($0["reason"]?.string ?? "")" }
            .joined(separator: ",")
    }

    static func words(_ step: Step) -> String {
        switch step {
        case .create(let object): "create \(object.kind) \(object.name)"
        case .apply(let object):
            "apply \(object.kind) \(object.name)"
                + (object.kind == "StatefulSet"
                    ? " replicas \(object.int("spec", "replicas") ?? 0)" : "")
        case .patch(let key, let patch): "patch \(key) \(JSON.text(patch))"
        case .delete(let key, let uid, _): "delete \(key) \(uid)"
        case .sendTicket(let pod, _, let ticket):
            "ticket \(pod) \(ticket["action"]?.string ?? "")"
        case .etcd(let call, let asking): "etcd \(call) by \(asking.pods.first ?? "nobody")"
        case .createToken(let object): "token \(object.name)"
        case .issueCertificates(let order): "certificate \(order.secret.name)"
        }
    }
}
