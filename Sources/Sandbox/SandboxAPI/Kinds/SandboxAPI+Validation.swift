// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

extension SandboxAPI {
    /// 422 with every fault found.
    func validate(
        _ object: KubeObject, before: KubeObject?, _ resource: APIResource
    ) throws(StatusError) {
        var causes = Causes()
        checkMetadata(object, resource, &causes)
        if resource.isCustom {
            var check = FieldCheck()
            check.check(.object(object.json), resource.schema)
            causes.add(check.causes)
            if check.causes.isEmpty {
                causes.add(
                    CustomRules.check(
                        .object(object.json), before.map { .object($0.json) }, resource.schema))
            }
        } else {
            KindRules.check(object, before, resource.kind, &causes)
        }
        guard !causes.causes.isEmpty else { return }
        throw .invalid(resource.kind, object.name, causes: causes.causes)
    }

    private func checkMetadata(
        _ object: KubeObject, _ resource: APIResource, _ causes: inout Causes
    ) {
        checkName(object.name, resource, &causes)
        for (key, value) in object.labels.pairs {
            if !Names.isQualified(key) {
                causes.invalid(
                    "metadata.labels", .string(key),
                    "name part must consist of alphanumeric characters, '-', '_' or '.', and must"
                        + " start and end with an alphanumeric character")
            }
            if !Names.isLabelValue(value) {
                causes.invalid(
                    "metadata.labels", .string(value),
                    "a valid label must be an empty string or consist of alphanumeric characters,"
                        + " '-', '_' or '.', and must start and end with an alphanumeric character"
                        + " (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation"
                        + " is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
            }
        }
        for (key, _) in object.annotations.pairs where !Names.isQualified(key.lowercased()) {
            causes.invalid(
                "metadata.annotations", .string(key),
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start"
                    + " and end with an alphanumeric character")
        }
        for (index, owner) in object.ownerReferences.enumerated() {
            let field = "metadata.ownerReferences[\(index)]"
            if owner.uid.isEmpty { causes.invalid("\(field).uid", "", "must not be empty") }
            if owner.name.isEmpty { causes.invalid("\(field).name", "", "must not be empty") }
        }
        if object.ownerReferences.count(where: \.controller) > 1 {
            causes.invalid(
                "metadata.ownerReferences", .null,
                "Only one reference can have Controller set to true")
        }
        for finalizer in object.finalizers where !Names.isQualified(finalizer) {
            causes.invalid("metadata.finalizers", .string(finalizer), "name part is malformed")
        }
    }

    private func checkName(_ name: String, _ resource: APIResource, _ causes: inout Causes) {
        guard !name.isEmpty else {
            return causes.required(
                "metadata.name", "name or generateName is required")
        }
        let (isGood, rule): (Bool, String) =
            switch resource.kind.plural {
            case "namespaces", "statefulsets": (Names.isLabel(name), Names.labelRule)
            case "services": (Names.isServiceName(name), Names.serviceRule)
            case "roles", "rolebindings", "clusterroles", "clusterrolebindings":
                (
                    !name.contains("/") && !name.contains("%") && name != "." && name != "..",
                    "may not contain '/' or '%'"
                )
            default: (Names.isSubdomain(name), Names.subdomainRule)
            }
        if !isGood { causes.invalid("metadata.name", .string(name), rule) }
    }
}
