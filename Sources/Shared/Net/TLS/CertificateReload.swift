// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Posix

/// Keeps a context that fits the files of its policy as they are now. New connections get what was
/// last found good; those that stand keep what they began with. Files that cannot be used change
/// nothing: the last good ones stay, and the reason is told once for each state of the files.
package final class CertificateReload {
    private static let interval: Duration = .seconds(1)
    private static let attempts = 3

    package let policy: TLSPolicy
    package let role: TLSPolicy.Role
    private let report: (Report) -> Void
    private var current: TLSContext
    private var stamps: [FileStamp?]
    private var checkedAt: Instant?

    package enum Report: Equatable, Sendable {
        case reloaded
        /// The old ones stay in use.
        case failed(String)
    }

    /// Throws if the files are not good now: nothing starts without.
    package init(
        _ policy: TLSPolicy, _ role: TLSPolicy.Role, report: @escaping (Report) -> Void
    ) throws(NetError) {
        self.policy = policy
        self.role = role
        self.report = report
        (stamps, current) = try CertificateReload.settled {
            CertificateReload.stamps(policy)
        } read: { () throws(NetError) in
            try TLSContext(policy, role)
        }
    }

    /// A key and its certificate may be renewed while they are read, so that the two do not fit:
    /// what cannot be used, and has changed meanwhile, is read again. The state is that before.
    static func settled<State: Equatable, Found>(
        _ state: () -> State, read: () throws(NetError) -> Found
    ) throws(NetError) -> (State, Found) {
        var before = state()
        for _ in 1..<CertificateReload.attempts {
            do throws(NetError) {
                return (before, try read())
            } catch {
                let after = state()
                if after == before { throw error }
                before = after
            }
        }
        return (before, try read())
    }

    /// For one new connection. The files are looked at once a second at most.
    package func context(now: Instant) -> TLSContext {
        if let checkedAt, now - checkedAt < CertificateReload.interval { return current }
        checkedAt = now
        let found = CertificateReload.stamps(policy)
        if found == stamps { return current }
        // Taken before the files are read: what changes meanwhile is seen the next time.
        stamps = found
        do throws(NetError) {
            current = try TLSContext(policy, role)
            report(.reloaded)
        } catch {
            report(.failed("\(error)"))
        }
        return current
    }

    /// A session of a server for a connection that has just come.
    package func serverSession(now: Instant) throws(NetError) -> TLSSession {
        try TLSSession(context(now: now), pauses: true)
    }

    /// A session of a client that wants to speak to `host`, a name or an address in digits.
    package func clientSession(host: String?, now: Instant) throws(NetError) -> TLSSession {
        try TLSSession(context(now: now), host: host)
    }

    private static func stamps(_ policy: TLSPolicy) -> [FileStamp?] {
        policy.files.map { FileStamp(of: $0) }
    }
}
