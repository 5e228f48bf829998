// SPDX-License-Identifier: Apache-2.0

/// What goes wrong on purpose. Each count goes down as its fault strikes.
package struct Faults: Equatable, Sendable {
    /// By plural: so many writes of the kind answer 409.
    package var conflicts: [String: Int] = [:]
    /// By plural: so many writes are carried out and their client hears nothing.
    package var hangUpsAfterCommit: [String: Int] = [:]
    /// By plural: so many requests of any verb answer 503.
    package var outages: [String: Int] = [:]
    /// So many watches and starts of watches meet 410.
    package var expiredWatches = 0
    /// By plural: lists answer what was so many revisions ago, if it is still kept.
    package var staleLists: [String: Int64] = [:]
    /// By plural: so many watch events are lost, or told twice.
    package var droppedEvents: [String: Int] = [:]
    package var doubledEvents: [String: Int] = [:]

    package init() {}

    /// True if the fault strikes now.
    static func strike(_ counts: inout [String: Int], _ plural: String) -> Bool {
        guard let left = counts[plural], left > 0 else { return false }
        counts[plural] = left == 1 ? nil : left - 1
        return true
    }
}
