// SPDX-License-Identifier: Apache-2.0

/// How the body of a patch is to be read.
package enum PatchType: String, CaseIterable, Sendable {
    case json = "application/json-patch+json"
    case merge = "application/merge-patch+json"
    case strategicMerge = "application/strategic-merge-patch+json"
    /// Server-side apply.
    case apply = "application/apply-patch+yaml"

    package var contentType: String { rawValue }

    /// Parameters after a semicolon do not matter.
    package init?(contentType: String) {
        let type = contentType.split(separator: ";").first.map(String.init) ?? ""
        self.init(rawValue: type.filter { $0 != " " }.lowercased())
    }
}
