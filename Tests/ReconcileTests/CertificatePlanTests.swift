// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Reconcile
import Testing

/// Whole passes over a cluster that has no pods yet: what is made, in which order, and what is said.
@Suite struct CertificatePlanTests {
    @Test func `mode Auto makes Secrets before the stateful set`() {
        var place = Place(["mode": "Auto"])
        let steps = place.run(40)
        let made = steps.filter { $0.hasPrefix("issue") || $0.hasPrefix("create StatefulSet") }
        #expect(
            made == [
                "issue demo-ca", "issue demo-server-tls", "issue demo-client-tls",
                "issue demo-peer-ca", "issue demo-peer-tls", "create StatefulSet demo",
            ])
        #expect(place.events.filter { $0.reason == "CertificateIssued" }.count == 5)
        #expect(place.condition("TLSReady") == "True/Issued")
        let tls = place.status?["tls"]
        #expect(tls?["clientCertSecret"] == "demo-client-tls")
        #expect(
            tls?["notAfter"]?.string
                == KubeTime.seconds(
                    (place.now + .seconds(90 * 86_400))
                        .nanoseconds))
    }

    @Test func `a change of authority is told by condition, event and annotation`() {
        var place = Place(["mode": "Auto"])
        _ = place.run(40)
        place.events = []
        place.observation.cluster["spec", "hibernate"] = true
        place.observation.cluster.annotations["keelson.dev/rotate-authorities"] = "now"
        #expect(
            place.run(40).filter { $0.hasPrefix("issue") } == [
                "issue demo-ca",
                "issue demo-peer-ca",
            ])
        #expect(place.condition("TLSReady") == "True/Rotating")
        #expect(place.handled("rotate-authorities") == nil)
        #expect(place.plan.requeueAfter <= .seconds(30))
        place.now = place.now + .seconds(86_400)
        #expect(place.run(40).filter { $0.hasPrefix("issue") }.count == 3)
        place.now = place.now + .seconds(86_400)
        #expect(place.run(40).filter { $0.hasPrefix("patch") }.count == 5)
        #expect(place.condition("TLSReady") == "True/Issued")
        #expect(place.handled("rotate-authorities") == "now")
        let told = place.events.filter { $0.reason == "CertificateRotated" }.map(\.message)
        #expect(told.count == 7)
        #expect(told.contains("demo-ca: a new authority is trusted beside the old one"))
        #expect(told.contains("demo-peer-ca: the authority before is trusted no more"))
    }

    @Test func `what nobody renews is warned of, and then said to be of no use`() {
        var place = Place(["mode": "Auto"])
        _ = place.run(40)
        place.observation.cluster["spec", "paused"] = true
        place.events = []
        place.now = place.now + .seconds(74 * 86_400)
        _ = place.run(3)
        #expect(place.condition("TLSReady") == "True/Issued")
        place.now = place.now + .seconds(2 * 86_400)
        _ = place.run(3)
        #expect(place.condition("TLSReady") == "True/Expiring")
        place.now = place.now + .seconds(15 * 86_400)
        _ = place.run(3)
        #expect(place.condition("TLSReady") == "False/Expired")
        #expect(place.events.map(\.reason) == ["CertificateExpiring", "CertificateExpiring"])
    }

    // MARK: Mode CertManager

    private static let managed: JSONValue = [
        "mode": "CertManager",
        "certManager": [
            "clientIssuerRef": ["name": "a"],
            "peerIssuerRef": ["name": "b", "kind": "ClusterIssuer"],
        ],
    ]

    @Test func `without cert-manager nothing is made and the reason is told once`() {
        var place = Place(Self.managed)
        let steps = place.run(40)
        #expect(!steps.contains { $0.hasPrefix("create StatefulSet") || $0.hasPrefix("issue") })
        #expect(place.condition("TLSReady") == "False/CertManagerMissing")
        #expect(place.events.filter { $0.reason == "CertManagerMissing" }.count == 1)
    }

    @Test func `cert-manager is asked for three certificates, and pods wait for the Secrets`() {
        var place = Place(Self.managed)
        place.observation.certificates = .known([])
        let steps = place.run(40)
        let names = ["demo-server-tls", "demo-peer-tls", "demo-client-tls"]
        #expect(
            steps.filter { $0.hasPrefix("create Certificate") }
                == names.map { "create Certificate \($0)" })
        #expect(!steps.contains { $0.hasPrefix("create StatefulSet") })
        #expect(place.condition("TLSReady") == "False/NotIssued")
        let asked = place.observation.certificates.value ?? []
        for certificate in asked {
            #expect(certificate.apiVersion == "cert-manager.io/v1")
            #expect(certificate.string("spec", "secretName") == certificate.name)
            #expect(certificate.string("spec", "duration") == "2160h0m0s")
            let usages = certificate.list("spec", "usages")
            #expect(usages.contains("server auth") && usages.contains("client auth"))
            #expect(
                certificate["spec", "secretTemplate", "labels", "keelson.dev/cluster"] == "demo")
            #expect(certificate.ownerReferences.first?.uid == "uid-1")
        }
        #expect(asked.first?.list("spec", "dnsNames").contains("*.demo-peers.ns.svc") == true)
        #expect(asked.map { $0.string("spec", "issuerRef", "name") } == ["a", "b", "a"])
        for name in names {
            var secret = KubeObject(.secret, namespace: "ns", name: name)
            secret.annotations["keelson.dev/not-after"] = "2099-01-01T00:00:00Z"
            secret["data"] = ["tls.crt": "Yw==", "tls.key": "aw==", "ca.crt": "Yw=="]
            #expect(!place.run(5).contains { $0.hasPrefix("create StatefulSet") })
            place.observation.secrets.append(secret)
        }
        #expect(place.run(5).contains("create StatefulSet demo"))
        let arguments =
            place.observation.statefulSet?
            .list("spec", "template", "spec", "containers").first?["args"]?.array ?? []
        #expect(arguments.contains("--peer-cert-allowed-cn=demo-peer-tls.ns"))
        #expect(asked[1].string("spec", "commonName") == "demo-peer-tls.ns")
        #expect(place.condition("TLSReady") == "True/Issued")
        // What it was asked for is looked after.
        place.observation.certificates = .known(Array(asked.dropFirst()))
        #expect(place.run(5).contains("create Certificate demo-server-tls"))
    }

    // MARK: Modes Secret and Disabled

    @Test func `given Secrets are marked so that they can be seen`() {
        var place = Place([
            "mode": "Secret", "client": ["secretName": "theirs"], "peer": ["secretName": "theirs"],
        ])
        let steps = place.run(40)
        #expect(steps.contains("patch Secret theirs"))
        #expect(place.condition("TLSReady") == "False/Missing")
    }

    @Test func `a cluster without encryption says so for ever`() {
        var place = Place(["mode": "Disabled"])
        _ = place.run(20)
        #expect(place.condition("TLSReady") == "False/Disabled")
        #expect(place.status?["tls"] == nil)
    }
}

