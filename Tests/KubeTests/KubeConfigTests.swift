// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Kube

@Suite struct KubeConfigTests {
    private static let text = """
        apiVersion: v1
        kind: Config
        current-context: main
        clusters:
        - name: c1
          cluster:
            server: https://10.0.0.1:6443
            certificate-authority-data: Q0E=
        - name: c2
          cluster: {server: "https://c2", certificate-authority: ca.crt, tls-server-name: kube,
                    insecure-skip-tls-verify: true}
        contexts:
        - {name: main, context: {cluster: c1, user: certs, namespace: ns}}
        - {name: other, context: {cluster: c2, user: plugin}}
        - {name: nobody, context: {cluster: c2}}
        - {name: broken, context: {cluster: c2, user: missing}}
        users:
        - name: certs
          user: {client-certificate-data: Q0VSVA==, client-key: /keys/k.pem, token: t}
        - name: plugin
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./bin/login
              args: [get, token]
              env: [{name: A, value: "1"}]
              provideClusterInfo: true
        """

    private func config() throws -> KubeConfig {
        try KubeConfig(parsing: Array(Self.text.utf8), directory: "/home/me/.kube")
    }

    @Test func `the current context joins a cluster and a user`() throws {
        let access = try config().access()
        #expect(access.cluster.server == "https://10.0.0.1:6443")
        #expect(access.cluster.authorityData == Array("CA".utf8))
        #expect(access.user.certificateData == Array("CERT".utf8))
        #expect(access.user.keyFile == "/keys/k.pem" && access.user.token == "t")
        #expect(access.namespace == "ns")
    }

    @Test func `paths are relative to the file`() throws {
        let access = try config().access(context: "other")
        #expect(access.cluster.authorityFile == "/home/me/.kube/ca.crt")
        #expect(access.cluster.tlsServerName == "kube" && access.cluster.isInsecure)
        let plugin = try #require(access.user.exec)
        #expect(plugin.command == "/home/me/.kube/./bin/login")
        #expect(plugin.arguments == ["get", "token"])
        let info = try JSON.parse(plugin.info(for: access.cluster))
        #expect(info["spec"]?["cluster"]?["server"] == "https://c2")
        #expect(info["spec"]?["interactive"] == false)
    }

    @Test func `a context without a user asks as nobody`() throws {
        #expect(try config().access(context: "nobody").user == KubeUser())
    }

    @Test(arguments: [
        ("missing", #"there is no context "missing""#), ("broken", #"there is no user "missing""#),
    ]) func `what is missing is named`(context: String, reason: String) throws {
        let config = try config()
        #expect(throws: KubeConfigError(reason)) { try config.access(context: context) }
    }

    @Test(arguments: [
        "clusters: [{name: c, cluster: {}}]",
        "clusters: [{name: c, cluster: {server: s, certificate-authority-data: '*'}}]",
        "clusters: [{name: c, cluster: {server: s, proxy-url: 'http://p'}}]",
        "users: [{name: u, user: {exec: {command: x}}}]",
        "users: [{name: u, user: {auth-provider: {name: gcp}}}]", "- a", "a: [",
    ]) func `what cannot be used is refused`(text: String) {
        #expect(throws: KubeConfigError.self) {
            try KubeConfig(parsing: Array(text.utf8), directory: "")
        }
    }

    @Test func `of two files the first counts`() throws {
        var first = try KubeConfig(
            parsing: Array("clusters: [{name: c1, cluster: {server: mine}}]".utf8), directory: "")
        first.merge(try config())
        #expect(first.currentContext == "main")
        #expect(try first.access().cluster.server == "mine")
    }

    @Test func `inside a cluster all comes from the environment and files`() {
        let access = KubeAccess.inCluster(host: "fd00::1", port: "443", namespace: "ns")
        #expect(access.cluster.server == "https://[fd00::1]:443")
        #expect(access.user.tokenFile == "/var/run/secrets/kubernetes.io/serviceaccount/token")
    }

    @Test func `a plugin answers with a token or a certificate`() throws {
        let text = #"""
            {"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
             "status":{"token":"abc","expirationTimestamp":"2026-01-02T15:04:05Z"}}
            """#
        let credential = try ExecCredential(parsing: Array(text.utf8))
        #expect(credential.token == "abc" && credential.expiry == 1_767_366_245_000_000_000)
        for bad in [
            "no", "{}", #"{"kind":"ExecCredential","status":{}}"#,
            #"{"kind":"ExecCredential","status":{"clientCertificateData":"c"}}"#,
        ] {
            #expect(throws: KubeConfigError.self) { try ExecCredential(parsing: Array(bad.utf8)) }
        }
    }
}
