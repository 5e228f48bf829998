// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Reconcile
import Testing

@Suite struct CertificateTests {
    // MARK: Times in a certificate

    private static let short = """
        Bag of nothing
        -----BEGIN CERTIFICATE-----
        MIIBczCCARmgAwIBAgIUdvDSgDXoRYxiavlTQ+NvKQN+v9QwCgYIKoZIzj0EAwIw
        DzENMAsGA1UEAwwEZGVtbzAeFw0yNjExMjEyMzEzMzVaFw0yNjExMjIyMzEzMzVa
        MA8xDTALBgNVBAMMBGRlbW8wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATDucOj
        9wNhSV/s6x+CUnMEyFAFgEIDfb/Q1B9l4tZ7qA0h7JizVXX1Hv3h9G//PqSuZKs6
        AL6nZDbZYFfo3/XPo1MwUTAdBgNVHQ4EFgQU98jHU4kN5AYspsZc+2c/tlupudcw
        HwYDVR0jBBgwFoAU98jHU4kN5AYspsZc+2c/tlupudcwDwYDVR0TAQH/BAUwAwEB
        /zAKBggqhkjOPQQDAgNIADBFAiEA73mB/z7gGlsv0Dy7Al3+0qWDkhxYqnbpkDqE
        oRRZ3xoCIGksmkvpfyh1Z0CwBC0ZrxKvUewZNGoF728z0YHy1d1r
        -----END CERTIFICATE-----

        """

    /// Its end is too far away for two digits of a year.
    private static let long = """
        -----BEGIN CERTIFICATE-----
        MIIBijCCATGgAwIBAgIUd1qHL1ClLWuadd2UlYyIU1wgyvwwCgYIKoZIzj0EAwIw
        GjEMMAoGA1UEAwwDb2xkMQowCAYDVQQKDAF4MCAXDTI2MTEyMTIzMTMzNloYDzIw
        ODEwODI0MjMxMzM2WjAaMQwwCgYDVQQDDANvbGQxCjAIBgNVBAoMAXgwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAATyiiFWnbZyC9OxepwAV16Gvp7D4lSf2B3qiYCJ
        WCf0Qm0zEMiWg81YM7iFL5FH0Zt5VFjpvkDGAF+SHVC7INCzo1MwUTAdBgNVHQ4E
        FgQUSl2I5fMdtv/LHQ72y8VFF0AY11gwHwYDVR0jBBgwFoAUSl2I5fMdtv/LHQ72
        y8VFF0AY11gwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBApXoP
        AT6qhgRlkyh/y7f+6fikjsQKWi/VTd0mOofLjgIgFbsDQqSlC6mMvVA0F2Bqh3NT
        pvg8GQgvxfoJO6w8oVw=
        -----END CERTIFICATE-----
        """

    private func times(_ pem: String) -> [String]? {
        CertificateValidity(pem: Array(pem.utf8)).map {
            [$0.notBefore, $0.notAfter].map { KubeTime.seconds($0.nanoseconds) }
        }
    }

    @Test func `both ways of writing a time are read`() {
        #expect(times(Self.short) == ["2026-11-21T23:13:35Z", "2026-11-22T23:13:35Z"])
        #expect(times(Self.long) == ["2026-11-21T23:13:36Z", "2081-08-24T23:13:36Z"])
        #expect(times(Self.short + Self.long) == times(Self.short))
        for nothing in ["", "c", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
            #expect(times(nothing) == nil)
        }
    }

    @Test func `broken certificates are refused and do no harm`() throws {
        let seed = UInt64(20_261_121)
        print("seed \(seed)")
        var random = Random(seed: seed)
        let body = Self.long.split(separator: "\n").dropFirst().dropLast().joined()
        let whole = try #require(Base64.decode(body))
        let read = try #require(CertificateValidity(der: whole))
        for length in 0..<100 {
            #expect(CertificateValidity(der: Array(whole.prefix(length))) == nil)
        }
        for _ in 0..<20_000 {
            var broken = whole
            for _ in 0...random.below(3) {
                broken[Int(random.below(120))] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let found = CertificateValidity(der: broken) else { continue }
            // Whatever it says, it can be reckoned with.
            #expect(found.notAfter - found.notBefore >= .zero)
            #expect(found.notAfter - read.notBefore < .seconds(400 * 366 * 86_400))
        }
    }

    // MARK: Mode Auto

    @Test func `a new cluster gets authorities before what they sign`() {
        var shop = Shop()
        #expect(
            shop.settle() == [
                "demo-ca", "demo-server-tls", "demo-client-tls", "demo-peer-ca",
                "demo-peer-tls",
            ])
        #expect(shop.due() == nil)
        let facts = Certificates.facts(shop.desired, shop.secrets)
        #expect(facts.map(\.isAuthority) == [true, true, false, false, false])
        #expect(facts.allSatisfy { $0.renewal.map { $0 > shop.now } ?? false })
    }