/// Applies what plans say to an observation, as far as children go. No pod ever runs.
private struct Place {
    var observation: Observation
    var now = Instant(nanoseconds: 1_790_000_000_000_000_000)
    var events: [ClusterEvent] = []
    private var version = 10

    init(_ tls: JSONValue) {
        var cluster = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        cluster.uid = "uid-1"
        cluster.resourceVersion = "7"
        cluster.finalizers = ["keelson.dev/cluster"]
        cluster["spec"] = ["replicas": 3, "tls": tls, "storage": ["size": "1Gi"]]
        observation = Observation(cluster: cluster)
    }

    var plan: Plan { Reconciler.plan(observation, now: now) }
    var status: JSONValue? { observation.cluster["status"] }

    func condition(_ type: String) -> String {
        let found = observation.cluster.condition(type)
        return "\(found?.status ?? "")/\(found?.reason ?? "")"
    }

    func handled(_ annotation: String) -> String? {
        observation.cluster.string("status", "handledAnnotations", "keelson.dev/\(annotation)")
    }

    /// Words for the steps of so many passes.
    mutating func run(_ passes: Int) -> [String] {
        var words: [String] = []
        for _ in 0..<passes {
            let plan = plan
            if let status = plan.status { observation.cluster["status"] = status }
            events += plan.events
            if let step = plan.step { words.append(perform(step)) }
        }
        return words
    }

    private mutating func perform(_ step: Step) -> String {
        switch step {
        case .create(let object), .apply(let object):
            put(object)
            return "create \(object.kind) \(object.name)"
        case .createToken(let secret):
            put(secret)
            return "token"
        case .issueCertificates(let order):
            var secret = order.secret
            let text = "\(secret.name)#\(version)"
            let own = "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
            let trusted =
                order.signer.flatMap { $0.string("data", "ca.crt") }
                ?? Base64.encode(Array(own.utf8) + order.trusted)
            secret["data"] = [
                "tls.crt": .string(Base64.encode(Array(own.utf8))), "tls.key": "aw==",
                "ca.crt": .string(trusted),
            ]
            put(secret)
            return "issue \(secret.name)"
        case .patch(let key, let patch):
            for index in observation.secrets.indices
            where observation.secrets[index].name == key.name {
                let merged = MergePatch.apply(patch, to: .object(observation.secrets[index].json))
                if let json = merged.object { observation.secrets[index] = KubeObject(json) }
            }
            return "patch \(key.kind.kind) \(key.name)"
        case .delete(let key, _, _): return "delete \(key.kind.kind) \(key.name)"
        case .sendTicket(let pod, _, _): return "ticket \(pod)"
        case .etcd: return "etcd"
        }
    }

    private mutating func put(_ object: KubeObject) {
        version += 1
        var object = object
        if object.uid.isEmpty { object.uid = "uid-\(version)" }
        object.resourceVersion = "\(version)"
        func with(_ list: [KubeObject]) -> [KubeObject] {
            list.filter { $0.name != object.name } + [object]
        }
        switch object.kind {
        case "Secret": observation.secrets = with(observation.secrets)
        case "Service": observation.services = with(observation.services)
        case "ServiceAccount": observation.serviceAccount = object
        case "ConfigMap": observation.configMap = object
        case "StatefulSet": observation.statefulSet = object
        case "PodDisruptionBudget": observation.disruptionBudget = object
        case "Certificate":
            observation.certificates = .known(with(observation.certificates.value ?? []))
        default: break
        }
    }
}
