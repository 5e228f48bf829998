// SPDX-License-Identifier: Apache-2.0
package import Kube

/// A kind that this API serves.
package struct APIResource: Sendable {
    package var kind: ResourceKind
    package var schema: FieldSchema
    /// Where its objects are: `apps/statefulsets`. Both groups of events share one place.
    package var storage: String
    /// How the stored objects spell their version.
    package var storedVersion: String
    package var isCustom = false
    /// Whether `metadata.generation` counts the changes of its spec.
    package var hasGeneration = false
    /// Where the `scale` subresource reads and writes.
    package var scale: ScalePaths?
    package var columns: [PrinterColumn] = []
    /// Fields that a field selector may name, beside name and namespace.
    package var selectableFields: [String] = []
    /// Why objects cannot be made; empty if they can.
    package var refusal = ""

    package var verbs: [String] {
        refusal.isEmpty
            ? ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
            : ["get", "list", "watch"]
    }
}

/// Paths into an object for `scale`.
package struct ScalePaths: Equatable, Sendable {
    package var spec: [String]
    package var status: [String]
    /// Empty if the kind has no selector.
    package var selector: [String]

    /// `.spec.replicas` as a definition writes it.
    static func path(_ text: String) -> [String] {
        text.split(separator: ".").map(String.init)
    }
}

/// One of `additionalPrinterColumns`.
package struct PrinterColumn: Equatable, Sendable {
    package var name: String
    package var type: String
    package var format: String
    package var summary: String
    package var priority: Int
    package var jsonPath: String
}

/// All kinds served: the built-in ones and those of custom resource definitions.
package struct Catalog: Sendable {
    /// In the order of discovery.
    package private(set) var resources: [APIResource]
    private let builtIn: [APIResource]

    init() {
        builtIn = BuiltInResources.all
        resources = builtIn
    }

    mutating func setCustom(_ custom: [APIResource]) {
        resources = builtIn + custom
    }

    package func find(group: String, version: String, plural: String) -> APIResource? {
        resources.first {
            $0.kind.plural == plural && $0.kind.group == group && $0.kind.version == version
        }
    }

    package func find(apiVersion: String, kind: String) -> APIResource? {
        resources.first { $0.kind.kind == kind && $0.kind.apiVersion == apiVersion }
    }

    /// Of owner references: any version of the group will do.
    package func find(group: String, kind: String) -> APIResource? {
        resources.first { $0.kind.kind == kind && $0.kind.group == group }
    }

    /// The version asked for, or any other of the same resource.
    package func find(_ kind: ResourceKind) -> APIResource? {
        find(group: kind.group, version: kind.version, plural: kind.plural)
            ?? resources.first { $0.kind.plural == kind.plural && $0.kind.group == kind.group }
    }

    /// The resource that names what is stored at a place, in its stored version.
    package func storing(_ storage: String) -> APIResource? {
        resources.first { $0.storage == storage && $0.kind.apiVersion == $0.storedVersion }
    }
}
