// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Controllers
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Kube
internal import KubeClient
internal import Net
internal import Posix
internal import Program
internal import Reconcile

/// Does what a plan says: the status first, then events, then at most one step. If the status is
/// refused, the rest is dropped: it was decided on an old view.
struct Executor {
    static let manager = "keelson-operator"
    static let callTimeout: Duration = .seconds(10)

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
        log.info(
            "step", ["step": .string(step.summary), "operation": .string(plan.operationID)])
        let failure = perform(step, seen, view)
        store.note(StepOutcome(operationID: plan.operationID, failure: failure), for: key)
        guard let failure else { return .done }
        log.warn(
            "step failed", ["step": .string(step.summary), "error": .string(failure)])
        return .failed(failure)
    }

    /// Nil if it succeeded.
    private func perform(_ step: Step, _ seen: Observation, _ view: ClusterView) -> String? {
        switch step {
        case .create(let object):
            return write(object) { kind throws(KubeError) in
                try client.create(object, as: kind)
            }
        case .apply(let object):
            return write(object) { kind throws(KubeError) in
                try client.apply(object, as: kind, fieldManager: Self.manager)
            }
        case .patch(let key, let body): return patch(key, body)
        case .delete(let key, let uid, let deletion): return delete(key, uid, deletion)
        case .sendTicket(let pod, let uid, let ticket): return push(ticket, pod, uid, seen, view)
        case .etcd(let call, let asking): return etcd(call, asking, seen, view)
        case .createToken(let secret): return createToken(secret)
        case .issueCertificates(let order): return issue(order)
        }
    }

    // MARK: Objects

    private func write(
        _ object: KubeObject, _ send: (ResourceKind) throws(KubeError) -> KubeObject
    ) -> String? {
        guard let kind = ResourceKind.named(apiVersion: object.apiVersion, kind: object.kind)
        else { return "unknown kind \(object.apiVersion) \(object.kind)" }
        do throws(KubeError) {
            store.wrote(try send(kind), as: kind)
            return nil
        } catch {
            // Somebody made it meanwhile: the next pass sees it.
            if error.status?.isAlreadyExists == true { return nil }
            return "\(error)"
        }
    }

    private func patch(_ key: ObjectKey, _ body: JSONValue) -> String? {
        do throws(KubeError) {
            store.wrote(try client.patch(key, .merge, body), as: key.kind)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func delete(_ key: ObjectKey, _ uid: String, _ deletion: Deletion) -> String? {
        do throws(KubeError) {
            try client.delete(
                key,
                DeleteOptions(
                    gracePeriodSeconds: deletion.gracePeriodSeconds,
                    propagationPolicy: deletion.orphansDependents ? "Orphan" : "", uid: uid))
            return nil
        } catch {
            return "\(error)"
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

    // MARK: Secrets

    private func createToken(_ secret: KubeObject) -> String? {
        do throws(PosixError) {
            let hex = try SecureRandom.bytes(32).map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
            var secret = secret
            secret["data", "token"] = .string(Base64.encode(Array(hex.utf8)))
            let made = secret
            return write(made) { kind throws(KubeError) in try client.create(made, as: kind) }
        } catch {
            return "\(error)"
        }
    }

    private func issue(_ order: CertificateOrder) -> String? {
        let old: KubeObject?
        let pair: CertificatePair
        do throws(KubeError) {
            old = try client.get(order.secret.key(as: .secret))
        } catch {
            return "\(error)"
        }
        do throws(NetError) {
            pair = try CertificateIssuer.issue(
                CertificateWish(
                    commonName: order.commonName, dnsNames: order.dnsNames,
                    addresses: order.ipAddresses, isAuthority: order.isAuthority,
                    validity: order.validity), signedBy: order.signer.map { SecretTexts($0).pair })
        } catch {
            return "\(error)"
        }
        let signer = order.signer.map { SecretTexts($0).trusted } ?? pair.certificate
        let trusted = PEMBlocks.union(
            signer, order.keepsOldAuthority ? old.map { SecretTexts($0).trusted } ?? [] : [])
        var secret = order.secret
        secret["data"] = .object([
            ("tls.crt", .string(Base64.encode(pair.certificate))),
            ("tls.key", .string(Base64.encode(pair.key))),
            ("ca.crt", .string(Base64.encode(trusted))),
        ])
        let isNew = secret.resourceVersion.isEmpty
        return write(secret) { kind throws(KubeError) in
            isNew
                ? try client.create(secret, as: kind) : try client.replace(secret, as: kind)
        }
    }
}

/// What a Secret of type `kubernetes.io/tls` holds, as PEM.
struct SecretTexts {
    let secret: KubeObject

    init(_ secret: KubeObject) {
        self.secret = secret
    }

    var pair: CertificatePair {
        CertificatePair(certificate: text("tls.crt"), key: text("tls.key"))
    }

    /// Whom to trust: `ca.crt`, or the certificate itself where there is none.
    var trusted: [UInt8] {
        let authorities = text("ca.crt")
        return authorities.isEmpty ? text("tls.crt") : authorities
    }

    private func text(_ key: String) -> [UInt8] {
        secret.string("data", key).flatMap { Base64.decode($0) } ?? []
    }
}

/// PEM texts as lists of blocks.
enum PEMBlocks {
    /// Older authorities than these are dropped.
    static let blockMax = 4

    static func union(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
        var blocks: [String] = []
        for block in split(first) + split(second) where !blocks.contains(block) {
            blocks.append(block)
        }
        return Array(blocks.prefix(blockMax).joined().utf8)
    }

    private static func split(_ text: [UInt8]) -> [String] {
        var blocks: [String] = []
        var block = ""
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            block += line + "\n"
            if line.hasPrefix("-----END ") {
                blocks.append(block)
                block = ""
            }
        }
        return blocks
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
