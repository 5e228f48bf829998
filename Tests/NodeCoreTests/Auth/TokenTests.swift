// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct TokenTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    // MARK: The table

    @Test func `a token lives as long as it is used, and a while longer`() {
        var tokens = Tokens(life: .seconds(300), limit: 10)
        tokens.add("abc", index: 7, user: "u", now: at(0))
        #expect(tokens.use("abc.7", now: at(299)) == "u")
        #expect(tokens.use("abc.7", now: at(598)) == "u")
        tokens.expire(at(700))
        #expect(tokens.use("abc.7", now: at(897)) == "u")
        #expect(tokens.use("abc.7", now: at(1_197)) == nil)
        tokens.expire(at(1_300))
        #expect(tokens.count == 0)
    }

    @Test func `either index is good and nothing else`() {
        var tokens = Tokens(life: .seconds(300), limit: 10)
        tokens.add("abc", index: 7, user: "u", now: at(0))
        for token in ["abc.7", "abc.6", "abc.07"] {
            #expect(tokens.use(token, now: at(1)) == "u", "\(token)")
        }
        for token in [
            "abc.8", "abc.5", "abc", "abc.", ".7", "", ".", "abc.7.", "abc.-7", "abc.7 ",
            "abd.7", "ABC.7", "abc.18446744073709551615", "abc.99999999999999999999999", "abc.７",
        ] {
            #expect(tokens.use(token, now: at(1)) == nil, "\(token)")
        }
    }

    @Test func `beyond the limit the token that would end first goes`() {
        var tokens = Tokens(life: .seconds(300), limit: 3)
        for (number, prefix) in ["a", "b", "c", "d"].enumerated() {
            tokens.add(prefix, index: 1, user: prefix, now: at(Int64(number)))
        }
        #expect(tokens.count == 3)
        #expect(tokens.use("a.1", now: at(5)) == nil)
        #expect(tokens.use("d.1", now: at(5)) == "d")
    }

    /// Against a table that knows nothing but the time of the last use.
    @Test func `tokens are those that a naive table has`() {
        let seed: UInt64 = 99
        var random = Random(seed: seed)
        var tokens = Tokens(life: .seconds(30), limit: 1_000)
        var naive: [String: (user: String, until: Int64)] = [:]
        var now: Int64 = 0
        for step in 0..<20_000 {
            now += Int64(random.below(3))
            let name = "t\(random.below(60))"
            switch random.below(6) {
            case 0:
                let user = "u\(random.below(5))"
                tokens.add(name, index: 1, user: user, now: at(now))
                naive[name] = (user, now + 30)
            case 1 where random.below(8) == 0:
                let user = "u\(random.below(5))"
                tokens.forget(user)
                naive = naive.filter { $0.value.user != user }
            case 2: tokens.expire(at(now))
            default:
                let found = naive[name].flatMap { $0.until > now ? $0.user : nil }
                if found != nil { naive[name]?.until = now + 30 }
                #expect(
                    tokens.use("\(name).1", now: at(now)) == found, "seed \(seed) step \(step)")
            }
        }
        tokens.expire(at(now + 100))
        #expect(tokens.count == 0)
    }

    // MARK: In a cluster

    private func mayRead(
        _ cluster: Cluster, _ identity: Identity, at member: TestMember? = nil
    ) -> EtcdError? {
        cluster.ask(member ?? cluster.head, .get("r1"), as: identity)?.failure
    }

    @Test func `a token of one member is good at every member`() {
        let cluster = Cluster(3).ready()
        cluster.enableAuth()
        let token = cluster.token("user", "abcdefghijklmnop", at: cluster.follower)
        for member in cluster.members {
            #expect(mayRead(cluster, token, at: member) == nil)
            #expect(cluster.ask(member, .put("w1"), as: token)?.failure == nil)
        }
        guard case .token(let text) = token, let point = text.firstIndex(of: "."),
            let index = UInt64(text[text.index(after: point)...])
        else {
            Issue.record("no token")
            return
        }
        // What a member of another release writes at the end.
        let other = Identity.token("\(text[..<point]).\(index + 1)")
        for member in cluster.members { #expect(mayRead(cluster, other, at: member) == nil) }
    }

    @Test func `tokens end with the password, the user, and the switch`() {
        let cluster = Cluster(3).ready()
        cluster.enableAuth()
        let root = cluster.token("root", "root")
        var token = cluster.token("user", "one")
        var change = AuthUserChangePasswordRequest()
        change.name = "user"
        _ = cluster.ask(cluster.head, .administer(.changePassword(change, hash: "AA==")), as: root)
        for member in cluster.members {
            #expect(mayRead(cluster, token, at: member) == .invalidAuthToken)
        }
        token = cluster.token("user", "two")
        #expect(mayRead(cluster, token) == nil)
        _ = cluster.administer(
            .userDelete, AuthUserDeleteRequest.with { $0.name = "user" }, as: root)
        #expect(mayRead(cluster, token) == .invalidAuthToken)
        #expect(mayRead(cluster, root) == nil)
        cluster.disableAuth(as: root)
        _ = cluster.administer(.authEnable, AuthEnableRequest(), as: .anonymous)
        for member in cluster.members {
            #expect(mayRead(cluster, root, at: member) == .invalidAuthToken)
        }
    }

    @Test func `a token ends when it is not used`() {
        let cluster = Cluster { $0.tokenLife = .seconds(5) }.ready()
        cluster.enableAuth()
        let token = cluster.token("user", "abc")
        for _ in 0..<3 {
            cluster.pass(.seconds(4))
            #expect(mayRead(cluster, token) == nil)
        }
        cluster.pass(.seconds(6))
        #expect(mayRead(cluster, token) == .invalidAuthToken)
    }

    @Test func `a log-in is void when users changed since the password was checked`() {
        let cluster = Cluster().ready()
        cluster.enableAuth()
        let before = cluster.authRevision
        let root = cluster.token("root", "root")
        cluster.addUser("more", as: root)
        #expect(cluster.logIn("user", "late", checkedAt: before)?.failure == .authOldRevision)
        #expect(cluster.logIn("user", "good") != nil)
        #expect(cluster.logIn("ghost", "none")?.failure == .authFailed)
    }

    @Test func `what a password is checked against is told to the shell alone`() {
        let cluster = Cluster().ready()
        #expect(
            cluster.ask(cluster.first, .credentials(name: "user"))?.failure == .authNotEnabled)
        cluster.enableAuth()
        func credentials(_ name: String) -> Credentials? {
            guard
                case .compute(.passwordCheck(let found)) = cluster.ask(
                    cluster.first, .credentials(name: name))
            else { return nil }
            return found
        }
        #expect(credentials("user")?.isDecoy == false)
        #expect(credentials("user")?.revision == cluster.authRevision)
        // A name nobody has costs a check all the same.
        #expect(credentials("ghost")?.isDecoy == true)
        #expect(credentials("ghost")?.hash == bytes("hash"))
    }

    @Test func `a follower that lags lets a fresh token wait`() {
        let cluster = Cluster(3).ready()
        cluster.enableAuth()
        cluster.settle()
        let behind = cluster.follower
        // It hears of entries, and not that they are committed.
        let key = cluster.head
        cluster.drops = { $0.to == behind.id }
        let token = cluster.token("user", "fresh", at: key)
        let call = cluster.begin(behind, .put("w1"), as: token)
        let stream = cluster.open(behind)
        cluster.watch(behind, stream, WatchCreateRequest(key: bytes("r1")), as: token)
        #expect(behind.answers[call] == nil)
        #expect(cluster.responses(behind, stream).isEmpty)
        cluster.drops = { _ in false }
        cluster.tick(5)
        #expect(behind.answers[call] != nil)
        #expect(behind.answers[call]?.failure == nil)
        #expect(cluster.responses(behind, stream).map(\.canceled) == [false])
        // A token of the future that never comes is refused when the time is up.
        let never = cluster.begin(behind, .put("w1"), as: .token("abc.999999"))
        cluster.tick(5)
        #expect(behind.answers[never] == nil)
        cluster.pass(.seconds(10))
        #expect(behind.answers[never]?.failure == .invalidAuthToken)
    }
}
