// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Kube
internal import KubeClient
internal import Posix
internal import Program
internal import Reconcile

/// Does what a plan says: the status first, then events, then at most one step. If the status is
/// refused, the rest is dropped: it was decided on an old view.
struct Executor {
    static let manager = "keelson-operator"
    static let callTimeout: Duration = .seconds(10)
    /// A step is not taken if its status took longer to write, as after a 429: what the members
    /// said is too old by then.
    static let viewLifetime: Duration = .seconds(5)

    enum Ending: Equatable {
        case done
        /// Look again soon.
        case stale(String)
        case failed(String)
    }

    let client: any KubeExchange
    let store: ClusterStore
    let events: EventSink
    let prober: MemberProber
    /// Asked before each write.
    let mayWrite: () -> Bool
    let log: Logger

    func carry(out plan: Plan, of seen: Observation, _ view: ClusterView, _ key: ClusterKey)
        -> Ending
    {
        var cluster = view.cluster
        let begun = MonotonicClock.now
        if let status = plan.status {
            guard mayWrite() else { return .stale("another operator leads") }
            cluster["status"] = status
            do throws(KubeError) {
                cluster = try client.replaceStatus(cluster, as: key.kind)
                store.wrote(cluster, as: key.kind)
            } catch {
                if let refusal = error.status, refusal.isConflict || refusal.isNotFound {
                    return .stale(refusal.message)
                }
                return .failed("status: \(error)")
            }
        }
        for event in plan.events { events.say(event, about: cluster, client) }
        guard let step = plan.step else {
            store.note(nil, for: key)
            return .done
        }
        guard mayWrite() else { return .stale("another operator leads") }
        guard MonotonicClock.now - begun <= Self.viewLifetime else {
            store.note(nil, for: key)
            return .stale("the status took too long to write")
        }
        log.info(
            "step", ["step": .string(step.summary), "operation": .string(plan.operationID)])
        let failure = perform(step, seen, view)
        switch failure {
        case nil:
            store.note(StepOutcome(operationID: plan.operationID, failure: nil), for: key)
            return .done
        case .changedMeanwhile(let reason)?:
            store.note(nil, for: key)
            return .stale(reason)
        case .other(let reason)?:
            store.note(StepOutcome(operationID: plan.operationID, failure: reason), for: key)
            log.warn("step failed", ["step": .string(step.summary), "error": .string(reason)])
            return .failed(reason)
        }
    }

    enum Failure {
        /// The object is another than the step was decided on: look again, nothing is wrong.
        case changedMeanwhile(String)
        case other(String)

        init(_ error: KubeError) {
            let isConflict = error.status?.isConflict == true
            self = isConflict ? .changedMeanwhile("\(error)") : .other("\(error)")
        }
    }

    /// Nil if it succeeded.
    private func perform(_ step: Step, _ seen: Observation, _ view: ClusterView) -> Failure? {
        switch step {
        case .create(let object):
            return write(object) { kind throws(KubeError) in
                try create(object, as: kind)
            }
        case .apply(let object):
            return write(object) { kind throws(KubeError) in
                try client.apply(object, as: kind, fieldManager: Self.manager)
            }
        case .patch(let key, let body): return patch(key, body)
        case .delete(let key, let uid, let deletion): return delete(key, uid, deletion)
        case .sendTicket(let pod, let uid, let ticket):
            return push(ticket, pod, uid, seen, view).map { .other($0) }
        case .etcd(let call, let asking):
            return etcd(call, asking, seen, view).map { .other($0) }
        case .createToken(let secret): return createToken(secret)
        case .issueCertificates(let order): return issue(order)
        }
    }

    // MARK: Objects

    /// Fields of a `POST` belong to nobody who applies: a later apply that leaves one out would not
    /// remove it. So what will be applied again is applied from the start, but only over nothing.
    private func create(
        _ object: KubeObject, as kind: ResourceKind
    ) throws(KubeError) -> KubeObject {
        guard object.annotations[Names.appliedNote] != nil else {
            return try client.create(object, as: kind)
        }
        if let there = try client.get(object.key(as: kind)) { return there }
        return try client.apply(object, as: kind, fieldManager: Self.manager)
    }

    func write(
        _ object: KubeObject, _ send: (ResourceKind) throws(KubeError) -> KubeObject
    ) -> Failure? {
        guard let kind = ResourceKind.named(apiVersion: object.apiVersion, kind: object.kind)
        else { return .other("unknown kind \(object.apiVersion) \(object.kind)") }
        do throws(KubeError) {
            store.wrote(try send(kind), as: kind)
            return nil
        } catch {
            // Somebody made it meanwhile: the next pass sees it.
            if error.status?.isAlreadyExists == true { return nil }
            return Failure(error)
        }
    }

