// SPDX-License-Identifier: Apache-2.0

/// A kind of object, and how it is spelt in URLs and on the command line.
package struct ResourceKind: Hashable, Sendable {
    /// Empty for the core group.
    package var group: String
    package var version: String
    package var kind: String
    package var plural: String
    package var singular: String
    package var shortNames: [String]
    package var categories: [String]
    package var isNamespaced: Bool
    /// `status`, `scale`, `log`, `exec`, `eviction` …
    package var subresources: [String]

    package init(
        group: String, version: String, kind: String, plural: String, singular: String? = nil,
        shortNames: [String] = [], categories: [String] = [], isNamespaced: Bool = true,
        subresources: [String] = []
    ) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        self.singular = singular ?? kind.lowercased()
        self.shortNames = shortNames
        self.categories = categories
        self.isNamespaced = isNamespaced
        self.subresources = subresources
    }

    /// `v1`, `apps/v1`.
    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// `pods`, `statefulsets.apps`: as error texts and owner references of the API name it.
    package var qualifiedName: String { group.isEmpty ? plural : "\(plural).\(group)" }

    package var hasStatus: Bool { subresources.contains("status") }

    /// What is the same resource; how it is abbreviated does not matter.
    package static func == (left: ResourceKind, right: ResourceKind) -> Bool {
        left.plural == right.plural && left.group == right.group && left.version == right.version
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(group)
        hasher.combine(plural)
    }
}

extension ResourceKind: CustomStringConvertible {
    package var description: String { "\(kind) (\(apiVersion))" }
}

/// Which object.
package struct ObjectKey: Hashable, Comparable, Sendable {
    package var kind: ResourceKind
    /// Empty for what belongs to no namespace.
    package var namespace: String
    package var name: String

    package init(_ kind: ResourceKind, namespace: String = "", name: String) {
        self.kind = kind
        self.namespace = kind.isNamespaced ? namespace : ""
        self.name = name
    }

    /// By group, plural, namespace and name, each by its bytes.
    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        if left.kind.group != right.kind.group {
            return precedes(left.kind.group, right.kind.group)
        }
        if left.kind.plural != right.kind.plural {
            return precedes(left.kind.plural, right.kind.plural)
        }
        if left.namespace != right.namespace { return precedes(left.namespace, right.namespace) }
        return left.name != right.name && precedes(left.name, right.name)
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension ObjectKey: CustomStringConvertible {
    /// `pods ns/name`.
    package var description: String {
        namespace.isEmpty
            ? "\(kind.qualifiedName) \(name)" : "\(kind.qualifiedName) \(namespace)/\(name)"
    }
}
