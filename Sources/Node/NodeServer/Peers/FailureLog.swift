// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix
internal import Program

/// Says that something keeps failing without saying it each time: a new kind of failure at once,
/// the same kind again after half a minute, a name that does not resolve only once.
struct FailureLog {
    private var toldAt: [String: Instant] = [:]
    private var isTold = false

    private static let silence = Duration.seconds(30)
    /// When what had worked fails, it is news again.
    private static let silenceAfterSuccess = Duration.seconds(1)

    mutating func shouldTell(_ error: PeerError, now: Instant) -> Bool {
        let silence = isTold ? FailureLog.silence : FailureLog.silenceAfterSuccess
        if let before = toldAt[error.kind] {
            if isTold, case .net(.lookup(_)) = error { return false }
            guard now - before >= silence else { return false }
        }
        toldAt[error.kind] = now
        isTold = true
        return true
    }

    /// It works again. True if a failure had been told.
    mutating func recovered() -> Bool {
        defer { isTold = false }
        return isTold
    }
}