    private func patch(_ key: ObjectKey, _ body: JSONValue) -> Failure? {
        do throws(KubeError) {
            store.wrote(try client.patch(key, .merge, body), as: key.kind)
            return nil
        } catch {
            return Failure(error)
        }
    }

    private func delete(_ key: ObjectKey, _ uid: String, _ deletion: Deletion) -> Failure? {
        do throws(KubeError) {
            try client.delete(
                key,
                DeleteOptions(
                    gracePeriodSeconds: deletion.gracePeriodSeconds,
                    propagationPolicy: deletion.orphansDependents ? "Orphan" : "", uid: uid))
            return nil
        } catch {
            return Failure(error)
        }
    }

    // MARK: Members

    private func address(_ pod: String, _ seen: Observation, _ view: ClusterView) -> MemberAddress?
    {
        let desired = DesiredCluster(seen.cluster)
        return Observer.addresses(
            of: seen.pods.filter { $0.name == pod }, desired, view
        ).first { !$0.ip.isEmpty }
    }

    private func push(
        _ ticket: JSONValue, _ pod: String, _ uid: String, _ seen: Observation,
        _ view: ClusterView
    ) -> String? {
        guard seen.pods.contains(where: { $0.name == pod && $0.uid == uid }),
            let address = address(pod, seen, view)
        else { return "pod \(pod) has no address" }
        let name = DesiredCluster(seen.cluster).adminName
        guard let text = view.named(.secret, name)?.string("data", "token"),
            let token = Base64.decode(text)
        else { return "Secret \(name) has no token" }
        return prober.send(
            ticket: ticket, token: String(decoding: token, as: UTF8.self), to: address)
    }

    private func etcd(
        _ call: EtcdCall, _ asking: Asking, _ seen: Observation, _ view: ClusterView
    ) -> String? {
        var failure = "no pod to ask"
        for pod in asking.pods {
            guard let address = address(pod, seen, view) else {
                failure = "pod \(pod) has no address"
                continue
            }
            do throws(ClientError) {
                var settings = address.settings(Self.callTimeout)
                settings.dialTimeout = prober.timeout
                if call == .defragment { settings.callTimeout = .seconds(120) }
                try perform(call, try Client(settings))
                return nil
            } catch {
                failure = "\(pod): \(error)"
                // Only who was certainly not asked may be passed over.
                guard case .unreachable = error else { return failure }
            }
        }
        return failure
    }

    private func perform(_ call: EtcdCall, _ client: Client) throws(ClientError) {
        switch call {
        case .addLearner(let urls):
            var request = MemberAddRequest()
            request.peerURLs = urls
            request.isLearner = true
            _ = try client.memberAdd(request)
        case .promote(let id):
            var request = MemberPromoteRequest()
            request.id = id.number
            _ = try client.memberPromote(request)
        case .remove(let id):
            var request = MemberRemoveRequest()
            request.id = id.number
            _ = try client.memberRemove(request)
        case .moveLeader(let id):
            var request = MoveLeaderRequest()
            request.targetID = id.number
            _ = try client.moveLeader(request)
        case .compact(let revision):
            var request = CompactionRequest()
            request.revision = revision
            request.physical = true
            _ = try client.compact(request)
        case .defragment: _ = try client.defragment()
        case .disarm(let alarm):
            var request = AlarmRequest()
            request.action = .deactivate
            request.memberID = alarm.memberID.number
            request.alarm = alarm.kind == .noSpace ? .noSpace : .corrupt
            _ = try client.alarm(request)
        }
    }
}

extension Step {
    /// For the log: never a secret's content.
    var summary: String {
        switch self {
        case .create(let object): "create \(object.kind) \(object.name)"
        case .apply(let object): "apply \(object.kind) \(object.name)"
        case .patch(let key, _): "patch \(key)"
        case .delete(let key, let uid, _): "delete \(key) \(uid)"
        case .sendTicket(let pod, _, let ticket):
            "send ticket \(ticket["action"]?.string ?? "") to \(pod)"
        case .etcd(let call, let asking): "\(call) by \(asking.pods.joined(separator: ","))"
        case .createToken(let secret): "create Secret \(secret.name)"
        case .issueCertificates(let order): "issue certificate \(order.secret.name)"
        }
    }
}
