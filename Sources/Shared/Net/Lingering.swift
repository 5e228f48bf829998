// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// When a wait for events begins with looking instead of sleeping. It costs the time of a processor,
/// so it must be asked for before each wait; and each time that it was in vain, twice as many askings
/// are passed over as the time before.
internal struct Lingering {
    /// The next wait begins with looking, if it is long enough.
    private(set) var isAsked = false
    /// Askings still to be passed over, and how many it were the last time.
    private var skips = 0
    private var patience = 0

    static let limit = Duration.microseconds(100)
    private static let skipsMax = 256

    mutating func ask() {
        if skips > 0 {
            skips -= 1
        } else {
            isAsked = true
        }
    }

    /// Whether the wait, which is to take `wait` at most, begins with looking.
    mutating func begins(_ wait: Duration?) -> Bool {
        defer { isAsked = false }
        return isAsked && (wait ?? .seconds(1)) > Lingering.limit
    }

    mutating func ended(hit: Bool) {
        patience = hit ? 0 : min(Lingering.skipsMax, max(1, patience * 2))
        skips = patience
    }
}
