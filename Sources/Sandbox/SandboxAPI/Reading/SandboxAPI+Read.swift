// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// GET of one object and of lists.
extension SandboxAPI {
    func read(_ call: Call) throws(StatusError) -> KubeResponse {
        try checkVersionParameter(call)
        guard let object = store.get(call.place) else {
            throw .notFound(call.resource.kind, call.route.name)
        }
        return respond(object, call)
    }

    private func checkVersionParameter(_ call: Call) throws(StatusError) {
        guard let text = call.request.query("resourceVersion"), !text.isEmpty else { return }
        guard let version = Int64(text), version >= 0 else {
            throw .invalidVersion(text)
        }
        guard version <= store.revision else { throw .futureVersion(version, store.revision) }
    }

    /// Those that the selectors of a request want.
    func selected(_ call: Call, _ objects: [KubeObject]) throws(StatusError) -> [KubeObject] {
        let selection = try Selection(call)
        return objects.filter { selection.matches($0) }
    }

    func list(_ call: Call) throws(StatusError) -> KubeResponse {
        let selection = try Selection(call)
        let page = try Page(call, store, faults)
        guard
            let all = store.list(
                call.resource.storage, namespace: call.route.namespace, at: page.revision)
        else {
            guard page.isContinued else {
                throw .tooOld(page.revision, current: store.revision)
            }
            return expired(page)
        }
        var found = all.filter { selection.matches($0) }
        if !page.after.isEmpty {
            found.removeAll { !(page.after < Self.path($0)) }
        }
        var token = ""
        var remaining = 0
        if let limit = page.limit, found.count > limit, let last = found.prefix(limit).last {
            token = Page.token(page.revision, Self.path(last))
            remaining = found.count - limit
            found = Array(found.prefix(limit))
        }
        // Without selectors the API tells how many are left.
        if !selection.isEmpty { remaining = 0 }
        return .json(listed(found, call, page.revision, token, remaining))
    }

    static func path(_ object: KubeObject) -> String {
        object.namespace.isEmpty ? object.name : "\(object.namespace)/\(object.name)"
    }

    /// The continuation is too old; a new one goes on from the same name, in the present.
    private func expired(_ page: Page) -> KubeResponse {
        let error = StatusError.expired(
            "The provided continue parameter is too old to display a consistent list result. You"
                + " can start a new list without the continue parameter, or use the continue token"
                + " in this response to retrieve the remainder of the results. Continuing with the"
                + " provided token results in an inconsistent list - objects that were created,"
                + " modified, or deleted between the time the first chunk was returned and now may"
                + " show up in the list.")
        var json = error.json.object ?? JSONObject()
        json["metadata"] = .object([
            ("continue", .string(Page.token(store.revision, page.after)))
        ])
        return .json(.object(json), code: error.code)
    }

    private func listed(
        _ objects: [KubeObject], _ call: Call, _ revision: Int64, _ token: String,
        _ remaining: Int
    ) -> JSONValue {
        let shown = objects.map { EventForms.show($0, as: call.resource) }
        var metadata: [(String, JSONValue)] = [("resourceVersion", .string("\(revision)"))]
        if !token.isEmpty { metadata.append(("continue", .string(token))) }
        if remaining > 0 { metadata.append(("remainingItemCount", .integer(Int64(remaining)))) }
        if call.tableVersion != nil { return table(shown, call, metadata: .object(metadata)) }
        let isPartial = call.wantsPartialList
        let kind = call.resource.kind
        return .object([
            ("kind", .string(isPartial ? "PartialObjectMetadataList" : kind.kind + "List")),
            ("apiVersion", .string(isPartial ? "meta.k8s.io/v1" : kind.apiVersion)),
            ("metadata", .object(metadata)),
            (
                "items",
                .array(shown.map { isPartial ? call.partial($0) : .object($0.json) })
            ),
        ])
    }
}

/// Which part of a list, and of which time.
struct Page {
    var revision: Int64
    var limit: Int?
    /// The path of the last object of the page before.
    var after = ""
    var isContinued = false

