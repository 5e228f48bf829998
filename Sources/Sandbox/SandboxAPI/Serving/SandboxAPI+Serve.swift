// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    mutating func answer(_ request: KubeRequest, _ user: Identity) throws(StatusError) -> Answer {
        guard let route = Route.parse(request.path) else {
            try checkAccess(user, nonResource: request.path, method: request.method)
            return .response(try document(request))
        }
        guard let verb = Verb(request, route) else { throw .methodNotAllowed() }
        if let review = try self.review(route, verb, request, user) { return .response(review) }
        guard
            let resource = catalog.find(
                group: route.group, version: route.version, plural: route.plural)
        else { throw .noSuchPage }
        let call = Call(
            request: request, route: route, verb: verb, resource: resource, user: user)
        try checkAccess(call)
        try checkShape(call)
        if Faults.strike(&faults.outages, route.plural) {
            throw .serviceUnavailable("the server is currently unable to handle the request")
        }
        if verb.isWrite, !call.isDryRun, Faults.strike(&faults.conflicts, route.plural) {
            throw .conflict(resource.kind, route.name)
        }
        let answer = try route.subresource.isEmpty ? main(call) : subresource(call)
        if verb.isWrite, !call.isDryRun, Faults.strike(&faults.hangUpsAfterCommit, route.plural) {
            return .hangUp
        }
        return answer
    }

    private func checkShape(_ call: Call) throws(StatusError) {
        let kind = call.resource.kind
        if !kind.isNamespaced, !call.route.namespace.isEmpty { throw .noSuchPage }
        if kind.isNamespaced, call.route.namespace.isEmpty {
            // A namespaced object is reached through its namespace only.
            if !call.route.name.isEmpty { throw .noSuchPage }
            if call.verb == .create || call.verb == .deletecollection {
                throw .methodNotAllowed()
            }
        }
        if call.route.name.isEmpty, call.verb == .update || call.verb == .patch {
            throw .methodNotAllowed()
        }
        if !call.route.name.isEmpty, call.route.subresource.isEmpty, call.verb == .create {
            throw .methodNotAllowed()
        }
        if call.verb.isWrite, !call.resource.refusal.isEmpty {
            throw .notImplemented(call.resource.refusal)
        }
        if let dryRun = call.request.query("dryRun"), dryRun != "All" {
            throw .badRequest("the dryRun parameter is All or absent, not \"\(dryRun)\"")
        }
    }

    private mutating func main(_ call: Call) throws(StatusError) -> Answer {
        switch call.verb {
        case .get: .response(try read(call))
        case .list: .response(try list(call))
        case .watch: try watch(call)
        case .create: .response(try create(call))
        case .update: .response(try replace(call))
        case .patch: .response(try patch(call))
        case .delete: .response(try delete(call))
        case .deletecollection: .response(try deleteCollection(call))
        }
    }

    /// A written object, as a table if the client wants one.
    func respond(_ object: KubeObject, _ call: Call, code: Int = 200) -> KubeResponse {
        .json(present(object, call), code: code)
    }

    /// In the version and form the client asked for.
    func present(_ object: KubeObject, _ call: Call) -> JSONValue {
        let shown = EventForms.show(object, as: call.resource)
        if call.tableVersion != nil {
            return table(
                [shown], call,
                metadata: .object([
                    ("resourceVersion", .string(object.resourceVersion))
                ]))
        }
        if call.wantsPartial { return call.partial(shown) }
        return .object(shown.json)
    }
}

extension StatusError {
    /// What an API server says to a path it does not serve.
    static var noSuchPage: StatusError {
        StatusError(
            code: 404, reason: "NotFound",
            message: "the server could not find the requested resource", details: .object([]))
    }
}

extension Verb {
    var isWrite: Bool {
        switch self {
        case .get, .list, .watch: false
        case .create, .update, .patch, .delete, .deletecollection: true
        }
    }
}
