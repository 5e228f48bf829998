// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

/// Bugs that are planted on purpose, each of which some rule must find.
package enum Plant: String, CaseIterable, Sendable {
    case actsFirst, addsVoters, oldList, wrongMember, smallBudget, hurries, sleeps, secondLearner
    case believesAll, earlyReplicas, deletesClaims, forgetsUIDs, deletesBlindly, bootstrapsTwice
    case stopsVoters, alwaysAvailable, writesAlways, keepsFinalizer, doesNothing

    /// The rules that it breaks; which of them is seen first depends on the seed.
    package var rules: [String] {
        switch self {
        case .actsFirst: ["I5"]
        case .addsVoters: ["I3"]
        case .oldList, .wrongMember: ["I6"]
        case .smallBudget: ["I13"]
        case .hurries, .sleeps: ["I17"]
        case .secondLearner: ["I1"]
        case .believesAll: ["I2", "I12"]
        case .earlyReplicas: ["I7"]
        case .deletesClaims: ["I8", "I9"]
        case .forgetsUIDs: ["I15"]
        case .deletesBlindly: ["I10", "I11"]
        case .bootstrapsTwice: ["I4"]
        case .stopsVoters: ["I12"]
        case .alwaysAvailable: ["I14"]
        case .writesAlways: ["I18"]
        case .keepsFinalizer: ["I16"]
        case .doesNothing: ["liveness"]
        }
    }
}

extension Plant {
    /// What has to happen for the bug to matter.
    var mishaps: [Mishap] {
        switch self {
        case .keepsFinalizer: [.recreateCluster]
        case .believesAll: [.hostDown, .changeConfig]
        case .wrongMember: [.replaceMember, .scaleTwice]
        case .deletesBlindly: [.hideMembers]
        case .actsFirst, .addsVoters, .oldList, .smallBudget, .hurries, .sleeps, .secondLearner,
            .earlyReplicas, .deletesClaims, .forgetsUIDs, .bootstrapsTwice, .stopsVoters,
            .alwaysAvailable, .writesAlways, .doesNothing:
            []
        }
    }
}

extension World {
    /// What an operator with the planted bug would see.
    func misread(_ view: Observation) -> Observation {
        var view = view
        switch knobs.plant {
        case .oldList:
            // The longest list that it ever read.
            if let list = view.etcd.members.value, list.count > remembered.count {
                remembered = list
            }
            if view.etcd.members.isKnown { view.etcd.members = .known(remembered) }
        case .believesAll:
            guard let list = view.etcd.members.value,
                let model = view.etcd.probes.first(where: \.isLinearizable)?.status.value
            else { break }
            view.etcd.probes = view.pods.map { pod in
                let known = view.etcd.probe(pod.name) ?? MemberProbe(podName: pod.name)
                guard let member = list.first(where: { podName($0) == pod.name }) else {
                    return known
                }
                var status = model
                status.memberID = member.id
                return MemberProbe(
                    podName: pod.name, identity: known.identity, status: .known(status),
                    isLinearizable: !member.isLearner)
            }
        default: break
        }
        return view
    }

    /// What it would do.
    func sabotaged(_ plan: Plan, _ view: Observation) -> Plan {
        guard let plant = knobs.plant else { return plan }
        var plan = plan
        switch plant {
        case .hurries: plan.requeueAfter = .zero
        case .sleeps: plan.requeueAfter = .seconds(3600)
        case .alwaysAvailable: plan.status = plan.status.map { Self.available($0) }
        case .writesAlways:
            var status = plan.status ?? view.cluster["status"] ?? [:]
            if case .object(var object) = status {
                object["seen"] = .integer(second)
                status = .object(object)
            }
            plan.status = status
        case .doesNothing: if second > 100 { plan = Plan() }
        case .keepsFinalizer: if view.cluster.isBeingDeleted { plan.step = nil }
        case .actsFirst, .addsVoters, .oldList, .believesAll: break
        case .wrongMember, .smallBudget, .secondLearner, .earlyReplicas, .forgetsUIDs,
            .bootstrapsTwice:
            plan.step = plan.step.map { twisted($0, plant, view) }
        case .deletesClaims, .deletesBlindly, .stopsVoters:
            guard plan.step == nil, let step = invented(plant, view) else { break }
            plan.step = step
            plan.operationID = "deletion"
        }
        return plan
    }

    private static func available(_ status: JSONValue) -> JSONValue {
        guard case .object(var object) = status else { return status }
        object["conditions"] = .array(
            (status["conditions"]?.array ?? []).map { condition in
                guard case .object(var line) = condition, line["type"] == "Available" else {
                    return condition
                }
                line["status"] = "True"
                return .object(line)
            })
        return .object(object)
    }

    private func twisted(_ step: Step, _ plant: Plant, _ view: Observation) -> Step {
        switch (plant, step) {
        case (.wrongMember, .etcd(.remove(let id), let asking)):
            let others = (view.etcd.members.value ?? []).filter { $0.id != id }
            return others.last.map { .etcd(.remove($0.id), asking) } ?? step
        case (.smallBudget, .create(var object)) where object.kind == "PodDisruptionBudget":
            object["spec", "minAvailable"] = 1
            return .create(object)
        case (.secondLearner, .etcd(.promote, let asking)):
            return .etcd(
                .addLearner(peerURLs: ["http://demo-8.demo-peers.ns.svc:2380"]), asking)
        case (.earlyReplicas, .apply(var object)) where object.kind == "StatefulSet":
            let replicas = object.int("spec", "replicas") ?? 0
            object["spec", "replicas"] = .integer(Int64(replicas) + 1)
            return .apply(object)
        case (.forgetsUIDs, .delete(let key, _, let options)): return .delete(key, uid: "", options)
        case (.bootstrapsTwice, .sendTicket(let pod, let uid, .object(var ticket))):
            ticket["action"] = "bootstrap"
            ticket["podUID"] = .string(uid)
            return .sendTicket(pod: pod, podUID: uid, ticket: .object(ticket))
        default: return step
        }
    }

    private func invented(_ plant: Plant, _ view: Observation) -> Step? {
        let isKnown = view.etcd.members.isKnown
        switch plant {
        case .deletesClaims where isKnown, .deletesBlindly where !isKnown:
            guard let claim = view.claims.last(where: { !$0.isBeingDeleted }) else { return nil }
            return .delete(claim.key(as: .persistentVolumeClaim), uid: claim.uid, Deletion())
        case .stopsVoters:
            guard
                let pod = view.pods.last(where: { pod in
                    !pod.isBeingDeleted && view.etcd.probe(pod.name)?.isLinearizable == true
                })
            else { return nil }
            return .delete(pod.key(as: .pod), uid: pod.uid, Deletion())
        default: return nil
        }
    }
}
