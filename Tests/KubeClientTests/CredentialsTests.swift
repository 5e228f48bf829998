// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import HTTP
import Kube
import Net
import Posix
import TestKit
import Testing

@testable import KubeClient

@Suite struct CredentialsTests {
    private let key = ObjectKey(.pod, namespace: "ns", name: "a")

    private func write(_ path: String, _ text: String, permissions: UInt32 = 0o600) throws {
        let file = try File(path, .replace, permissions: permissions)
        try file.write(at: 0, Array(text.utf8))
    }

    /// Answers with who asked.
    private func api(_ seen: Seen<String>, refusing bad: String = "") throws -> FakeAPI {
        try FakeAPI { request, line in
            let who = request.head.headers.value(of: "authorization") ?? "nobody"
            seen.add(who)
            if who == bad { line.answer(.failure(.unauthorized)) } else { line.answer(pod("a")) }
        }
    }

    @Test func `tokens and passwords go along`() throws {
        let seen = Seen<String>()
        let api = try api(seen)
        var user = KubeUser()
        _ = try api.client(user).get(key)
        user.username = "me"
        user.password = "pw"
        _ = try api.client(user).get(key)
        user.token = "t"
        _ = try api.client(user).get(key)
        #expect(seen.all == ["nobody", "Basic bWU6cHc=", "Bearer t"])
    }

    @Test func `a token file is read again when its token is refused`() throws {
        let folder = try TemporaryFolder()
        let seen = Seen<String>()
        let api = try api(seen, refusing: "Bearer new")
        try write(folder["token"], "old\n")
        var user = KubeUser()
        user.tokenFile = folder["token"]
        let client = try api.client(user)
        _ = try client.get(key)
        try write(folder["token"], "new\n")
        // Not read again within a minute.
        _ = try client.get(key)
        #expect(seen.all == ["Bearer old", "Bearer old"])
        let other = try api.client(user)
        #expect(try other.send(.get(key)).code == 401)
        #expect(seen.all.suffix(2) == ["Bearer new", "Bearer new"])
        user.tokenFile = folder["missing"]
        #expect(throws: KubeError.self) { try api.client(user).get(key) }
    }

    @Test func `a token file is read again after a minute`() throws {
        let folder = try TemporaryFolder()
        try write(folder["token"], "one")
        var user = KubeUser()
        user.tokenFile = folder["token"]
        let credentials = Credentials(
            KubeAccess(cluster: KubeCluster(server: "http://x"), user: user))
        let begin = Instant(nanoseconds: 0)
        func authorization(_ seconds: Int) throws -> String {
            let now = begin + .seconds(seconds)
            return try credentials.proof(now: now, deadline: now).authorization
        }
        #expect(try authorization(0) == "Bearer one")
        try write(folder["token"], "two")
        #expect(try authorization(59) == "Bearer one")
        #expect(try authorization(61) == "Bearer two")
        // A file that is being replaced is no reason to stop.
        try Directory.remove(folder["token"])
        #expect(try authorization(200) == "Bearer two")
    }

    private func exec(_ folder: TemporaryFolder, _ script: String) throws -> KubeUser {
        try write(folder["login"], "#!/bin/sh\n" + script, permissions: 0o700)
        let text = """
            current-context: c
            clusters: [{name: c, cluster: {server: "http://x"}}]
            contexts: [{name: c, context: {cluster: c, user: u}}]
            users:
            - name: u
              user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login,
                            args: [get], env: [{name: WHO, value: me}]}}
            """
        return try KubeConfig(parsing: Array(text.utf8), directory: folder.path).access().user
    }

    @Test func `a program tells the token, and a new one when it is refused`() throws {
        let folder = try TemporaryFolder()
        let seen = Seen<String>()
        let api = try api(seen, refusing: "Bearer me-get-1")
        let user = try exec(
            folder,
            #"""
            echo x >> "$0.runs"
            n=$(wc -l < "$0.runs" | tr -d ' ')
            case "$KUBERNETES_EXEC_INFO" in *ExecCredential*) ;; *) exit 3 ;; esac
            echo '{"kind":"ExecCredential","status":{"token":"'$WHO-$1-$n'"}}'
            """#)
        let client = try api.client(user)
        _ = try client.get(key)
        _ = try client.get(key)
        #expect(seen.all == ["Bearer me-get-1", "Bearer me-get-2", "Bearer me-get-2"])
    }

    @Test(arguments: ["exit 4", "echo nonsense", "sleep 60"])
    func `a program that fails is named`(script: String) throws {
        let folder = try TemporaryFolder()
        let api = try api(Seen())
        let client = try api.client(try exec(folder, script))
        #expect {
            try client.send(.get(key), within: .milliseconds(300))
        } throws: { error in
            guard case .credentials(let reason)? = error as? KubeError else { return false }
            return reason.contains("login")
        }
    }

    @Test func `both sides prove themselves by certificates, in files or in the config`() throws {
        let folder = try TemporaryFolder()
        let authority = try TestAuthority("ca", in: folder.path)
        try authority.issue("server", TestAuthority.Wish("api", ["DNS:localhost"]))
        try authority.issue("me", TestAuthority.Wish("operator"))
        var policy = TLSPolicy()
        policy.credentials = .init(
            certificateFile: folder["server.crt"], keyFile: folder["server.key"])
        policy.authorityFile = authority.certificateFile
        policy.requiresClientCertificate = true
        let seen = Seen<String>()
        let api = try FakeAPI(tls: policy) { request, line in
            seen.add("\(line.clientName) \(request.head.target)")
            line.answer(pod("a"))
        }
        var user = KubeUser()
        user.certificateFile = folder["me.crt"]
        user.keyFile = folder["me.key"]
        #expect(try api.client(user, authority: authority.certificateFile).get(key) == pod("a"))
        user.certificateData = try File(folder["me.crt"], .read).readAll()
        user.keyData = try File(folder["me.key"], .read).readAll()
        (user.certificateFile, user.keyFile) = ("", "")
        #expect(try api.client(user, authority: authority.certificateFile).get(key) == pod("a"))
        let line = "operator /base/api/v1/namespaces/ns/pods/a"
        #expect(seen.all == [line, line])
        // Without a certificate, and with an authority that is none.
        #expect(throws: KubeError.self) {
            try api.client(authority: authority.certificateFile).get(key)
        }
        let stranger = try TestAuthority("stranger", in: folder.path)
        #expect {
            try api.client(user, authority: stranger.certificateFile).get(key)
        } throws: { error in
            guard case .unreachable? = error as? KubeError else { return false }
            return true
        }
    }

    @Test func `the kubeconfig is found where it is said to be`() throws {
        let folder = try TemporaryFolder()
        try Directory.make(folder[".kube"])
        func config(_ server: String) -> String {
            """
            current-context: c
            clusters: [{name: c, cluster: {server: "\(server)"}}]
            contexts: [{name: c, context: {cluster: c}}]
            """
        }
        try write(folder[".kube/config"], config("http://home"))
        try write(folder["one"], "current-context: c\n")
        try write(folder["two"], config("http://two"))
        let home = "HOME=\(folder.path)"
        func server(_ path: String, _ environment: [String]) throws -> String {
            try KubeAccess.find(kubeconfig: path, environment: environment).cluster.server
        }
        #expect(try server("", [home]) == "http://home")
        let listed = "KUBECONFIG=\(folder["one"]):\(folder["two"])"
        #expect(try server("", [home, listed]) == "http://two")
        #expect(try server(folder["two"], [home]) == "http://two")
        #expect(throws: KubeError.self) { try server(folder["missing"], [home]) }
    }
}
