// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
package import Kube

extension SandboxAPI {
    mutating func subresource(_ call: Call) throws(StatusError) -> Answer {
        let name = call.route.subresource
        guard call.resource.kind.subresources.contains(name) else { throw .noSuchPage }
        switch name {
        case "status": return .response(try status(call))
        case "scale": return .response(try scale(call))
        case "eviction": return .response(try evict(call))
        case "binding": return .response(try bind(call))
        case "token": return .response(try makeToken(call))
        case "finalize": return .response(try finalize(call))
        case "log": return try log(call)
        case "exec": return try exec(call)
        default:
            throw .notImplemented("the sandbox does not do \(call.route.plural)/\(name)")
        }
    }

    private mutating func status(_ call: Call) throws(StatusError) -> KubeResponse {
        switch call.verb {
        case .get: try read(call)
        case .update: try replace(call)
        case .patch: try patch(call)
        case .list, .watch, .create, .delete, .deletecollection: throw .methodNotAllowed()
        }
    }

    private func living(_ call: Call) throws(StatusError) -> KubeObject {
        guard let live = store.get(call.place) else {
            throw .notFound(call.resource.kind, call.route.name)
        }
        return live
    }

    // MARK: Scale

    private mutating func scale(_ call: Call) throws(StatusError) -> KubeResponse {
        guard let paths = call.resource.scale else { throw .noSuchPage }
        let live = try living(call)
        let shown = scaleBody(of: live, paths)
        var wanted: KubeObject
        switch call.verb {
        case .get: return .json(.object(shown.json))
        case .update: wanted = try call.object()
        case .patch:
            let type = PatchType(contentType: call.request.header("Content-Type") ?? "")
            guard let type, type != .apply else {
                throw .notImplemented("the sandbox does not apply scales; patch or replace them")
            }
            let patched = try Self.patched(
                .object(shown.json), type, try call.body(), BuiltInResources.scaleSchema)
            wanted = KubeObject(patched.object ?? JSONObject())
        case .list, .watch, .create, .delete, .deletecollection: throw .methodNotAllowed()
        }
        guard let replicas = wanted.int("spec", "replicas") ?? shown.int("spec", "replicas"),
            replicas >= 0
        else {
            throw .invalid(
                call.resource.kind, live.name,
                causes: [
                    StatusCause(
                        field: "spec.replicas", reason: "FieldValueInvalid",
                        message: "Invalid value: must be greater than or equal to 0")
                ])
        }
        var object = EventForms.show(live, as: call.resource)
        object[path: paths.spec] = .integer(Int64(replicas))
        if !wanted.resourceVersion.isEmpty { object.resourceVersion = wanted.resourceVersion }
        var intent = try call.intent()
        intent.subresource = ""
        wanted = try rewrite(object, over: live, call.resource, intent)
        return .json(.object(scaleBody(of: wanted, paths).json))
    }

