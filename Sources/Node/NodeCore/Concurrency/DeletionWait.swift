// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI

/// Waits until no key under a name was created at or before a revision: asks for the youngest of
/// them, watches it go, and asks again. So one deletion wakes one waiter, not all.
struct DeletionWait {
    private let range: RangeRequest

    init(_ name: [UInt8], before revision: Int64) {
        range = RangeRequest(
            key: RecipeParts.prefix(name), rangeEnd: RecipeParts.prefixEnd(name), limit: 1,
            sortOrder: .descend, sortTarget: .create, maxCreateRevision: revision - 1)
    }

    func begin(_ steps: inout [RecipeStep]) {
        steps.append(.ask(.range(range)))
    }

    /// True when the wait is over.
    func answered(_ response: RangeResponse, _ steps: inout [RecipeStep]) -> Bool {
        guard let last = response.kvs.first else { return true }
        // From the revision of the answer on: a deletion since then is not missed.
        steps.append(
            .watch(
                WatchCreateRequest(
                    key: last.key, startRevision: response.header?.revision ?? 0)))
        return false
    }

    func watched(_ response: WatchResponse, _ steps: inout [RecipeStep]) {
        if response.canceled, response.compactRevision == 0 {
            steps += [.endWatch, .fail(EtcdError.Plain(text: response.cancelReason))]
            return
        }
        // A compaction may have taken the deletion along: look again.
        if response.canceled || response.events.contains(where: { $0.type == .delete }) {
            steps.append(.endWatch)
            begin(&steps)
        }
    }
}
