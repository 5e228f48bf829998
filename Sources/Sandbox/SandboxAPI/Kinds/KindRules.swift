// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Rules of the built-in kinds: the ones that people and controllers meet.
enum KindRules {
    static func check(
        _ object: KubeObject, _ before: KubeObject?, _ kind: ResourceKind,
        _ causes: inout Causes
    ) {
        switch kind.plural {
        case "pods":
            PodRules.check(object["spec"], "spec", &causes)
            if let before { PodRules.checkUpdate(object, before, &causes) }
        case "statefulsets": checkStatefulSet(object, before, &causes)
        case "deployments", "replicasets": checkReplicated(object, before, &causes)
        case "jobs": checkJob(object, before, &causes)
        case "cronjobs": checkCronJob(object, &causes)
        case "services": checkService(object, before, &causes)
        case "persistentvolumeclaims": checkClaim(object, before, &causes)
        case "configmaps", "secrets": checkData(object, before, kind, &causes)
        case "poddisruptionbudgets": checkBudget(object, &causes)
        case "rolebindings", "clusterrolebindings":
            if let before, before["roleRef"] != object["roleRef"] {
                causes.invalid("roleRef", object["roleRef"] ?? .null, "cannot change roleRef")
            }
        case "customresourcedefinitions": Definitions.check(object, before, &causes)
        case "leases": checkLease(object, &causes)
        default: break
        }
    }

    private static func checkTemplate(
        _ object: KubeObject, _ causes: inout Causes, restartPolicies: [String]
    ) {
        let template = object["spec", "template"]
        let claims = object.list("spec", "volumeClaimTemplates").compactMap {
            $0["metadata"]?["name"]?.string
        }
        PodRules.check(
            template?["spec"], "spec.template.spec", claimed: claims, &causes)
        let policy = template?["spec"]?["restartPolicy"]?.string ?? "Always"
        if !restartPolicies.contains(policy) {
            causes.notSupported(
                "spec.template.spec.restartPolicy", .string(policy), restartPolicies)
        }
        guard let selector = object["spec", "selector"] else {
            return causes.required("spec.selector")
        }
        let labels = KubeMap(template?["metadata"]?["labels"])
        guard let parsed = LabelSelector(json: selector) else {
            return causes.invalid("spec.selector", selector, "is no label selector")
        }
        if parsed.isEmpty {
            causes.invalid(
                "spec.selector", selector,
                "empty selector is invalid for \(object.kind.lowercased())")
        } else if !parsed.matches(labels) {
            causes.invalid(
                "spec.template.metadata.labels", labels.json,
                "`selector` does not match template `labels`")
        }
    }

    private static func checkCount(
        _ object: KubeObject, _ field: String, _ causes: inout Causes
    ) {
        if let count = object.int("spec", field), count < 0 {
            causes.invalid(
                "spec.\(field)", .integer(Int64(count)), "must be greater than or equal to 0")
        }
    }

