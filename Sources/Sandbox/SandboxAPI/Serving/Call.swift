// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// How unknown and doubled fields are met.
enum FieldValidation: String {
    case ignore = "Ignore"
    case warn = "Warn"
    case strict = "Strict"
}

/// A request that was found to mean something.
struct Call {
    var request: KubeRequest
    var route: Route
    var verb: Verb
    var resource: APIResource
    var user: Identity

    var place: Place {
        Place(storage: resource.storage, namespace: route.namespace, name: route.name)
    }

    var isDryRun: Bool { request.query("dryRun") == "All" }

    /// What this request wants beside its object.
    func intent() throws(StatusError) -> Intent {
        var intent = Intent()
        intent.isDryRun = isDryRun
        intent.subresource = route.subresource
        let agent = request.header("User-Agent") ?? ""
        let named = request.query("fieldManager") ?? ""
        intent.manager =
            named.isEmpty ? String(agent.split(separator: "/").first ?? "unknown") : named
        guard intent.manager.utf8.count <= 128 else {
            throw .badRequest("fieldManager: may not be longer than 128")
        }
        if let text = request.query("fieldValidation"), !text.isEmpty {
            guard let validation = FieldValidation(rawValue: text) else {
                throw .badRequest(
                    "fieldValidation: Unsupported value: \"\(text)\": supported values:"
                        + " \"Ignore\", \"Strict\", \"Warn\"")
            }
            intent.validation = validation
        }
        return intent
    }

    // MARK: Bodies

    /// JSON, YAML or protobuf.
    func body() throws(StatusError) -> JSONValue {
        try Call.body(of: request)
    }

    static func body(of request: KubeRequest) throws(StatusError) -> JSONValue {
        let type = request.header("Content-Type")?.split(separator: ";").first.map {
            $0.filter { $0 != " " }.lowercased()
        }
        return try read(request.body, isYAML: type == "application/yaml", type: type)
    }

    static func read(
        _ bytes: [UInt8], isYAML: Bool, type: String?
    ) throws(StatusError) -> JSONValue {
        let known = [
            nil, "application/json", "application/yaml", "application/apply-patch+yaml",
            "application/json-patch+json", "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ]
        let isProtobuf = type == "application/vnd.kubernetes.protobuf"
        guard known.contains(type) || isProtobuf else {
            throw .unsupportedMediaType(
                "the body of the request was in an unknown format - accepted media types include:"
                    + " application/json, application/yaml")
        }
        guard bytes.count <= 3 << 20 else {
            throw StatusError(
                code: 413, reason: "RequestEntityTooLarge",
                message: "Request entity too large: limit is 3145728")
        }
        if isProtobuf { return try ProtobufBody.read(bytes) }
        do throws(FormatError) {
            return try isYAML ? YAML.read(bytes) : JSON.parse(bytes)
        } catch {
            throw .badRequest(
                "the object provided is unrecognized (must be of type object): \(error.reason) at"
                    + " line \(error.line), column \(error.column)")
        }
    }

    func object() throws(StatusError) -> KubeObject {
        guard case .object(let members) = try body() else {
            throw .badRequest("the object provided is unrecognized (must be of type object)")
        }
        return KubeObject(members)
    }

    // MARK: What the client can read

    /// `v1` if it prefers tables.
    var tableVersion: String? { accepted("as=Table") }
    var wantsPartial: Bool { accepted("as=PartialObjectMetadata") != nil }
    var wantsPartialList: Bool { accepted("as=PartialObjectMetadataList") != nil }

    private func accepted(_ marker: String) -> String? {
        guard let accept = request.header("Accept") else { return nil }
        for offer in accept.split(separator: ",") {
            let parts = offer.split(separator: ";").map { $0.filter { $0 != " " } }
            guard parts.first == "application/json" || parts.first == "*/*" else { continue }
            guard parts.contains(where: { $0 == marker }) else { return nil }
            let version = parts.first { $0.hasPrefix("v=") }?.dropFirst(2)
            return version == "v1" ? "v1" : nil
        }
        return nil
    }

    func partial(_ object: KubeObject) -> JSONValue {
        .object([
            ("kind", "PartialObjectMetadata"), ("apiVersion", "meta.k8s.io/v1"),
            ("metadata", object["metadata"] ?? .object([])),
        ])
    }
}

/// What a write wants beside its object. Controllers write with the plain one.
struct Intent {
    /// Who owns the fields; empty: nobody is noted.
    var manager = ""
    var isApply = false
    var isForced = false
    var isDryRun = false
    var validation = FieldValidation.warn
    /// Empty for the object itself.
    var subresource = ""
}
