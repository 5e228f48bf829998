// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Which labels an object must carry. All requirements must hold; none holds for everything.
package struct LabelSelector: Equatable, Sendable {
    package struct Requirement: Equatable, Sendable {
        package enum Comparison: Equatable, Sendable {
            case isIn([String])
            case isNotIn([String])
            case exists
            case doesNotExist
        }

        package var key: String
        package var comparison: Comparison

        package init(key: String, _ comparison: Comparison) {
            self.key = key
            self.comparison = comparison
        }

        func holds(for labels: KubeMap) -> Bool {
            switch comparison {
            case .isIn(let values): labels[key].map(values.contains) ?? false
            case .isNotIn(let values): labels[key].map { !values.contains($0) } ?? true
            case .exists: labels[key] != nil
            case .doesNotExist: labels[key] == nil
            }
        }
    }

    package var requirements: [Requirement]

    package init(_ requirements: [Requirement] = []) {
        self.requirements = requirements
    }

    /// What carries these labels.
    package init(matching labels: KubeMap) {
        requirements = labels.pairs.map { Requirement(key: $0.key, .isIn([$0.value])) }
    }

    /// `a=b,c!=d,e in (f,g),!h,i`; nil if the text is no selector.
    package init?(text: String) {
        var reader = SelectorReader(text)
        guard let requirements = reader.requirements() else { return nil }
        self.requirements = requirements
    }

    /// `{matchLabels, matchExpressions}`; nil if an expression is unknown. An absent selector is
    /// not an empty one: what it means differs by kind, so ask before.
    package init?(json: JSONValue) {
        var requirements = KubeMap(json["matchLabels"]).pairs.map {
            Requirement(key: $0.key, .isIn([$0.value]))
        }
        for expression in json["matchExpressions"]?.array ?? [] {
            guard let key = expression["key"]?.string else { return nil }
            let values = (expression["values"]?.array ?? []).compactMap(\.string)
            switch expression["operator"]?.string {
            case "In": requirements.append(Requirement(key: key, .isIn(values)))
            case "NotIn": requirements.append(Requirement(key: key, .isNotIn(values)))
            case "Exists": requirements.append(Requirement(key: key, .exists))
            case "DoesNotExist": requirements.append(Requirement(key: key, .doesNotExist))
            default: return nil
            }
        }
        self.requirements = requirements
    }

    package var isEmpty: Bool { requirements.isEmpty }

    package func matches(_ labels: KubeMap) -> Bool {
        requirements.allSatisfy { $0.holds(for: labels) }
    }

    /// As a query of a list says it.
    package var text: String {
        requirements.map { requirement in
            switch requirement.comparison {
            case .isIn(let values) where values.count == 1: "\(requirement.key)=\(values[0])"
            case .isNotIn(let values) where values.count == 1: "\(requirement.key)!=\(values[0])"
            case .isIn(let values): "\(requirement.key) in (\(values.joined(separator: ",")))"
            case .isNotIn(let values):
                "\(requirement.key) notin (\(values.joined(separator: ",")))"
            case .exists: requirement.key
            case .doesNotExist: "!\(requirement.key)"
            }
        }.joined(separator: ",")
    }
}