    init(_ call: Call, _ store: ObjectStore, _ faults: Faults) throws(StatusError) {
        let request = call.request
        revision = store.revision
        if let text = request.query("limit"), !text.isEmpty {
            guard let asked = Int(text) else { throw .badRequest("limit is no number: \(text)") }
            limit = asked > 0 ? asked : nil
        }
        let version = request.query("resourceVersion") ?? ""
        let match = request.query("resourceVersionMatch") ?? ""
        if let token = request.query("continue"), !token.isEmpty {
            guard version.isEmpty || version == "0" else {
                throw .badRequest(
                    "specifying resource version is not allowed when using continue")
            }
            (revision, after) = try Page.read(token)
            isContinued = true
            return
        }
        if !match.isEmpty, version.isEmpty {
            throw .badRequest(
                "resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        guard ["", "NotOlderThan", "Exact"].contains(match) else {
            throw .badRequest("unknown resourceVersionMatch value: \(match)")
        }
        if !version.isEmpty {
            guard let asked = Int64(version), asked >= 0 else { throw .invalidVersion(version) }
            guard asked <= store.revision else { throw .futureVersion(asked, store.revision) }
            if match == "Exact" {
                guard asked > 0 else {
                    throw .badRequest("resourceVersionMatch \"Exact\" is forbidden for version 0")
                }
                revision = asked
            }
        }
        if let behind = faults.staleLists[call.route.plural], match != "Exact" {
            revision = max(1, store.compactedRevision, revision - behind)
        }
    }

    static func token(_ revision: Int64, _ path: String) -> String {
        let json: JSONValue = .object([
            ("v", "meta.k8s.io/v1"), ("rv", .integer(revision)), ("start", .string(path)),
        ])
        return Base64.encode(JSON.bytes(json), .url)
    }

    private static func read(_ token: String) throws(StatusError) -> (Int64, String) {
        let json: JSONValue?
        do throws(FormatError) {
            json = try Base64.decode(token, .url).map { bytes throws(FormatError) in
                try JSON.parse(bytes)
            }
        } catch {
            json = nil
        }
        guard let revision = json?["rv"]?.int64, let start = json?["start"]?.string
        else { throw .badRequest("continue key is not valid: illegal base64 data") }
        return (revision, start)
    }
}

/// The selectors of a request.
struct Selection {
    private let labels: LabelSelector
    private let fields: FieldSelector
    private let resource: APIResource

    init(_ call: Call) throws(StatusError) {
        resource = call.resource
        let labelText = call.request.query("labelSelector") ?? ""
        let fieldText = call.request.query("fieldSelector") ?? ""
        guard let labels = LabelSelector(text: labelText) else {
            throw .badRequest("unable to parse requirement: \(labelText)")
        }
        guard var fields = FieldSelector(text: fieldText) else {
            throw .badRequest("invalid selector: '\(fieldText)'; can't understand it")
        }
        let known = ["metadata.name", "metadata.namespace"] + call.resource.selectableFields
        for path in fields.paths where !known.contains(path) {
            throw .badRequest("field label not supported: \(path)")
        }
        if !call.route.name.isEmpty {
            fields.requirements.append(
                FieldSelector.Requirement(path: "metadata.name", value: call.route.name))
        }
        self.labels = labels
        self.fields = fields
    }

    var isEmpty: Bool { labels.isEmpty && fields.isEmpty }

    /// Takes objects as they are stored.
    func matches(_ object: KubeObject) -> Bool {
        guard labels.matches(object.labels) else { return false }
        if fields.isEmpty { return true }
        var object = object
        // Selectors of events name the reporter by either of its fields.
        if resource.storage == "core/events", object["source"]?.object != nil {
            let reporter = object.string("source", "component") ?? ""
            object["source"] = .string(
                reporter.isEmpty ? object.string("reportingComponent") ?? "" : reporter)
        }
        if resource.kind == .node, object["spec", "unschedulable"] == nil {
            object["spec", "unschedulable"] = false
        }
        return fields.matches(object)
    }
}

extension StatusError {
    static func invalidVersion(_ text: String) -> StatusError {
        .badRequest(
            "resourceVersion: Invalid value: \"\(text)\": strconv.ParseUint: parsing"
                + " \"\(text)\": invalid syntax")
    }

    /// A version that has not been: wait a moment and ask again.
    static func futureVersion(_ asked: Int64, _ current: Int64) -> StatusError {
        var error = StatusError.timeout(
            "Too large resource version: \(asked), current: \(current)", retryAfter: 1)
        error.details = .object([
            (
                "causes",
                [
                    .object([
                        ("reason", "ResourceVersionTooLarge"),
                        ("message", "Too large resource version"),
                    ])
                ]
            )
        ])
        return error
    }
}
