// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Formats
import HTTP
import Posix
import TestKit
import Testing

/// /v2 while authentication is on, and behind what guards all plain HTTP.
@Suite(.enabled(if: TestNode.program != nil)) struct V2UsersTests {
    /// A member with the users root, and reader, who may read all of v2.
    private static func node(_ more: [String] = []) throws -> TestNode {
        let node = try TestNode(["--bcrypt-cost=4"] + more)
        let client = try node.client()
        func succeed(_ rpc: RPC, _ message: some WireMessage) throws {
            let status = try client.call(rpc.path, message.encoded()).status
            guard status.code == .ok else { throw TestFailure("\(rpc): \(status)") }
        }
        for name in ["root", "reader"] {
            try succeed(
                .userAdd,
                AuthUserAddRequest.with {
                    $0.name = name
                    $0.password = "pw"
                })
            try succeed(.roleAdd, AuthRoleAddRequest.with { $0.name = name })
            try succeed(
                .userGrantRole,
                AuthUserGrantRoleRequest.with {
                    $0.user = name
                    $0.role = name
                })
        }
        let permission = Permission.with {
            $0.permType = .read
            $0.key = Array("_keelson/v2".utf8)
            $0.rangeEnd = Array("_keelson/v3".utf8)
        }
        try succeed(
            .roleGrantPermission,
            AuthRoleGrantPermissionRequest.with {
                $0.name = "reader"
                $0.perm = permission
            })
        try succeed(.authEnable, AuthEnableRequest())
        return node
    }

    private static func basic(_ user: String, _ password: String = "pw") -> HeaderField {
        HeaderField("authorization", "Basic " + Base64.encode(Array("\(user):\(password)".utf8)))
    }

    private func ask(
        _ node: TestNode, _ method: String, _ target: String, _ field: HeaderField? = nil
    ) throws -> (status: Int, body: String) {
        let answer = try http(
            node.clientPort, target, method: method, headers: field.map { [$0] } ?? [])
        return (answer.status, answer.body)
    }

    @Test func `a password of v3 with each request is who asks`() throws {
        let node = try Self.node()
        let key = "/v2/keys/a?value=1"
        let nobody = try ask(node, "PUT", key)
        #expect(nobody.status == 401)
        #expect(nobody.body.contains("\"errorCode\":110"))
        #expect(try ask(node, "PUT", key, Self.basic("root", "no")).status == 401)
        #expect(try ask(node, "PUT", key, Self.basic("ghost")).status == 401)
        #expect(try ask(node, "PUT", key, HeaderField("authorization", "Basic %")).status == 401)
        #expect(try ask(node, "PUT", key, Self.basic("root")).status == 201)
        for _ in 0..<2 {
            #expect(try ask(node, "GET", "/v2/keys/a", Self.basic("reader")).status == 200)
            #expect(try ask(node, "PUT", key, Self.basic("reader")).status == 401)
        }
        #expect(try ask(node, "GET", "/v2/keys/a").status == 401)
    }

    @Test func `a password that was right is not after it was changed`() throws {
        let node = try Self.node()
        #expect(try ask(node, "GET", "/v2/keys/", Self.basic("root")).status == 200)
        let client = try node.client()
        let logIn = AuthenticateRequest.with {
            $0.name = "root"
            $0.password = "pw"
        }
        let message = try #require(
            client.call(RPC.authenticate.path, logIn.encoded()).messages.first)
        let token = try AuthenticateResponse(decoding: message).token
        let bearer = HeaderField("authorization", "Bearer \(token)")
        #expect(try ask(node, "GET", "/v2/keys/", bearer).status == 200)
        let change = AuthUserChangePasswordRequest.with {
            $0.name = "root"
            $0.password = "new"
        }
        let changed = try client.call(
            RPC.userChangePassword.path, change.encoded(),
            metadata: [HeaderField("token", token)])
        #expect(changed.status.code == .ok)
        #expect(try ask(node, "GET", "/v2/keys/", Self.basic("root")).status == 401)
        #expect(try ask(node, "GET", "/v2/keys/", Self.basic("root", "new")).status == 200)
        #expect(try ask(node, "GET", "/v2/keys/", bearer).status == 401)
    }

    @Test func `the members are for users to see and for root to change`() throws {
        let node = try Self.node()
        for path in ["/v2/members", "/v2/machines", "/v2/members/leader"] {
            #expect(try ask(node, "GET", path).status == 401)
            #expect(try ask(node, "GET", path, Self.basic("reader")).status == 200)
        }
        let remove = try ask(node, "DELETE", "/v2/members/1", Self.basic("reader"))
        #expect(remove.status == 401)
        #expect(remove.body == #"{"message":"Insufficient credentials"}"#)
        #expect(try ask(node, "DELETE", "/v2/members/1", Self.basic("root")).status == 404)
    }

    @Test func `nobody waits, and a reader does`() throws {
        let node = try Self.node()
        #expect(try ask(node, "GET", "/v2/keys/a?wait=true").status == 401)
        #expect(try ask(node, "PUT", "/v2/keys/a?value=1", Self.basic("root")).status == 201)
        let past = "/v2/keys/a?wait=true&waitIndex=1"
        let answer = try ask(node, "GET", past, Self.basic("reader"))
        #expect(answer.status == 200)
        #expect(answer.body.contains(#""key":"/a","value":"1""#))
    }

    @Test func `many requests with one password at once are one check`() throws {
        let node = try Self.node()
        let field = Self.basic("reader")
        // More than may wait for the passwords' thread.
        var wires: [Wire] = []
        let text =
            "GET /v2/keys/ HTTP/1.1\r\nHost: a\r\nAuthorization: \(field.value)\r\n"
            + "Connection: close\r\n\r\n"
        for _ in 0..<100 {
            let wire = try Wire(port: node.clientPort)
            wire.send(Array(text.utf8))
            wires.append(wire)
        }
        for wire in wires {
            var answer = ""
            try eventually("an answer") {
                answer += String(decoding: wire.receive(within: .milliseconds(20)), as: UTF8.self)
                return wire.isOver
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `pages of other origins are held off as everywhere`() throws {
        let node = try TestNode(["--cors=http://good", "--host-whitelist=127.0.0.1"])
        let origin = try http(
            node.clientPort, "/v2/keys/", headers: [HeaderField("origin", "http://good")])
        #expect(origin.headers.value(of: "access-control-allow-origin") == "http://good")
        let other = try http(
            node.clientPort, "/v2/keys/", headers: [HeaderField("origin", "http://bad")])
        #expect(other.headers.value(of: "access-control-allow-origin") == nil)
    }

    /// Known bug: TOB-2020-9.
    @Test func `a certificate's common name is a user too`() throws {
        guard let curl = Tools.onPath("curl") else { return skip("no curl") }
        let node = try TLSNodeTests.Kubeadm(["--bcrypt-cost=4"])
        let all = [
            "-sS", "--cacert", node.pki("ca.crt"), "--cert", node.pki("healthcheck-client.crt"),
            "--key", node.pki("healthcheck-client.key"),
        ]
        let base = "https://127.0.0.1:\(node.clientPort)"
        func ask(_ path: String, _ more: [String]) throws -> String {
            try node.run(curl, all + more + [base + path]) ?? ""
        }
        #expect(try ask("/v3/auth/role/add", ["-d", #"{"name":"root"}"#]).contains("header"))
        for name in ["root", "kube-etcd-healthcheck-client"] {
            let user = #"{"name":"\#(name)","password":"pw"}"#
            #expect(try ask("/v3/auth/user/add", ["-d", user]).contains("header"))
        }
        let grant = #"{"user":"root","role":"root"}"#
        #expect(try ask("/v3/auth/user/grant", ["-d", grant]).contains("header"))
        #expect(try ask("/v3/auth/enable", ["-d", "{}"]).contains("header"))
        // Known, but without rights: it may see the members and write nothing.
        #expect(try ask("/v2/members", []).contains("node1"))
        let put = ["-X", "PUT", "-d", "value=1"]
        #expect(try ask("/v2/keys/a", put).contains("\"errorCode\":110"))
        let root = ["--user", "root:pw"]
        #expect(try ask("/v2/keys/a", put + root).contains("\"action\":\"set\""))
        // A wrong password is not made up for by a good certificate.
        #expect(try ask("/v2/members", ["--user", "root:no"]).contains("Insufficient"))
    }

    @Test func `the second API is there over HTTP/2 too`() throws {
        let node = try TestNode()
        let browser = try GatewayHTTP2Tests.Browser(port: node.clientPort)
        let made = try browser.post("/v2/keys/q?value=1", "")
        #expect(browser.waitForEnd(made))
        #expect(browser.heads[made]?.value(of: ":status") == "201")
        #expect(browser.bodies[made]?.contains("\"action\":\"create\"") == true)
    }
}
