// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The rules of `x-kubernetes-validations`.
enum RuleCheck {
    static func check(
        _ value: JSONValue, _ before: JSONValue?, _ schema: Schema
    ) -> [StatusCause] {
        []
    }

    /// Why a rule cannot be understood; nil if it can.
    static func fault(in rule: String) -> String? { nil }
}
