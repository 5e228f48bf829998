// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import HTTP
import Testing

@testable import NodeServer

@Suite struct AccessTests {
    private func ask(
        _ access: AccessControl, method: String = "POST", host: String = "127.0.0.1:2379",
        origin: String? = nil, isSecure: Bool = false
    ) -> (origin: String?, status: Int?) {
        let head = HTTPRequestHead(
            method: method, target: "/v3/kv/range", authority: host,
            headers: origin.map { [HeaderField("origin", $0)] } ?? [])
        let (fields, answer) = access.admit(head, isSecure: isSecure)
        return (fields.value(of: "access-control-allow-origin"), answer?.head.status)
    }

    @Test func `without a list every page may ask`() {
        for origins in [[], ["*"], ["http://a", "*"]] {
            #expect(ask(AccessControl(origins: origins)).origin == "*")
            #expect(ask(AccessControl(origins: origins), origin: "http://x").origin == "*")
        }
    }

    /// Known bug: CVE-2018-1098.
    @Test func `a list names the pages that may ask`() {
        let access = AccessControl(origins: ["http://a:80", "https://b:1"])
        #expect(ask(access, origin: "https://b:1").origin == "https://b:1")
        #expect(ask(access, origin: "http://b:1").origin == nil)
        #expect(ask(access, origin: "http://A:80").origin == nil)
        #expect(ask(access).origin == nil)
    }

    /// Known bug: CVE-2018-16886.
    @Test func `a certificate with a name is no way into the gateway while users count`() {
        let access = AccessControl()
        func status(_ target: String, _ name: String?) -> Int? {
            let head = HTTPRequestHead(method: "POST", target: target, authority: "h")
            return access.admit(head, isSecure: true, commonName: name).answer?.head.status
        }
        #expect(status("/v3/kv/range", "root") == 400)
        #expect(status("/v3/nothing", "root") == 400)
        #expect(status("/v3/kv/range", "") == nil)
        #expect(status("/v3/kv/range", nil) == nil)
        #expect(status("/health", "root") == nil)
    }

    @Test func `the question before the question is answered here`() {
        #expect(ask(AccessControl(), method: "OPTIONS").status == 200)
        let strict = AccessControl(origins: ["http://a"], hosts: ["localhost"])
        let refused = ask(strict, method: "OPTIONS", host: "evil", origin: "http://a")
        #expect(refused.status == 421)
        #expect(refused.origin == nil)
    }

    /// Known bug: CVE-2018-1099.
    @Test(arguments: [
        ("localhost", true), ("localhost:2379", true), ("127.0.0.1:1", true), ("[::1]:1", true),
        ("[::1]", false), ("evil", false), ("localhost.evil", false), ("", false),
        ("LOCALHOST", false), ("localhost:1:2", false), (":2379", false), ("[", false),
    ]) func `plain HTTP asks under a name of the list`(_ host: String, _ isGood: Bool) {
        let access = AccessControl(hosts: ["localhost", "127.0.0.1", "::1"])
        #expect(ask(access, host: host).status == (isGood ? nil : 421), "\(host)")
        #expect(ask(access, host: host, isSecure: true).status == nil)
        #expect(ask(AccessControl(hosts: ["*"]), host: host).status == nil)
    }

    @Test func `old paths are led to the present ones`() {
        #expect(AccessControl.present("/v3beta/kv/range?x=y") == "/v3/kv/range?x=y")
        #expect(AccessControl.present("/v3beta") == "/v3beta")
        #expect(AccessControl.present("/v3alpha/kv/range") == "/v3alpha/kv/range")
    }

    @Test func `every method with a path is found there by POST alone`() {
        var count = 0
        for row in Services.rows {
            for path in row.gatewayPaths {
                count += 1
                guard case .call(row.rpc) = Self.route("POST", path) else {
                    Issue.record("\(path) is not \(row.rpc)")
                    continue
                }
                for method in ["GET", "PUT", "HEAD", "DELETE"] {
                    guard case .answer(let response) = Self.route(method, path),
                        response.head.status == 405
                    else {
                        Issue.record("\(method) \(path) is taken")
                        continue
                    }
                }
            }
        }
        #expect(count == 51)
    }

    private static func route(_ method: String, _ path: String) -> Gateway.Route {
        Gateway().route(HTTPRequestHead(method: method, target: path))
    }

    @Test func `unknown paths below are not found, others are someone else's`() {
        for path in ["/v3/", "/v3/kv", "/v3/kv/range/", "/v3/KV/range", "/v3//kv/range"] {
            guard case .answer(let response) = Self.route("POST", path) else {
                Issue.record("\(path)")
                continue
            }
            #expect(response.head.status == 404)
        }
        for path in ["/", "/v3x", "/version", "/v2/keys/v3/"] {
            guard case .elsewhere = Self.route("POST", path) else {
                Issue.record("\(path)")
                continue
            }
        }
    }
}
