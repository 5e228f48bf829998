// SPDX-License-Identifier: Apache-2.0
internal import Net
internal import Posix

/// What systemd is told, by the datagrams of sd_notify(3): that the member is ready, that it stops,
/// what it waits for, and that its loop still turns. Without NOTIFY_SOCKET nobody is told.
final class ServiceNotices {
    private let socket: NotifySocket?
    /// Twice in the time after which we would count as hung; nil when nobody watches.
    private let pause: Duration?
    private var told = ""

    init(
        path: String? = NodeEnvironment.value("NOTIFY_SOCKET"),
        watchdog: String? = NodeEnvironment.value("WATCHDOG_USEC"),
        watched: String? = NodeEnvironment.value("WATCHDOG_PID")
    ) {
        socket = path.flatMap { try? NotifySocket(path: $0) }
        pause = ServiceNotices.pause(watchdog, watched, own: ThisProcess.id)
    }

    /// Half the time, as systemd recommends.
    static func pause(_ watchdog: String?, _ watched: String?, own: Int32) -> Duration? {
        if let watched, Int32(watched) != own { return nil }
        guard let watchdog, let time = Int64(watchdog), time > 0 else { return nil }
        return .microseconds(max(1_000, time / 2))
    }

    func begin(on reactor: Reactor) {
        guard socket != nil, let pause else { return }
        send("WATCHDOG=1")
        _ = reactor.every(pause) { [unowned self] in self.send("WATCHDOG=1") }
    }

    func ready() {
        told = ""
        send("READY=1\nSTATUS=serving client requests")
    }

    func stopping() { send("STOPPING=1") }

    /// A start that takes long is no start that hangs.
    func tell(_ status: String) {
        if status != told { send("STATUS=\(status)") }
        told = status
        send("EXTEND_TIMEOUT_USEC=60000000")
    }

    /// A datagram that cannot be sent is lost.
    private func send(_ text: String) { try? socket?.send(Array(text.utf8)) }
}
