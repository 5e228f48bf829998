// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Program

/// Says that something keeps failing without saying it each time: a new kind of failure at once,
/// the same kind again after half a minute, a name that does not resolve only once.
struct FailureLog {
    private var kind: String?
    private var saidAt: Instant?

    private static let silence = Duration.seconds(30)

    mutating func shouldTell(_ error: PeerError, now: Instant) -> Bool {
        if kind == error.kind, let saidAt {
            if case .net(.lookup) = error { return false }
            guard now - saidAt >= FailureLog.silence else { return false }
        }
        kind = error.kind
        saidAt = now
        return true
    }

    /// It works again. True if a failure had been told.
    mutating func recovered() -> Bool {
        defer { kind = nil }
        return kind != nil
    }
}
