// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import SandboxAPI

/// The environment of one container.
struct PodEnvironment {
    /// In order; a later one replaces an earlier one of the same name.
    private(set) var pairs: [(name: String, value: String)] = []

    func value(_ name: String) -> String? { pairs.last { $0.name == name }?.value }

    mutating func set(_ name: String, _ value: String) {
        pairs.removeAll { $0.name == name }
        pairs.append((name, value))
    }

    var lines: [String] { pairs.map { "\($0.name)=\($0.value)" } }

    /// What the container is told by `envFrom` and `env`, on top of what is there.
    mutating func add(
        _ plan: ContainerPlan, of pod: KubeObject, address: String, _ api: some ObjectAccess,
        _ paths: PathRewriter
    ) throws(PlanError) {
        for source in plan.environmentSources { try add(all: source, pod, api) }
        for entry in plan.environment {
            let name = entry["name"]?.string ?? ""
            if let text = entry["value"]?.string {
                let known = self
                set(name, paths.rewrite(Variables.expand(text) { known.value($0) }))
            } else if let source = entry["valueFrom"] {
                let found = try value(of: source, plan.name, pod, address, api)
                if let found { set(name, found) }
            } else {
                set(name, "")
            }
        }
    }

    private mutating func add(
        all source: JSONValue, _ pod: KubeObject, _ api: some ObjectAccess
    ) throws(PlanError) {
        let prefix = source["prefix"]?.string ?? ""
        for (field, kind) in [("configMapRef", ResourceKind.configMap), ("secretRef", .secret)] {
            guard let reference = source[field] else { continue }
            let name = reference["name"]?.string ?? ""
            guard let object = api.get(ObjectKey(kind, namespace: pod.namespace, name: name)) else {
                if reference["optional"]?.bool == true { continue }
                throw PlanError("\(kind.singular) \"\(name)\" not found")
            }
            for file in DataFiles.of(object) {
                set(prefix + file.name, String(decoding: file.bytes, as: UTF8.self))
            }
        }
    }

    private func value(
        of source: JSONValue, _ container: String, _ pod: KubeObject, _ address: String,
        _ api: some ObjectAccess
    ) throws(PlanError) -> String? {
        if let field = source["fieldRef"]?["fieldPath"]?.string {
            if let text = DownwardFields.field(field, of: pod, address: address) { return text }
            throw PlanError("the field \(field) is not known here")
        }
        if let reference = source["resourceFieldRef"] {
            return DownwardFields.resource(reference, of: pod, container: container)
        }
        for (field, kind) in [
            ("configMapKeyRef", ResourceKind.configMap), ("secretKeyRef", .secret),
        ] {
            guard let reference = source[field] else { continue }
            let name = reference["name"]?.string ?? ""
            let key = reference["key"]?.string ?? ""
            let isOptional = reference["optional"]?.bool == true
            guard let object = api.get(ObjectKey(kind, namespace: pod.namespace, name: name)) else {
                if isOptional { return nil }
                throw PlanError("\(kind.singular) \"\(name)\" not found")
            }
            guard let file = DataFiles.of(object).first(where: { $0.name == key }) else {
                if isOptional { return nil }
                throw PlanError(
                    "couldn't find key \(key) in \(kind.kind) \(pod.namespace)/\(name)")
            }
            return String(decoding: file.bytes, as: UTF8.self)
        }
        throw PlanError("a source of an environment variable that is not known here")
    }
}
