// SPDX-License-Identifier: Apache-2.0

/// The rules of the schemas in Swift.
package enum SpecCheck {
    /// `<name>-<ordinal>.<name>-peers.<namespace>.svc` must stay a name of legal labels.
    package static let maxNameLength = 40
}
