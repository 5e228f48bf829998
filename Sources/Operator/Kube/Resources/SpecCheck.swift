// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Whether an object of ours may be. The same as the server says where it knows the rules of the
/// schema; a server before 1.29, or one that was given the schemas without rules, does not.
package enum SpecCheck {
    /// `<name>-<ordinal>.<name>-peers.<namespace>.svc` must stay a name of legal labels.
    package static let maxNameLength = 40
    package static let namePattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"

    /// What is wrong with `object`; with `old`, also what may not change. Empty when nothing is.
    package static func problems(of object: KubeObject, old: KubeObject? = nil) -> [FieldProblem] {
        switch object.kind {
        case ResourceKind.etcdCluster.kind:
            nameProblems(object) + problems(EtcdCluster(object), old.map(EtcdCluster.init))
        case ResourceKind.etcdBackup.kind:
            problems(EtcdBackup(object), old.map(EtcdBackup.init))
        case ResourceKind.etcdBackupSchedule.kind:
            problems(EtcdBackupSchedule(object), old.map(EtcdBackupSchedule.init))
        case ResourceKind.etcdRestore.kind:
            problems(EtcdRestore(object), old.map(EtcdRestore.init))
        default: []
        }
    }

    /// Rules are only asked when every value has its type; so does the server.
    private static func problems<Spec: CheckedSpec, Status: Record>(
        _ new: OwnResource<Spec, Status>, _ old: OwnResource<Spec, Status>?
    ) -> [FieldProblem] {
        let values = SchemaCheck.problems(
            of: new.object["spec"] ?? .object([]), Spec.schema, at: "spec")
        guard values.isEmpty else { return values }
        guard new.problems.isEmpty else { return new.problems }
        var check = RuleCheck(path: "spec")
        new.spec.check(against: old?.spec, &check)
        return check.problems
    }

    private static func nameProblems(_ object: KubeObject) -> [FieldProblem] {
        let name = object.name
        guard !name.isEmpty else { return [] }
        if name.utf8.count > maxNameLength {
            return [
                FieldProblem(
                    "metadata.name",
                    "Invalid value: \"\(name)\": the name must have at most \(maxNameLength) "
                        + "characters")
            ]
        }
        guard !SchemaCheck.matches(name, namePattern) else { return [] }
        return [
            FieldProblem(
                "metadata.name",
                "Invalid value: \"\(name)\": the name must be a DNS label that begins with a "
                    + "letter")
        ]
    }

    /// What is allowed and yet deserves a word to the owner.
    package static func warnings(of spec: EtcdClusterSpec) -> [String] {
        var warnings: [String] = []
        if spec.replicas % 2 == 0, !spec.allowEvenReplicas {
            warnings.append(
                "\(spec.replicas) members survive no more failures than \(spec.replicas - 1)")
        }
        if spec.replicas == 1 { warnings.append("one member survives no failure") }
        if spec.tls.mode == .disabled { warnings.append("TLS is disabled") }
        if spec.storage.medium == .memory { warnings.append("data dies with the pods") }
        return warnings
    }
}

/// A spec with rules over several fields, and over time.
package protocol CheckedSpec: Record {
    func check(against old: Self?, _ check: inout RuleCheck)
}

/// Collects what rules find. Its words are those of the rules in the schema.
package struct RuleCheck {
    package private(set) var problems: [FieldProblem] = []
    private var path: String

    package init(path: String) { self.path = path }

    /// `rule` is the message of a rule of `Owner`, so that no check says what no rule says.
    package mutating func require<Owner: Record>(
        _ holds: Bool, _ rule: String, of owner: Owner.Type
    ) {
        guard !holds, problems.count < SchemaCheck.maxProblems else { return }
        let found = Owner.rules.first { $0.message == rule }
        problems.append(FieldProblem(path + (found?.fieldPath ?? ""), "Invalid value: \(rule)"))
    }

    /// The same below a field.
    package mutating func below(_ name: String, _ body: (inout RuleCheck) -> Void) {
        let outer = path
        path = "\(outer).\(name)"
        body(&self)
        path = outer
    }
}
