// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Whom to ask, as whom, and where objects without a namespace belong.
package struct KubeAccess: Equatable, Sendable {
    package var cluster: KubeCluster
    package var user: KubeUser
    /// Empty if none is set.
    package var namespace: String

    package init(cluster: KubeCluster, user: KubeUser = KubeUser(), namespace: String = "") {
        self.cluster = cluster
        self.user = user
        self.namespace = namespace
    }

    /// What Kubernetes mounts into every pod.
    package static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// From inside a pod: the address is in the environment, the rest in files.
    package static func inCluster(
        host: String, port: String, folder: String = serviceAccountFolder, namespace: String
    ) -> KubeAccess {
        let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        var cluster = KubeCluster(server: "https://\(authority)")
        cluster.authorityFile = folder + "/ca.crt"
        var user = KubeUser()
        user.tokenFile = folder + "/token"
        return KubeAccess(cluster: cluster, user: user, namespace: namespace)
    }
}

/// An API server.
package struct KubeCluster: Equatable, Sendable {
    /// `https://host:port`, perhaps with a path.
    package var server: String
    package var authorityData: [UInt8]?
    package var authorityFile = ""
    /// The server's certificate is not looked at: anybody may listen in.
    package var isInsecure = false
    /// What the certificate must be good for, if not the host.
    package var tlsServerName = ""

    package init(server: String) {
        self.server = server
    }

    init(_ json: JSONValue, _ name: String, _ directory: String) throws(KubeConfigError) {
        server = json["server"]?.string ?? ""
        guard !server.isEmpty else { throw KubeConfigError("cluster \"\(name)\" has no server") }
        authorityData = try ConfigText.data(json, "certificate-authority-data")
        authorityFile = ConfigText.path(json, "certificate-authority", directory)
        isInsecure = json["insecure-skip-tls-verify"]?.bool ?? false
        tlsServerName = json["tls-server-name"]?.string ?? ""
        if let proxy = json["proxy-url"]?.string, !proxy.isEmpty {
            throw KubeConfigError("cluster \"\(name)\": proxies are not supported")
        }
    }
}

/// How to prove who we are.
package struct KubeUser: Equatable, Sendable {
    package var certificateData: [UInt8]?
    package var certificateFile = ""
    package var keyData: [UInt8]?
    package var keyFile = ""
    package var token = ""
    /// Read again every minute: Kubernetes renews it.
    package var tokenFile = ""
    package var username = ""
    package var password = ""
    package var exec: ExecPlugin?

    package init() {}

    init(_ json: JSONValue, _ name: String, _ directory: String) throws(KubeConfigError) {
        certificateData = try ConfigText.data(json, "client-certificate-data")
        certificateFile = ConfigText.path(json, "client-certificate", directory)
        keyData = try ConfigText.data(json, "client-key-data")
        keyFile = ConfigText.path(json, "client-key", directory)
        token = json["token"]?.string ?? ""
        tokenFile = ConfigText.path(json, "tokenFile", directory)
        username = json["username"]?.string ?? ""
        password = json["password"]?.string ?? ""
        if let plugin = json["exec"], plugin.object != nil {
            exec = try ExecPlugin(plugin, name, directory)
        }
        if json["auth-provider"]?.object != nil {
            throw KubeConfigError("user \"\(name)\": auth-provider is gone; use exec")
        }
    }
}

enum ConfigText {
    static func data(_ json: JSONValue, _ key: String) throws(KubeConfigError) -> [UInt8]? {
        guard let text = json[key]?.string, !text.isEmpty else { return nil }
        guard let bytes = Base64.decode(text) else { throw KubeConfigError("\(key): not base64") }
        return bytes
    }

    static func path(_ json: JSONValue, _ key: String, _ directory: String) -> String {
        path(json[key]?.string ?? "", directory)
    }

    static func path(_ text: String, _ directory: String) -> String {
        text.isEmpty || text.hasPrefix("/") || directory.isEmpty ? text : "\(directory)/\(text)"
    }
}
