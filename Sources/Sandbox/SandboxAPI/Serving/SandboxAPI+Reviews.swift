// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Questions about permissions and tokens. They are asked by POST and not stored.
extension SandboxAPI {
    /// Nil if the path is none of theirs.
    mutating func review(
        _ route: Route, _ verb: Verb, _ request: KubeRequest, _ user: Identity
    ) throws(StatusError) -> KubeResponse? {
        guard
            let kind = Discovery.questions.first(where: {
                $0.group == route.group && $0.version == route.version
                    && $0.plural == route.plural
            })
        else { return nil }
        guard verb == .create, route.name.isEmpty else { throw .methodNotAllowed() }
        let isAboutOneself = kind.kind.hasPrefix("Self")
        if settings.evaluatesRBAC, !isAboutOneself {
            let question = AccessQuestion(
                user: user, verb: "create", group: route.group, resource: route.plural,
                namespace: route.namespace)
            guard isAllowed(question) else {
                throw .forbidden(
                    kind, "", "User \"\(user.name)\" cannot create resource \"\(route.plural)\"")
            }
        }
        guard case .object(let members) = try Call.body(of: request) else {
            throw .badRequest("the review is no object")
        }
        var review = KubeObject(members)
        review["status"] = try status(of: review, kind, user)
        review["metadata", "creationTimestamp"] = .null
        return .json(.object(review.json), code: 201)
    }

    private func status(
        of review: KubeObject, _ kind: ResourceKind, _ user: Identity
    ) throws(StatusError) -> JSONValue {
        switch kind.kind {
        case "SelfSubjectAccessReview": return verdict(review, about: user)
        case "SubjectAccessReview", "LocalSubjectAccessReview":
            let subject = Identity(
                name: review.string("spec", "user") ?? "",
                groups: review.list("spec", "groups").compactMap(\.string))
            return verdict(review, about: subject)
        case "SelfSubjectRulesReview":
            let namespace = review.string("spec", "namespace") ?? ""
            let rules =
                settings.evaluatesRBAC
                ? self.rules(for: user, in: namespace)
                : DefaultRoles.clusterRoles.first?.1.array ?? []
            return .object([
                ("resourceRules", .array(rules.filter { $0["resources"] != nil })),
                ("nonResourceRules", .array(rules.filter { $0["nonResourceURLs"] != nil })),
                ("incomplete", false),
            ])
        case "SelfSubjectReview": return .object([("userInfo", userInfo(user))])
        default:
            let token = review.string("spec", "token") ?? ""
            guard let found = identity(ofToken: token) else {
                return .object([("authenticated", false), ("user", .object([]))])
            }
            return .object([("authenticated", true), ("user", userInfo(found))])
        }
    }

    private func userInfo(_ user: Identity) -> JSONValue {
        var members: [(String, JSONValue)] = [("username", .string(user.name))]
        if !user.uid.isEmpty { members.append(("uid", .string(user.uid))) }
        members.append(("groups", .array(user.groups.map(JSONValue.string))))
        return .object(members)
    }

    private func verdict(_ review: KubeObject, about user: Identity) -> JSONValue {
        guard settings.evaluatesRBAC else { return .object([("allowed", true)]) }
        let asked = review["spec", "resourceAttributes"]
        let other = review["spec", "nonResourceAttributes"]
        func text(_ field: String) -> String { asked?[field]?.string ?? "" }
        let subresource = text("subresource")
        let question = AccessQuestion(
            user: user, verb: other?["verb"]?.string ?? text("verb"), group: text("group"),
            resource: subresource.isEmpty
                ? text("resource") : "\(text("resource"))/\(subresource)",
            namespace: text("namespace"), name: text("name"),
            path: other?["path"]?.string ?? "")
        return .object([("allowed", .bool(isAllowed(question)))])
    }
}