    @Test func `a certificate is renewed before its end by the same authority`() {
        var shop = Shop()
        _ = shop.settle()
        shop.now = shop.now + .seconds(60 * 86_400 - 60)
        #expect(shop.due() == nil)
        shop.now = shop.now + .seconds(120)
        #expect(shop.settle() == ["demo-server-tls", "demo-client-tls", "demo-peer-tls"])
        #expect(shop.bundle("demo-ca").count == 1)
        #expect(shop.changes.isEmpty)
    }

    @Test func `an authority is replaced in three steps`() {
        var shop = Shop()
        _ = shop.settle()
        let old = shop.bundle("demo-ca")
        shop.wishAuthorities = "1"
        #expect(
            shop.settle() == [
                "demo-ca", "+demo-server-tls", "+demo-client-tls", "demo-peer-ca",
                "+demo-peer-tls",
            ])
        let both = shop.bundle("demo-server-tls")
        #expect(both.count == 2 && both[1] == old[0])
        #expect(shop.signer("demo-server-tls") == old[0])
        shop.now = shop.now + .seconds(86_399)
        #expect(shop.settle().isEmpty)
        shop.now = shop.now + .seconds(1)
        #expect(shop.settle() == ["demo-server-tls", "demo-client-tls", "demo-peer-tls"])
        #expect(shop.signer("demo-server-tls") == both[0])
        #expect(shop.bundle("demo-client-tls") == both)
        shop.now = shop.now + .seconds(86_399)
        #expect(shop.settle().isEmpty)
        shop.now = shop.now + .seconds(1)
        #expect(
            shop.settle() == [
                "+demo-ca", "+demo-server-tls", "+demo-client-tls",
                "+demo-peer-ca", "+demo-peer-tls",
            ])
        #expect(shop.bundle("demo-server-tls") == [both[0]])
        #expect(shop.changes.isEmpty && shop.due() == nil)
    }

    @Test func `a change of authority waits for members that do not answer`() {
        var shop = Shop()
        _ = shop.settle()
        shop.wishAuthorities = "1"
        _ = shop.settle()
        shop.allAnswer = false
        shop.now = shop.now + .seconds(5 * 86_400)
        #expect(shop.settle().isEmpty)
        shop.allAnswer = true
        #expect(shop.settle().count == 3)
        shop.allAnswer = false
        shop.now = shop.now + .seconds(5 * 86_400)
        #expect(shop.settle().isEmpty)
        shop.allAnswer = true
        #expect(shop.settle().count == 5)
    }

    @Test func `what would end is renewed although members do not answer`() {
        var shop = Shop()
        _ = shop.settle()
        shop.wishAuthorities = "1"
        _ = shop.settle()
        shop.allAnswer = false
        shop.now = shop.now + .seconds(85 * 86_400)
        #expect(shop.settle() == ["demo-server-tls", "demo-client-tls", "demo-peer-tls"])
    }

    @Test func `an authority waits for a window, and not for ever`() {
        var shop = Shop()
        _ = shop.settle()
        shop.windows = [["schedule": "0 3 1 1 *", "duration": "5m"]]
        // Certificates do not wait.
        shop.now = shop.now + .seconds(60 * 86_400 + 60)
        #expect(shop.settle().count == 3)
        let begin = shop.now
        shop.now = begin + .seconds((3650 - 60 - 365 + 2) * 86_400)
        #expect(!shop.settle().contains("demo-ca"))
        shop.windows = nil
        var open = shop
        #expect(open.settle().contains("demo-ca"))
        shop.windows = [["schedule": "0 3 1 1 *", "duration": "5m"]]
        shop.now = begin + .seconds((3650 - 60 - 182 + 2) * 86_400)
        #expect(shop.settle().contains("demo-ca"))
    }

    @Test func `windows open by their schedule and close after their duration`() {
        func isOpen(_ schedule: String, _ duration: String, _ time: String) -> Bool? {
            let maintenance = Maintenance.decode([
                "windows": [["schedule": .string(schedule), "duration": .string(duration)]]
            ])
            return KubeTime.parse(time).map { maintenance.isOpen(at: $0 / 1_000_000_000) }
        }
        // 2026-11-21 is a Saturday.
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T02:59:59Z") == false)
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T03:00:00Z") == true)
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T06:59:59Z") == true)
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T07:00:00Z") == false)
        #expect(isOpen("0 3 * * 6", "48h", "2026-11-22T20:00:00Z") == true)
        #expect(isOpen("nonsense", "4h", "2026-11-21T03:00:00Z") == false)
        #expect(Maintenance().isOpen(at: 0))
    }

    @Test func `a wish by annotation is fulfilled once`() {
        var shop = Shop()
        _ = shop.settle()
        shop.wishCertificates = "today"
        #expect(shop.settle() == ["demo-server-tls", "demo-client-tls", "demo-peer-tls"])
        shop.wishCertificates = ""
        #expect(shop.settle().isEmpty)
        shop.wishCertificates = "tomorrow"
        #expect(shop.settle().count == 3)
    }

    @Test func `a deleted certificate is made again at once`() {
        var shop = Shop()
        _ = shop.settle()
        shop.delete("demo-server-tls")
        #expect(shop.settle() == ["demo-server-tls"])
        #expect(shop.bundle("demo-server-tls") == shop.bundle("demo-ca"))
    }

    @Test func `a deleted authority comes back beside the one that was trusted`() {
        var shop = Shop()
        _ = shop.settle()
        let old = shop.bundle("demo-ca")
        shop.delete("demo-ca")
        #expect(shop.settle() == ["demo-ca", "+demo-server-tls", "+demo-client-tls"])
        #expect(shop.bundle("demo-server-tls").last == old[0])
        #expect(shop.bundle("demo-server-tls").count == 2)
        #expect(shop.signer("demo-server-tls") == old[0])
    }

    /// Whatever happens to the Secrets, everybody's view of them may be `pace` old, and still all
    /// accept each other.
    @Test(arguments: 1...40) func `nobody is ever refused`(seed: UInt64) {
        print("seed \(seed)")
        var random = Random(seed: seed)
        var shop = Shop()
        shop.lifetimes = ["certValidity": "10m", "caValidity": "1h", "renewBefore": "4m"]
        let pace = shop.desired.tls.ownLifetimes.pace
        _ = shop.settle()
        var history: [(time: Instant, shop: Shop)] = []
        for round in 0..<150 {
            history.append((shop.now, shop))
            history.removeAll { shop.now - $0.time > pace - .seconds(1) }
            for past in history {
                for (one, other) in [(past.shop, shop), (shop, past.shop)] {
                    let refused = one.refused(by: other)
                    #expect(refused == nil, "round \(round): \(refused ?? "")")
                }
            }
            #expect(shop.expired == nil, "round \(round): \(shop.expired ?? "")")
            shop.now = shop.now + .seconds(Int64(5 + random.below(40)))
            shop.allAnswer = random.below(4) > 0
            switch random.below(40) {
            case 0: shop.wishAuthorities = "\(round)"
            case 1: shop.wishCertificates = "\(round)"
            // An authority's key is lost, once its certificates could do without.
            case 2 where shop.changes.isEmpty: shop.delete("demo-ca")
            default: break
            }
            // Mostly the operator does all there is to do; sometimes it is slow.
            if random.below(4) > 0 { _ = shop.settle() }
            for _ in 0..<random.below(4) { _ = shop.step() }
        }
    }

    @Test func `lifetimes that no rule has seen make no endless work`() {
        for lifetimes: JSONValue in [
            ["renewBefore": "9000h"], ["caValidity": "10m"], ["overlap": "90000h"],
            ["caValidity": "2000000h", "certValidity": "1000000h"], ["certValidity": "1ns"],
        ] {
            var shop = Shop()
            shop.lifetimes = lifetimes
            #expect(shop.settle().count == 5, "\(lifetimes)")
            shop.wishAuthorities = "1"
            #expect(shop.settle().count == 5, "\(lifetimes)")
        }
    }
}

/// The Secrets of one cluster; certificates are words in PEM's clothes.
private struct Shop {
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
