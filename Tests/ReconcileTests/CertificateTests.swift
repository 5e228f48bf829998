// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Reconcile
import Testing

@Suite struct CertificateTests {
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
    @Test(arguments: 1...12) func `nobody is ever refused`(seed: UInt64) {
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