    private static func checkStatefulSet(
        _ object: KubeObject, _ before: KubeObject?, _ causes: inout Causes
    ) {
        checkCount(object, "replicas", &causes)
        checkTemplate(object, &causes, restartPolicies: ["Always"])
        guard let before else { return }
        let free = [
            "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
        ]
        func rest(_ object: KubeObject) -> JSONValue {
            var spec = object["spec"]?.object ?? JSONObject()
            for field in free { spec[field] = nil }
            return .object(spec)
        }
        if !rest(before).isSame(as: rest(object)) {
            causes.forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals',"
                    + " 'template', 'updateStrategy', 'revisionHistoryLimit',"
                    + " 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")
        }
    }

    private static func checkReplicated(
        _ object: KubeObject, _ before: KubeObject?, _ causes: inout Causes
    ) {
        checkCount(object, "replicas", &causes)
        checkTemplate(object, &causes, restartPolicies: ["Always"])
        if let before, let selector = object["spec", "selector"],
            before["spec", "selector"]?.isSame(as: selector) == false
        {
            causes.immutable("spec.selector", selector)
        }
    }

    private static func checkJob(
        _ object: KubeObject, _ before: KubeObject?, _ causes: inout Causes
    ) {
        for field in ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds"] {
            checkCount(object, field, &causes)
        }
        checkTemplate(object, &causes, restartPolicies: ["OnFailure", "Never"])
        guard let before else { return }
        for field in ["template", "selector", "completions"] {
            let (old, new) = (before["spec", field], object["spec", field])
            if !(old ?? .null).isSame(as: new ?? .null) { causes.immutable("spec.\(field)", new) }
        }
    }

    private static func checkCronJob(_ object: KubeObject, _ causes: inout Causes) {
        let schedule = object.string("spec", "schedule") ?? ""
        if schedule.isEmpty {
            causes.required("spec.schedule")
        } else if !schedule.hasPrefix("@"), schedule.split(separator: " ").count != 5 {
            causes.invalid(
                "spec.schedule", .string(schedule),
                "expected exactly 5 fields, found \(schedule.split(separator: " ").count):"
                    + " [\(schedule)]")
        }
        let policies = ["Allow", "Forbid", "Replace"]
        let policy = object.string("spec", "concurrencyPolicy") ?? ""
        if !policies.contains(policy) {
            causes.notSupported("spec.concurrencyPolicy", .string(policy), policies)
        }
        PodRules.check(
            object["spec", "jobTemplate", "spec", "template", "spec"],
            "spec.jobTemplate.spec.template.spec", &causes)
        let restart =
            object.string("spec", "jobTemplate", "spec", "template", "spec", "restartPolicy") ?? ""
        if restart == "Always" {
            causes.notSupported(
                "spec.jobTemplate.spec.template.spec.restartPolicy", .string(restart),
                ["OnFailure", "Never"])
        }
    }

    private static func checkService(
        _ object: KubeObject, _ before: KubeObject?, _ causes: inout Causes
    ) {
        let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
        let type = object.string("spec", "type") ?? ""
        if !types.contains(type) {
            causes.notSupported("spec.type", .string(type), types)
        }
        let ports = object.list("spec", "ports")
        let isHeadless = object.string("spec", "clusterIP") == "None"
        if ports.isEmpty, !isHeadless, type != "ExternalName" {
            causes.required("spec.ports")
        }
        var seen: [JSONValue] = []
        for (index, port) in ports.enumerated() {
            let field = "spec.ports[\(index)]"
            let name = port["name"]?.string ?? ""
            if ports.count > 1, name.isEmpty { causes.required("\(field).name") }
            PodRules.checkPort(port["port"], "\(field).port", &causes)
            let identity = JSONValue.array([
                port["protocol"] ?? "TCP", port["port"] ?? .null,
            ])
            if seen.contains(identity) { causes.duplicate(field, port) }
            seen.append(identity)
        }
        if let old = before?.string("spec", "clusterIP"), !old.isEmpty,
            let new = object.string("spec", "clusterIP"), new != old
        {
            causes.invalid("spec.clusterIPs[0]", [.string(new)], "may not change once set")
        }
    }

    private static func checkClaim(
        _ object: KubeObject, _ before: KubeObject?, _ causes: inout Causes
    ) {
        if object.list("spec", "accessModes").isEmpty {
            causes.required("spec.accessModes", "at least 1 access mode is required")
        }
        func storage(_ object: KubeObject) -> Quantity? {
            object.string("spec", "resources", "requests", "storage").flatMap { Quantity($0) }
        }
        guard let size = storage(object) else {
            return causes.required("spec.resources[storage]")
        }
        if size.thousandths <= 0 {
            causes.invalid(
                "spec.resources[storage]", .string("\(size)"), "must be greater than zero")
        }
        guard let before else { return }
        if let old = storage(before), size < old {
            causes.forbidden(
                "spec.resources.requests.storage", "field can not be less than previous value")
        }
        func rest(_ object: KubeObject) -> JSONValue {
            var spec = object["spec"]?.object ?? JSONObject()
            spec["resources"] = nil
            spec["volumeAttributesClassName"] = nil
            // The binder names the volume once; a class may be filled in once.
            for field in ["volumeName", "storageClassName"] where before["spec", field] == nil {
                spec[field] = nil
            }
            return .object(spec)
        }
        if !rest(before).isSame(as: rest(object)) {
            causes.forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and"
                    + " volumeAttributesClassName for bound claims")
        }
    }

    private static func checkData(
        _ object: KubeObject, _ before: KubeObject?, _ kind: ResourceKind,
        _ causes: inout Causes
    ) {
        for field in ["data", "binaryData"] {
            for member in object[field]?.object?.members ?? [] {
                let isName =
                    !member.key.isEmpty && member.key.utf8.count <= 253
                    && member.key.utf8.allSatisfy {
                        $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
                            || Names.isLabelValue(
                                String(UnicodeScalar($0)))
                    }
                if !isName {
                    causes.invalid(
                        "\(field)[\(member.key)]", .string(member.key),
                        "a valid config key must consist of alphanumeric characters, '-', '_' or"
                            + " '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for"
                            + " validation is '[-._a-zA-Z0-9]+')")
                }
            }
        }
        DataLimits.check(object, kind, &causes)
        guard let before else { return }
        if kind == .secret, before["type"] != object["type"] {
            causes.immutable("type", object["type"])
        }
        if before.bool("immutable") == true {
            let data = ["data", "binaryData"].allSatisfy {
                (before[$0] ?? .null).isSame(as: object[$0] ?? .null)
            }
            if !data || object.bool("immutable") != true {
                causes.forbidden("data", "field is immutable when `immutable` is set")
            }
        }
    }

    private static func checkBudget(_ object: KubeObject, _ causes: inout Causes) {
        if object["spec", "minAvailable"] != nil, object["spec", "maxUnavailable"] != nil {
            causes.invalid(
                "spec", object["spec"] ?? .null,
                "minAvailable and maxUnavailable cannot be both set")
        }
    }

    private static func checkLease(_ object: KubeObject, _ causes: inout Causes) {
        if let seconds = object.int("spec", "leaseDurationSeconds"), seconds <= 0 {
            causes.invalid(
                "spec.leaseDurationSeconds", .integer(Int64(seconds)), "must be greater than 0")
        }
    }
}

