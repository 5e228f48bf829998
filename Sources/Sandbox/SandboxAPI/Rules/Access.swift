// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// What is asked for, in the words of RBAC.
struct AccessQuestion {
    var user: Identity
    var verb: String
    var group = ""
    /// `pods`, `pods/log`; empty for paths.
    var resource = ""
    var namespace = ""
    var name = ""
    /// `/healthz`; empty for resources.
    var path = ""
}

/// Roles and their bindings.
extension SandboxAPI {
    func checkAccess(_ call: Call) throws(StatusError) {
        guard settings.evaluatesRBAC else { return }
        let route = call.route
        let resource =
            route.subresource.isEmpty ? route.plural : "\(route.plural)/\(route.subresource)"
        let question = AccessQuestion(
            user: call.user, verb: call.verb.rawValue, group: route.group, resource: resource,
            namespace: route.namespace, name: route.name)
        if isAllowed(question) { return }
        let group = route.group
        let place =
            route.namespace.isEmpty
            ? "at the cluster scope" : "in the namespace \"\(route.namespace)\""
        throw .forbidden(
            call.resource.kind, route.name,
            "User \"\(call.user.name)\" cannot \(call.verb.rawValue) resource \"\(resource)\" in API"
                + " group \"\(group)\" \(place)")
    }

    func checkAccess(
        _ user: Identity, nonResource path: String, method: String
    ) throws(StatusError) {
        guard settings.evaluatesRBAC else { return }
        let verb = method == "POST" ? "create" : method == "GET" ? "get" : method.lowercased()
        if isAllowed(AccessQuestion(user: user, verb: verb, path: path)) { return }
        throw StatusError(
            code: 403, reason: "Forbidden",
            message: "forbidden: User \"\(user.name)\" cannot \(verb) path \"\(path)\"",
            details: .object([]))
    }

    func isAllowed(_ question: AccessQuestion) -> Bool {
        if question.user.groups.contains("system:masters") { return true }
        let storage = "rbac.authorization.k8s.io/"
        for binding in store.list(storage + "clusterrolebindings", namespace: nil)
        where names(binding, question.user, "") {
            if allows(rules(of: binding, ""), question) { return true }
        }
        if question.namespace.isEmpty { return false }
        for binding in store.list(storage + "rolebindings", namespace: question.namespace)
        where names(binding, question.user, question.namespace) {
            if allows(rules(of: binding, question.namespace), question) { return true }
        }
        return false
    }

    /// Rules that hold for a user in a namespace, for `auth can-i --list`.
    func rules(for user: Identity, in namespace: String) -> [JSONValue] {
        if user.groups.contains("system:masters") {
            return DefaultRoles.clusterRoles.first?.1.array ?? []
        }
        let storage = "rbac.authorization.k8s.io/"
        let wide = store.list(storage + "clusterrolebindings", namespace: nil)
            .filter { names($0, user, "") }.flatMap { rules(of: $0, "") }
        let narrow = store.list(storage + "rolebindings", namespace: namespace)
            .filter { names($0, user, namespace) }.flatMap { rules(of: $0, namespace) }
        return wide + narrow
    }

    private func names(_ binding: KubeObject, _ user: Identity, _ namespace: String) -> Bool {
        binding.list("subjects").contains { subject in
            let name = subject["name"]?.string ?? ""
            switch subject["kind"]?.string {
            case "User"?: return name == user.name
            case "Group"?: return user.groups.contains(name)
            case "ServiceAccount"?:
                let place = subject["namespace"]?.string ?? namespace
                return user.name == "system:serviceaccount:\(place):\(name)"
            default: return false
            }
        }
    }

    private func rules(of binding: KubeObject, _ namespace: String) -> [JSONValue] {
        let isWide = binding.string("roleRef", "kind") == "ClusterRole"
        let place = Place(
            storage: "rbac.authorization.k8s.io/" + (isWide ? "clusterroles" : "roles"),
            namespace: isWide ? "" : namespace, name: binding.string("roleRef", "name") ?? "")
        guard let role = store.get(place) else { return [] }
        return role.list("rules") + aggregated(role)
    }

    /// Rules of the roles whose labels an aggregation rule selects.
    private func aggregated(_ role: KubeObject) -> [JSONValue] {
        let selectors = role.list("aggregationRule", "clusterRoleSelectors").compactMap {
            LabelSelector(json: $0)
        }
        if selectors.isEmpty { return [] }
        return store.list("rbac.authorization.k8s.io/clusterroles", namespace: nil)
            .filter { other in selectors.contains { $0.matches(other.labels) } }
            .flatMap { $0.list("rules") }
    }

    private func allows(_ rules: [JSONValue], _ question: AccessQuestion) -> Bool {
        rules.contains { rule in
            func has(_ field: String, _ wanted: String) -> Bool {
                let texts = (rule[field]?.array ?? []).compactMap(\.string)
                return texts.contains("*") || texts.contains(wanted)
            }
            guard has("verbs", question.verb) else { return false }
            if !question.path.isEmpty {
                return (rule["nonResourceURLs"]?.array ?? []).compactMap(\.string).contains {
                    $0 == question.path || $0 == "*"
                        || $0.hasSuffix("*") && question.path.hasPrefix($0.dropLast())
                }
            }
            guard has("apiGroups", question.group) else { return false }
            let tail = question.resource.split(separator: "/").dropFirst().joined(separator: "/")
            guard
                has("resources", question.resource)
                    || !tail.isEmpty && has("resources", "*/\(tail)")
            else { return false }
            let names = rule["resourceNames"]?.array ?? []
            return names.isEmpty || names.contains { $0.string == question.name }
        }
    }
}
