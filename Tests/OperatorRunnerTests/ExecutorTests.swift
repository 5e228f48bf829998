// SPDX-License-Identifier: Apache-2.0
import Bytes
import Controllers
import Formats
import Kube
import KubeClient
import Net
import Program
import Reconcile
import Testing

@testable import OperatorRunner

/// Answers what it is told, and remembers what it was asked.
private final class FakeExchange: KubeExchange {
    var requests: [KubeRequest] = []
    var refusals: [String: StatusError] = [:]

    func send(_ request: KubeRequest, within limit: Duration) throws(KubeError) -> KubeResponse {
        requests.append(request)
        if let refusal = refusals[request.method] { return .failure(refusal) }
        if request.method == "DELETE" { return .json(["kind": "Status", "status": "Success"]) }
        var object = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        if let sent = try? JSON.parse(request.body).object { object = KubeObject(sent) }
        object.resourceVersion = "77"
        return .json(.object(object.json))
    }

    /// `PUT …/status`, shortened.
    var lines: [String] {
        requests.map {
            "\($0.method) \($0.path.split(separator: "/").suffix(2).joined(separator: "/"))"
        }
    }
}

@Suite struct ExecutorTests {
    private let exchange = FakeExchange()
    private let store = ClusterStore(namespaces: ["ns"], seed: 1)
    private let key = ClusterKey(namespace: "ns", name: "demo")

    private var cluster: KubeObject {
        var cluster = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        cluster.resourceVersion = "5"
        cluster.uid = "u"
        return cluster
    }

    private func carry(_ plan: Plan, leads: Bool = true) -> Executor.Ending {
        let prober = MemberProber(timeout: .seconds(1))
        let executor = Executor(
            client: exchange, store: store, events: EventSink(instance: "t", log: .silent),
            prober: prober, mayWrite: { leads }, log: .silent)
        return executor.carry(
            out: plan, of: Observation(cluster: cluster), ClusterView(cluster), key)
    }

    private var plan: Plan {
        Plan(
            status: ["phase": "Running"], events: [.normal("Founded", "it lives")],
            step: .delete(
                ObjectKey(.pod, namespace: "ns", name: "demo-0"), uid: "p", Deletion()),
            operationID: "op")
    }

    @Test func `what will be applied again is applied from the start, and only over nothing`() {
        var child = KubeObject(.service, namespace: "ns", name: "demo")
        child.annotations[Names.appliedNote] = "1"
        let plan = Plan(step: .create(child), operationID: "child")
        #expect(carry(plan) == .done)
        #expect(exchange.lines == ["GET services/demo"], "there is one: nothing is written")
        exchange.refusals["GET"] = .notFound(.service, "demo")
        #expect(carry(plan) == .done)
        #expect(exchange.lines.suffix(2) == ["GET services/demo", "PATCH services/demo"])
    }

    @Test func `the status is written first, with its version, then events, then the step`() throws
    {
        #expect(carry(plan) == .done)
        #expect(exchange.lines == ["PUT demo/status", "POST ns/events", "DELETE pods/demo-0"])
        let status = KubeObject(try #require(try JSON.parse(exchange.requests[0].body).object))
        #expect(status.resourceVersion == "5" && status.string("status", "phase") == "Running")
        let options = DeleteOptions(try JSON.parse(exchange.requests[2].body))
        #expect(options.uid == "p")
        // What was written is waited for.
        #expect(store.isBehind(key))
    }

    @Test func `a status that is refused ends the pass`() {
        exchange.refusals["PUT"] = .conflict(.etcdCluster, "demo")
        guard case .stale = carry(plan) else {
            Issue.record("not stale")
            return
        }
        #expect(exchange.lines == ["PUT demo/status"])
        exchange.refusals["PUT"] = .internalError("no")
        guard case .failed = carry(plan) else {
            Issue.record("not failed")
            return
        }
    }

    @Test func `who does not lead writes nothing`() {
        guard case .stale = carry(plan, leads: false) else {
            Issue.record("not stale")
            return
        }
        #expect(exchange.lines.isEmpty)
    }

    @Test func `what exists already is no failure, what failed is told to the next pass`() {
        let map = KubeObject(.configMap, namespace: "ns", name: "m")
        exchange.refusals["POST"] = .alreadyExists(.configMap, "m")
        #expect(carry(Plan(step: .create(map), operationID: "a")) == .done)
        exchange.refusals["POST"] = .forbidden(.configMap, "m", "no")
        guard case .failed(let reason) = carry(Plan(step: .create(map), operationID: "a")) else {
            Issue.record("not failed")
            return
        }
        #expect(reason.contains("forbidden"))
    }

    @Test func `a deletion meets its own object only`() {
        exchange.refusals["DELETE"] = .conflict(.pod, "demo-0", "the UID in the precondition")
        guard case .stale = carry(plan) else {
            Issue.record("not stale")
            return
        }
        exchange.refusals["DELETE"] = .notFound(.pod, "demo-0")
        #expect(carry(plan) == .done)
    }

    @Test func `certificates and tokens are made here and logged nowhere`() throws {
        var authority = KubeObject(.secret, namespace: "ns", name: "demo-ca")
        authority["type"] = "kubernetes.io/tls"
        let order = CertificateOrder(
            secret: authority, signer: nil, commonName: "demo-ca", isAuthority: true,
            validity: .seconds(3600))
        #expect(carry(Plan(step: .issueCertificates(order), operationID: "c")) == .done)
        #expect(exchange.lines == ["POST ns/secrets"])
        let made = KubeObject(try #require(try JSON.parse(exchange.requests[0].body).object))
        let texts = SecretTexts(made)
        #expect(String(decoding: texts.pair.key, as: UTF8.self).contains("PRIVATE KEY"))
        #expect(texts.trusted == texts.pair.certificate)
        let leaf = CertificateOrder(
            secret: KubeObject(.secret, namespace: "ns", name: "demo-tls"), signer: made,
            commonName: "demo-tls", dnsNames: ["*.demo"], validity: .seconds(60))
        #expect(carry(Plan(step: .issueCertificates(leaf), operationID: "c")) == .done)
        let signed = SecretTexts(
            KubeObject(try #require(try JSON.parse(exchange.requests[1].body).object)))
        #expect(signed.trusted == texts.pair.certificate)
        #expect(signed.pair.certificate != texts.pair.certificate)
        #expect(Step.issueCertificates(leaf).summary == "issue certificate demo-tls")
        #expect(
            carry(
                Plan(
                    step: .createToken(KubeObject(.secret, namespace: "ns", name: "t")),
                    operationID: "t"))
                == .done)
        let last = try #require(exchange.requests.last)
        let token = KubeObject(
            try #require(try JSON.parse(last.body).object))
        #expect(Base64.decode(token.string("data", "token") ?? "")?.count == 64)
    }

    @Test func `authorities are joined without repetition, the newest first`() {
        func block(_ name: String) -> String {
            "-----BEGIN CERTIFICATE-----\n\(name)\n-----END CERTIFICATE-----\n"
        }
        func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
        let joined = PEMBlocks.union(
            bytes(block("new")), bytes(block("old") + block("new") + block("older")))
        #expect(joined == bytes(block("new") + block("old") + block("older")))
        let many = bytes((0..<9).map { block("\($0)") }.joined())
        #expect(PEMBlocks.union(many, []) == bytes((0..<4).map { block("\($0)") }.joined()))
    }
}