    private func scaleBody(of object: KubeObject, _ paths: ScalePaths) -> KubeObject {
        var scale = KubeObject(JSONObject())
        scale.apiVersion = "autoscaling/v1"
        scale.kind = "Scale"
        for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            scale["metadata", field] = object["metadata", field]
        }
        scale["spec", "replicas"] = object[path: paths.spec] ?? 0
        scale["status", "replicas"] = object[path: paths.status] ?? 0
        if !paths.selector.isEmpty, let selector = object[path: paths.selector] {
            let text = selector.string ?? LabelSelector(json: selector)?.text ?? ""
            scale["status", "selector"] = .string(text)
        }
        return scale
    }

    // MARK: Eviction

    /// Deletes a pod if every disruption budget that names it allows one more to go.
    private mutating func evict(_ call: Call) throws(StatusError) -> KubeResponse {
        guard call.verb == .create else { throw .methodNotAllowed() }
        let eviction = try call.object()
        let pod = try living(call)
        guard eviction.name.isEmpty || eviction.name == pod.name else {
            throw .badRequest(
                "name in URL does not match name in Eviction object: \(eviction.name)")
        }
        var options = DeleteOptions(eviction["deleteOptions"] ?? .object([]))
        if options.uid.isEmpty { options.uid = "" }
        let isOver = ["Succeeded", "Failed", "Pending"].contains(
            pod.string("status", "phase") ?? "")
        let isDryRun =
            call.isDryRun || eviction["deleteOptions", "dryRun"]?[0]?.string == "All"
        if !isOver, !pod.isBeingDeleted { try takeFromBudget(pod, isDryRun: isDryRun) }
        try delete(pod, call.resource, options, isDryRun: isDryRun)
        return .json(
            .object([
                ("kind", "Status"), ("apiVersion", "v1"), ("metadata", .object([])),
                ("status", "Success"), ("code", 201),
            ]), code: 201)
    }

    private mutating func takeFromBudget(
        _ pod: KubeObject, isDryRun: Bool
    ) throws(StatusError) {
        let storage = "policy/poddisruptionbudgets"
        let budgets = store.list(storage, namespace: pod.namespace).filter { budget in
            budget["spec", "selector"].flatMap { LabelSelector(json: $0) }
                .map { $0.matches(pod.labels) } ?? false
        }
        guard budgets.count <= 1 else {
            throw .internalError(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource"
                    + " does not support.")
        }
        guard var budget = budgets.first else { return }
        // Who is not ready may go if that makes nothing worse.
        let isReady = pod.condition("Ready")?.isTrue == true
        let policy = budget.string("spec", "unhealthyPodEvictionPolicy")
        let healthy = budget.int("status", "currentHealthy") ?? 0
        let needed = budget.int("status", "desiredHealthy") ?? 0
        if !isReady, policy == "AlwaysAllow" || healthy >= needed && needed > 0 { return }
        let allowed = budget.int("status", "disruptionsAllowed") ?? 0
        let isSeen = Int64(budget.int("status", "observedGeneration") ?? 0) >= budget.generation
        guard allowed > 0, isSeen else { throw budgetRefusal(budget, isSeen: isSeen) }
        if isDryRun { return }
        budget["status", "disruptionsAllowed"] = .integer(Int64(allowed - 1))
        budget["status", "disruptedPods", pod.name] = .string(KubeTime.seconds(unixNanoseconds))
        budget.resourceVersion = ""
        try updateStatus(budget)
    }

    private func budgetRefusal(_ budget: KubeObject, isSeen: Bool) -> StatusError {
        let needed = budget.int("status", "desiredHealthy") ?? 0
        let healthy = budget.int("status", "currentHealthy") ?? 0
        let text =
            isSeen
            ? "The disruption budget \(budget.name) needs \(needed) healthy pods and has"
                + " \(healthy) currently"
            : "The disruption budget \(budget.name) is still being processed by the server."
        var error = StatusError.tooManyRequests(
            "Cannot evict pod as it would violate the pod's disruption budget.",
            retryAfter: isSeen ? 0 : 10)
        error.details = .object([
            (
                "causes",
                [.object([("reason", "DisruptionBudget"), ("message", .string(text))])]
            )
        ])
        if isSeen { error.retryAfter = nil }
        return error
    }

    // MARK: Others

    private mutating func bind(_ call: Call) throws(StatusError) -> KubeResponse {
        guard call.verb == .create else { throw .methodNotAllowed() }
        let node = try call.object().string("target", "name") ?? ""
        let pod = try living(call)
        guard (pod.string("spec", "nodeName") ?? "").isEmpty else {
            throw .conflict(
                .pod, pod.name,
                "pod \(pod.name) is already assigned to node"
                    + " \"\(pod.string("spec", "nodeName") ?? "")\"")
        }
        var bound = pod
        bound["spec", "nodeName"] = .string(node)
        _ = try rewrite(bound, over: pod, call.resource, Intent())
        return .json(
            .object([
                ("kind", "Status"), ("apiVersion", "v1"), ("metadata", .object([])),
                ("status", "Success"), ("code", 201),
            ]), code: 201)
    }

    private mutating func finalize(_ call: Call) throws(StatusError) -> KubeResponse {
        guard call.verb == .update else { throw .methodNotAllowed() }
        let wanted = try call.object()
        let live = try living(call)
        var changed = live
        changed["spec", "finalizers"] = wanted["spec", "finalizers"]
        let place = call.place
        if changed.isBeingDeleted, changed.list("spec", "finalizers").isEmpty,
            changed.finalizers.isEmpty
        {
            expunge(place)
            return respond(changed, call)
        }
        return respond(commit(changed, at: place), call)
    }

    /// A token for a service account; `identity(ofToken:)` knows it again.
    private mutating func makeToken(_ call: Call) throws(StatusError) -> KubeResponse {
        guard call.verb == .create else { throw .methodNotAllowed() }
        let account = try living(call)
        var request = try call.object()
        let seconds = request.int("spec", "expirationSeconds") ?? 3600
        guard seconds >= 600 else {
            throw .invalid(
                call.resource.kind, account.name,
                causes: [
                    StatusCause(
                        field: "spec.expirationSeconds", reason: "FieldValueInvalid",
                        message: "Invalid value: \(seconds): may not specify a duration less than"
                            + " 10 minutes")
                ])
        }
        request["metadata"] = .object([
            ("name", .string(account.name)), ("namespace", .string(account.namespace)),
            ("creationTimestamp", .string(KubeTime.seconds(unixNanoseconds))),
        ])
        let end = unixNanoseconds &+ Int64(min(seconds, 1 << 31)) &* 1_000_000_000
        request["status"] = .object([
            ("token", .string(token(of: account))),
            ("expirationTimestamp", .string(KubeTime.seconds(end))),
        ])
        return .json(.object(request.json), code: 201)
    }

    /// A new token of a service account. It is worth what the account is worth, until the account
    /// goes; it does not expire by itself.
    package mutating func token(of account: KubeObject) -> String {
        let head = Base64.encode(Array("{\"alg\":\"none\"}".utf8), .url)
        let body: JSONValue = .object([
            ("iss", "keelson-sandbox"),
            ("sub", .string("system:serviceaccount:\(account.namespace):\(account.name)")),
        ])
        let token =
            "\(head).\(Base64.encode(JSON.bytes(body), .url)).\(Base64.encode(random.bytes(24), .url))"
        tokens[token] = .serviceAccount(
            account.name, namespace: account.namespace, uid: account.uid)
        return token
    }

    /// Whose token it is; nil of strangers, and of accounts that are gone.
    package func identity(ofToken token: String) -> Identity? {
        guard let identity = tokens[token] else { return nil }
        let parts = identity.name.split(separator: ":").map(String.init)
        guard parts.count == 4 else { return nil }
        let place = Place(
            storage: "core/serviceaccounts", namespace: parts[2], name: parts[3])
        return store.get(place)?.uid == identity.uid ? identity : nil
    }

    // MARK: Inside pods

    private func container(_ call: Call, _ pod: KubeObject) throws(StatusError) -> String {
        let names = (pod.list("spec", "initContainers") + pod.list("spec", "containers"))
            .compactMap { $0["name"]?.string }
        let main = pod.list("spec", "containers").compactMap { $0["name"]?.string }
        let asked = call.request.query("container") ?? ""
        if asked.isEmpty {
            guard main.count == 1, let only = main.first else {
                throw .badRequest(
                    "a container name must be specified for pod \(pod.name), choose one of:"
                        + " [\(main.joined(separator: " "))]")
            }
            return only
        }
        guard names.contains(asked) else {
            throw .badRequest("container \(asked) is not valid for pod \(pod.name)")
        }
        return asked
    }

    private func log(_ call: Call) throws(StatusError) -> Answer {
        guard call.verb == .get else { throw .methodNotAllowed() }
        let pod = try living(call)
        let query = call.request
        func number(_ name: String) throws(StatusError) -> Int? {
            guard let text = query.query(name) else { return nil }
            guard let number = Int(text), number >= 0 else {
                throw .badRequest("\(name) is no number: \(text)")
            }
            return number
        }
        let request = LogRequest(
            pod: pod.key(as: .pod), container: try container(call, pod),
            follow: Query.isTrue(query.query("follow")),
            previous: Query.isTrue(query.query("previous")),
            timestamps: Query.isTrue(query.query("timestamps")),
            tailLines: try number("tailLines"), sinceSeconds: try number("sinceSeconds"),
            limitBytes: try number("limitBytes"))
        guard !(pod.string("spec", "nodeName") ?? "").isEmpty else {
            throw .badRequest(
                "container \"\(request.container)\" in pod \"\(pod.name)\" is waiting to start:"
                    + " no node")
        }
        return .log(request)
    }

    private func exec(_ call: Call) throws(StatusError) -> Answer {
        guard call.verb == .get || call.verb == .create else { throw .methodNotAllowed() }
        let pod = try living(call)
        let query = call.request.query
        func flag(_ name: String) -> Bool {
            query.contains { $0.0 == name && Query.isTrue($0.1) }
        }
        let isOver = ["Succeeded", "Failed"].contains(pod.string("status", "phase") ?? "")
        guard !isOver else {
            throw .badRequest(
                "cannot exec into a container in a completed pod; current phase is"
                    + " \(pod.string("status", "phase") ?? "")")
        }
        let command = query.filter { $0.0 == "command" }.map(\.1)
        guard !command.isEmpty else {
            throw .badRequest("you must specify at least one command for the container")
        }
        return .exec(
            ExecRequest(
                pod: pod.key(as: .pod), container: try container(call, pod), command: command,
                stdin: flag("stdin"), stdout: flag("stdout"), stderr: flag("stderr"),
                tty: flag("tty")))
    }
}