/// Rules of a pod's spec, wherever it stands.
enum PodRules {
    /// `claimed` are volumes that come from elsewhere: the claims of a stateful set.
    static func check(
        _ spec: JSONValue?, _ path: String, claimed: [String] = [], _ causes: inout Causes
    ) {
        let containers = spec?["containers"]?.array ?? []
        if containers.isEmpty { causes.required("\(path).containers") }
        let volumes = (spec?["volumes"]?.array ?? []).compactMap { $0["name"]?.string }
        var names: [String] = []
        for (list, elements) in [
            ("initContainers", spec?["initContainers"]?.array ?? []),
            ("containers", containers),
        ] {
            for (index, container) in elements.enumerated() {
                let field = "\(path).\(list)[\(index)]"
                checkContainer(container, field, volumes + claimed, &causes)
                let name = container["name"]?.string ?? ""
                if names.contains(name) { causes.duplicate("\(field).name", .string(name)) }
                names.append(name)
            }
        }
        for (index, name) in volumes.enumerated() {
            if volumes[..<index].contains(name) {
                causes.duplicate("\(path).volumes[\(index)].name", .string(name))
            }
            if !Names.isLabel(name) {
                causes.invalid("\(path).volumes[\(index)].name", .string(name), Names.labelRule)
            }
        }
        let policies = ["Always", "OnFailure", "Never"]
        let policy = spec?["restartPolicy"]?.string ?? "Always"
        if !policies.contains(policy) {
            causes.notSupported("\(path).restartPolicy", .string(policy), policies)
        }
    }

    private static func checkContainer(
        _ container: JSONValue, _ field: String, _ volumes: [String], _ causes: inout Causes
    ) {
        let name = container["name"]?.string ?? ""
        if name.isEmpty {
            causes.required("\(field).name")
        } else if !Names.isLabel(name) {
            causes.invalid("\(field).name", .string(name), Names.labelRule)
        }
        if (container["image"]?.string ?? "").isEmpty {
            causes.required("\(field).image")
        }
        for (index, port) in (container["ports"]?.array ?? []).enumerated() {
            checkPort(
                port["containerPort"], "\(field).ports[\(index)].containerPort", &causes)
        }
        for (index, variable) in (container["env"]?.array ?? []).enumerated()
        where (variable["name"]?.string ?? "").isEmpty {
            causes.required("\(field).env[\(index)].name")
        }
        for (index, mount) in (container["volumeMounts"]?.array ?? []).enumerated() {
            let at = "\(field).volumeMounts[\(index)]"
            let volume = mount["name"]?.string ?? ""
            if !volumes.contains(volume) { causes.notFound("\(at).name", .string(volume)) }
            if (mount["mountPath"]?.string ?? "").isEmpty {
                causes.required("\(at).mountPath")
            }
        }
        for kind in ["limits", "requests"] {
            let amounts = container["resources"]?[kind]?.object?.members ?? []
            for amount in amounts where amount.value.string.map({ Quantity($0) == nil }) ?? false {
                causes.invalid(
                    "\(field).resources.\(kind)[\(amount.key)]", amount.value,
                    "quantities must match the regular expression"
                        + " '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
            }
        }
    }

    static func checkPort(_ value: JSONValue?, _ field: String, _ causes: inout Causes) {
        guard let number = value?.int64 else { return causes.required(field) }
        if number < 1 || number > 65_535 {
            causes.invalid(field, .integer(number), "must be between 1 and 65535, inclusive")
        }
    }

    /// Of a pod that exists little may change.
    static func checkUpdate(_ object: KubeObject, _ before: KubeObject, _ causes: inout Causes) {
        func rest(_ object: KubeObject) -> JSONValue {
            var spec = object["spec"]?.object ?? JSONObject()
            for field in [
                "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds",
                "schedulingGates", "ephemeralContainers",
            ] {
                spec[field] = nil
            }
            if before.string("spec", "nodeName") == nil { spec["nodeName"] = nil }
            for list in ["containers", "initContainers"] { spec.each(list) { $0["image"] = nil } }
            return .object(spec)
        }
        if !rest(before).isSame(as: rest(object)) {
            causes.forbidden(
                "spec",
                "pod updates may not change fields other than `spec.containers[*].image`,"
                    + "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                    + "`spec.tolerations` (only additions to existing tolerations),"
                    + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was"
                    + " previously negative)")
        }
    }
}
