// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Counts what costs us work and the peer nothing.
///
/// Two budgets. *Control*: frames that move nothing forward (PING, SETTINGS, PRIORITY, empty DATA,
/// WINDOW_UPDATE, unknown frames, anything on ended streams); real work, of either side, and time
/// fill it up again. *Resets*: streams that were opened and thrown away at once (CVE-2023-44487),
/// whether the peer said so or made us say it (CVE-2025-8671); only time fills it up.
struct AbuseGuard {
    static let controlMax = 1000
    static let resetMax = 1000
    private static let controlPerSecond = 200
    private static let resetPerSecond = 100
    private static let controlPerProgress = 10

    /// A header list that is too large costs as much work as so many small ones.
    static let largeListCost = 20

    private var control = controlMax
    private var resets = resetMax
    private var refilledAt: Instant?

    /// A frame of a call or of its data was sent or received.
    @inline(__always)
    mutating func progressed() {
        if control < Self.controlMax {
            control = min(Self.controlMax, control + Self.controlPerProgress)
        }
    }

    /// False when the budget is spent.
    mutating func chargeControl(at time: Instant) -> Bool {
        if control == 0 || refilledAt == nil { refill(time) }
        control -= 1
        return control >= 0
    }

    mutating func chargeReset(at time: Instant, count: Int = 1) -> Bool {
        refill(time)
        resets -= count
        return resets >= 0
    }

    private mutating func refill(_ time: Instant) {
        guard let last = refilledAt, time > last else {
            if refilledAt == nil { refilledAt = time }
            return
        }
        let seconds = Int(min((time.nanoseconds &- last.nanoseconds) / 1_000_000_000, 3600))
        if seconds <= 0 { return }
        refilledAt = last + .seconds(seconds)
        control = min(Self.controlMax, control + seconds * Self.controlPerSecond)
        resets = min(Self.resetMax, resets + seconds * Self.resetPerSecond)
    }
}
