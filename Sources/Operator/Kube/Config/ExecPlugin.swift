// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// A program that tells who we are (`client.authentication.k8s.io`).
package struct ExecPlugin: Equatable, Sendable {
    package var apiVersion: String
    /// A path if it holds a slash; otherwise it is searched in PATH.
    package var command: String
    package var arguments: [String]
    package var environment: [(name: String, value: String)]
    /// What to say when the program is not there.
    package var installHint: String
    package var wantsClusterInfo: Bool

    init(_ json: JSONValue, _ user: String, _ directory: String) throws(KubeConfigError) {
        apiVersion = json["apiVersion"]?.string ?? ""
        guard apiVersion.hasPrefix("client.authentication.k8s.io/") else {
            throw KubeConfigError("user \"\(user)\": exec has no known apiVersion")
        }
        let text = json["command"]?.string ?? ""
        guard !text.isEmpty else {
            throw KubeConfigError("user \"\(user)\": exec has no command")
        }
        command = text.contains("/") ? ConfigText.path(text, directory) : text
        arguments = (json["args"]?.array ?? []).compactMap(\.string)
        environment = (json["env"]?.array ?? []).compactMap { entry in
            entry["name"]?.string.map { ($0, entry["value"]?.string ?? "") }
        }
        installHint = json["installHint"]?.string ?? ""
        wantsClusterInfo = json["provideClusterInfo"]?.bool ?? false
    }

    /// What the program finds in `KUBERNETES_EXEC_INFO`.
    package func info(for cluster: KubeCluster) -> String {
        var spec: [(String, JSONValue)] = [("interactive", false)]
        if wantsClusterInfo {
            var members: [(String, JSONValue)] = [("server", .string(cluster.server))]
            if let data = cluster.authorityData {
                members.append(("certificate-authority-data", .string(Base64.encode(data))))
            }
            if cluster.isInsecure { members.append(("insecure-skip-tls-verify", true)) }
            if !cluster.tlsServerName.isEmpty {
                members.append(("tls-server-name", .string(cluster.tlsServerName)))
            }
            spec.append(("cluster", .object(members)))
        }
        return JSON.text(
            .object([
                ("kind", "ExecCredential"), ("apiVersion", .string(apiVersion)),
                ("spec", .object(spec)),
            ]))
    }

    package static func == (left: ExecPlugin, right: ExecPlugin) -> Bool {
        left.apiVersion == right.apiVersion && left.command == right.command
            && left.arguments == right.arguments && left.installHint == right.installHint
            && left.environment.elementsEqual(right.environment, by: ==)
            && left.wantsClusterInfo == right.wantsClusterInfo
    }
}

/// What such a program answered.
package struct ExecCredential: Equatable, Sendable {
    package var token: String
    /// PEM; empty if none.
    package var certificate: String
    package var key: String
    /// Nanoseconds since 1970; nil: as long as the server takes it.
    package var expiry: Int64?

    package init(parsing text: [UInt8]) throws(KubeConfigError) {
        let json: JSONValue
        do throws(FormatError) {
            json = try JSON.parse(text)
        } catch {
            throw KubeConfigError("its output is no JSON: \(error.reason)")
        }
        guard json["kind"]?.string == "ExecCredential", let status = json["status"] else {
            throw KubeConfigError("its output is no ExecCredential with a status")
        }
        token = status["token"]?.string ?? ""
        certificate = status["clientCertificateData"]?.string ?? ""
        key = status["clientKeyData"]?.string ?? ""
        expiry = status["expirationTimestamp"]?.string.flatMap { KubeTime.parse($0) }
        guard !token.isEmpty || !certificate.isEmpty else {
            throw KubeConfigError("its output holds neither a token nor a certificate")
        }
        guard certificate.isEmpty == key.isEmpty else {
            throw KubeConfigError("its output holds a certificate without its key, or reverse")
        }
    }
}
