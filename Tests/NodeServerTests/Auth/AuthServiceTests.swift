// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import HTTP
import Posix
import TestKit
import Testing

/// The auth service over gRPC, on a process of its own.
@Suite(.enabled(if: TestNode.program != nil)) struct AuthServiceTests {
    private func call(
        _ client: TestClient, _ rpc: RPC, _ message: some WireMessage, as token: String? = nil,
        header: String = "token"
    ) throws -> TestClient.Outcome {
        let metadata = token.map { [HeaderField(header, $0)] } ?? []
        return try client.call(rpc.path, message.encoded(), metadata: metadata)
    }

    private func succeed(
        _ client: TestClient, _ rpc: RPC, _ message: some WireMessage, as token: String? = nil
    ) throws {
        let status = try call(client, rpc, message, as: token).status
        guard status.code == .ok else { throw TestFailure("\(rpc): \(status)") }
    }

    private func addRoot(_ client: TestClient, password: String = "pw") throws {
        try succeed(
            client, .userAdd,
            AuthUserAddRequest.with {
                $0.name = "root"
                $0.password = password
            })
        try succeed(client, .roleAdd, AuthRoleAddRequest.with { $0.name = "root" })
        try succeed(
            client, .userGrantRole,
            AuthUserGrantRoleRequest.with {
                $0.user = "root"
                $0.role = "root"
            })
        try succeed(client, .authEnable, AuthEnableRequest())
    }

    private func logIn(
        _ client: TestClient, _ user: String, _ password: String
    ) throws -> TestClient.Outcome {
        try call(
            client, .authenticate,
            AuthenticateRequest.with {
                $0.name = user
                $0.password = password
            })
    }

    private func token(_ client: TestClient, _ user: String, _ password: String) throws -> String {
        let outcome = try logIn(client, user, password)
        guard let message = outcome.messages.first else { throw TestFailure("\(outcome.status)") }
        return try AuthenticateResponse(decoding: message).token
    }

    private let range = RangeRequest(key: Array("a".utf8))

    @Test func `users log in, are let in, and stay after a restart`() throws {
        let node = try TestNode(["--bcrypt-cost=4"])
        var client = try node.client()
        try client.put("a")
        try addRoot(client)
        #expect(try call(client, .range, range).status.message == EtcdError.userEmpty.text)
        #expect(try logIn(client, "root", "no").status.message == EtcdError.authFailed.text)
        #expect(try logIn(client, "ghost", "pw").status.message == EtcdError.authFailed.text)
        #expect(try logIn(client, "root", "pw\0x").status.message == EtcdError.authFailed.text)
        let token = try token(client, "root", "pw")
        #expect(try call(client, .range, range, as: token).status.code == .ok)
        #expect(
            try call(client, .range, range, as: "Bearer \(token)", header: "authorization").status
                .code == .ok)
        #expect(
            try call(client, .range, range, as: "x.1").status.message
                == EtcdError.invalidAuthToken.text)
        try node.process.kill()
        try node.restart()
        client = try node.client()
        #expect(try call(client, .range, range).status.message == EtcdError.userEmpty.text)
        let again = try self.token(client, "root", "pw")
        #expect(try call(client, .range, range, as: again).status.code == .ok)
    }

    /// Neither the log of the process nor that of the store has them.
    /// Known bugs: TOB-2020-12, 3.5.32-token-log.
    @Test func `passwords and tokens are written down nowhere`() throws {
        let node = try TestNode(["--bcrypt-cost=4", "--log-level=debug"])
        let client = try node.client()
        let password = "very-secret-password"
        try addRoot(client, password: password)
        _ = try logIn(client, "root", "another-secret-password")
        let token = try token(client, "root", password)
        _ = try call(client, .range, range, as: "x" + token)
        try succeed(
            client, .userChangePassword,
            AuthUserChangePasswordRequest.with {
                $0.name = "root"
                $0.password = "third-secret-password"
            }, as: token)
        let letters = String(token.prefix { $0 != "." })
        for secret in ["secret-password", letters] {
            #expect(!node.process.output.contains(secret))
        }
        for path in try node.files("wal") {
            let bytes = try File(path, .read).read(at: 0, count: 1 << 20)
            #expect(!String(decoding: bytes, as: UTF8.self).contains("secret-password"))
        }
    }

    @Test func `passwords that cannot be hashed are refused`() throws {
        let node = try TestNode(["--bcrypt-cost=4"])
        let client = try node.client()
        for (password, text) in [
            (String(repeating: "x", count: 73), "bcrypt: password length exceeds 72 bytes"),
            ("a\0b", "the password has a zero byte in it"),
        ] {
            let add = AuthUserAddRequest.with {
                $0.name = "u"
                $0.password = password
            }
            #expect(try call(client, .userAdd, add).status.message == text)
        }
    }

    @Test func `a hash that a client sends counts for nothing`() throws {
        let node = try TestNode(["--bcrypt-cost=4"])
        let client = try node.client()
        try addRoot(client)
        let root = try token(client, "root", "pw")
        try succeed(
            client, .userAdd,
            AuthUserAddRequest.with {
                $0.name = "u"
                $0.password = "own"
                $0.hashedPassword = "JDJhJDA0JA=="
            }, as: root)
        #expect(try logIn(client, "u", "own").status.code == .ok)
    }

    @Test func `log-ins do not hold up other calls, and too many are refused`() throws {
        let node = try TestNode(["--bcrypt-cost=12"])
        let client = try node.client()
        try addRoot(client)
        let root = try token(client, "root", "pw")
        let logIns = AuthenticateRequest.with {
            $0.name = "root"
            $0.password = "wrong"
        }
        let flood = try node.client()
        for _ in 0..<100 { _ = flood.begin(RPC.authenticate.path, logIns.encoded()) }
        var ended: [GRPCStatus] = []
        try eventually("a refusal") {
            ended += flood.poll().map(\.1)
            return ended.contains { $0.message == EtcdError.tooManyRequests.text }
        }
        // The queue holds many seconds of work; a read takes no part in that.
        let began = MonotonicClock.now
        for _ in 0..<20 {
            #expect(try call(client, .range, range, as: root).status.code == .ok)
        }
        #expect(MonotonicClock.now - began < .seconds(5))
    }

    @Test func `signed tokens are given and taken`() throws {
        let folder = try TemporaryFolder()
        try File(folder["secret"], .create).write(at: 0, Array("some secret of an operator".utf8))
        let node = try TestNode([
            "--bcrypt-cost=4",
            "--auth-token=jwt,sign-method=HS256,priv-key=\(folder["secret"]),ttl=10m",
        ])
        let client = try node.client()
        try client.put("a")
        try addRoot(client)
        let token = try token(client, "root", "pw")
        #expect(token.split(separator: ".").count == 3)
        #expect(try call(client, .range, range, as: token).status.code == .ok)
        #expect(
            try call(client, .range, range, as: token + "A").status.message
                == EtcdError.invalidAuthToken.text)
        // A change of users makes identities of before old.
        try succeed(client, .roleAdd, AuthRoleAddRequest.with { $0.name = "r" }, as: token)
        #expect(
            try call(client, .range, range, as: token).status.message
                == EtcdError.authOldRevision.text)
        let again = try self.token(client, "root", "pw")
        #expect(try call(client, .range, range, as: again).status.code == .ok)
    }

    @Test func `keys that cannot be used end the start with a sentence`() throws {
        for (option, words) in [
            ("jwt,sign-method=RS256,priv-key=/nowhere/key", "/nowhere/key"),
            ("jwt,sign-method=none", "sign-method must be one of"),
            ("jwt,sign-method=HS256", "missing key data"),
            ("other", "the type must be simple or jwt"),
        ] {
            let folder = try TemporaryFolder()
            let ports = try Ports.free(2)
            let (ending, output) = try run(
                TestNode.arguments(folder, ports[0], ports[1]) + ["--auth-token=\(option)"])
            #expect(ending == .exited(code: 1), "\(option)")
            #expect(output.contains(words), "\(option): \(output)")
        }
    }
}
