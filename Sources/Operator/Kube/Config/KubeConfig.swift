// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Why a kubeconfig cannot be used.
package struct KubeConfigError: Error, Equatable, Sendable, CustomStringConvertible {
    package var reason: String

    package init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}

/// A kubeconfig file: clusters, users, and contexts that join one of each. Only texts are looked
/// at here; who uses it reads the files that it names.
package struct KubeConfig: Equatable, Sendable {
    package struct Context: Equatable, Sendable {
        package var name: String
        package var cluster: String
        package var user: String
        package var namespace: String
    }

    package var clusters: [(name: String, cluster: KubeCluster)]
    package var users: [(name: String, user: KubeUser)]
    package var contexts: [Context]
    package var currentContext: String

    package init() {
        clusters = []
        users = []
        contexts = []
        currentContext = ""
    }

    /// YAML or JSON. Relative paths in the file are relative to `directory`.
    package init(parsing text: [UInt8], directory: String) throws(KubeConfigError) {
        let json: JSONValue
        do throws(FormatError) {
            json = try YAML.read(text)
        } catch {
            throw KubeConfigError("line \(error.line): \(error.reason)")
        }
        guard json.object != nil else { throw KubeConfigError("it is no kubeconfig") }
        self.init()
        currentContext = json["current-context"]?.string ?? ""
        for entry in json["clusters"]?.array ?? [] {
            guard let name = entry["name"]?.string, let body = entry["cluster"] else { continue }
            clusters.append((name, try KubeCluster(body, name, directory)))
        }
        for entry in json["users"]?.array ?? [] {
            guard let name = entry["name"]?.string else { continue }
            users.append((name, try KubeUser(entry["user"] ?? .null, name, directory)))
        }
        for entry in json["contexts"]?.array ?? [] {
            guard let name = entry["name"]?.string, let body = entry["context"] else { continue }
            contexts.append(
                Context(
                    name: name, cluster: body["cluster"]?.string ?? "",
                    user: body["user"]?.string ?? "", namespace: body["namespace"]?.string ?? ""))
        }
    }

    /// What the other file has more of; of the same names those here count.
    package mutating func merge(_ other: KubeConfig) {
        for entry in other.clusters where !clusters.contains(where: { $0.name == entry.name }) {
            clusters.append(entry)
        }
        for entry in other.users where !users.contains(where: { $0.name == entry.name }) {
            users.append(entry)
        }
        for entry in other.contexts where !contexts.contains(where: { $0.name == entry.name }) {
            contexts.append(entry)
        }
        if currentContext.isEmpty { currentContext = other.currentContext }
    }

    /// Whom to ask and as whom; an empty name is the current context.
    package func access(context name: String = "") throws(KubeConfigError) -> KubeAccess {
        let wanted = name.isEmpty ? currentContext : name
        guard !wanted.isEmpty else { throw KubeConfigError("no current context is set") }
        guard let context = contexts.first(where: { $0.name == wanted }) else {
            throw KubeConfigError("there is no context \"\(wanted)\"")
        }
        guard let cluster = clusters.first(where: { $0.name == context.cluster }) else {
            throw KubeConfigError("there is no cluster \"\(context.cluster)\"")
        }
        // A context without a user asks as nobody; a user that is missing is a mistake.
        let user = users.first { $0.name == context.user }?.user
        if user == nil, !context.user.isEmpty {
            throw KubeConfigError("there is no user \"\(context.user)\"")
        }
        return KubeAccess(
            cluster: cluster.cluster, user: user ?? KubeUser(), namespace: context.namespace)
    }

    package static func == (left: KubeConfig, right: KubeConfig) -> Bool {
        left.clusters.elementsEqual(right.clusters, by: ==)
            && left.users.elementsEqual(right.users, by: ==)
            && left.contexts == right.contexts && left.currentContext == right.currentContext
    }
}
