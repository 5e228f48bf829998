// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Reconcile

/// The Secrets of one cluster; certificates are words in PEM's clothes.
struct Shop {
    var now = Instant(nanoseconds: 1_790_000_000_000_000_000)
    var secrets: [KubeObject] = []
    var allAnswer = true
    var wishAuthorities = ""
    var wishCertificates = ""
    var lifetimes: JSONValue?
    var windows: JSONValue?
    private var count = 0

    private var cluster: KubeObject {
        var cluster = KubeObject(.etcdCluster, namespace: "ns", name: "demo")
        cluster.uid = "uid-1"
        cluster["spec"] = lifetimes.map { ["tls": ["auto": $0]] } ?? .object([])
        if let windows { cluster["spec", "maintenance", "windows"] = windows }
        if !wishAuthorities.isEmpty {
            cluster.annotations["keelson.dev/rotate-authorities"] = wishAuthorities
        }
        if !wishCertificates.isEmpty {
            cluster.annotations["keelson.dev/rotate-certificates"] = wishCertificates
        }
        return cluster
    }

    var desired: DesiredCluster { DesiredCluster(cluster) }

    private var own: OwnCertificates {
        OwnCertificates(
            desired: desired, owner: cluster, secrets: secrets, now: now, allAnswer: allAnswer)
    }

    var changes: [String] { own.changes.map(\.authority) }

    func due() -> OwnCertificates.Due? { own.firstDue() }

    /// What was made, or with a plus, what was told whom to trust.
    mutating func settle() -> [String] {
        var done: [String] = []
        while done.count < 30, let name = step() { done.append(name) }
        return done
    }

    mutating func step() -> String? {
        switch due() {
        case nil: return nil
        case .issue(let order)?:
            put(order)
            return order.secret.name
        case .trust(let secret, let bundle)?:
            var secret = secret
            secret["data", "ca.crt"] = .string(bundle)
            secret.annotations["keelson.dev/trusted-since"] = KubeTime.seconds(now.nanoseconds)
            replace(secret)
            return "+\(secret.name)"
        }
    }

    private mutating func put(_ order: CertificateOrder) {
        count += 1
        var secret = order.secret
        let text = Self.pem("\(secret.name)#\(count)")
        let trusted =
            order.signer.flatMap { $0.string("data", "ca.crt").flatMap { Base64.decode($0) } }
            ?? Array(text.utf8) + order.trusted
        secret["data"] = [
            "tls.crt": .string(Base64.encode(Array(text.utf8))), "tls.key": "aw==",
            "ca.crt": .string(Base64.encode(trusted)),
        ]
        // By which authority, for the checks.
        secret["signer"] = order.signer?.string("data", "tls.crt").map(JSONValue.string)
        secret.resourceVersion = "\(count)"
        replace(secret)
    }

    private mutating func replace(_ secret: KubeObject) {
        secrets.removeAll { $0.name == secret.name }
        secrets.append(secret)
    }

    mutating func delete(_ name: String) { secrets.removeAll { $0.name == name } }

    private static func pem(_ word: String) -> String {
        "-----BEGIN CERTIFICATE-----\n\(word)\n-----END CERTIFICATE-----\n"
    }

    private func text(_ name: String, _ key: String) -> String {
        let text = secrets.first { $0.name == name }?.string("data", key) ?? ""
        return String(decoding: Base64.decode(text) ?? [], as: UTF8.self)
    }

    /// The words that it trusts; older ones may be there twice.
    func bundle(_ name: String) -> [String] {
        var words: [String] = []
        for line in text(name, "ca.crt").split(separator: "\n")
        where !line.hasPrefix("-----") && !words.contains(String(line)) {
            words.append(String(line))
        }
        return words
    }

    func signer(_ name: String) -> String {
        let text = secrets.first { $0.name == name }?["signer"]?.string ?? ""
        let pem = String(decoding: Base64.decode(text) ?? [], as: UTF8.self)
        return pem.split(separator: "\n").first { !$0.hasPrefix("-----") }.map(String.init) ?? ""
    }

    /// Who of ours is not trusted by somebody of theirs.
    func refused(by other: Shop) -> String? {
        let pairs = [
            ("demo-client-tls", "demo-server-tls"), ("demo-server-tls", "demo-client-tls"),
            ("demo-peer-tls", "demo-peer-tls"), ("demo-server-tls", "demo-server-tls"),
        ]
        let found = pairs.first { !other.bundle($0.1).contains(signer($0.0)) }
        return found.map { "\($0.0) by \(signer($0.0)) is no friend of \($0.1)" }
    }

    var expired: String? {
        Certificates.facts(desired, secrets).first { $0.isExpired(now) }?.secretName
    }
}
