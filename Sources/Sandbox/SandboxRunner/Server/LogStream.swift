// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import Posix
internal import SandboxAPI

/// What a container has printed, and what it goes on to print.
final class LogStream {
    /// What is there at the start, as much of it as was asked for.
    private(set) var first: [UInt8] = []
    private let kubelet: Kubelet
    private unowned let connection: APIConnection
    private let pod: ProcessPod
    private let index: Int
    private var path: String
    private var run: Int
    private var offset: Int64 = 0

    private static let limit = 64 << 20
    private static let pollLimit = 1 << 20

    init(
        _ wish: LogRequest, kubelet: Kubelet, connection: APIConnection
    ) throws(StatusError) {
        guard let pod = kubelet.pod(wish.pod) else {
            throw .badRequest("the pod \"\(wish.pod.name)\" has no process and no log here")
        }
        if wish.timestamps || wish.sinceSeconds != nil {
            throw .badRequest("logs have no times here: --timestamps and --since are not done")
        }
        guard
            let index = pod.life.containers.firstIndex(where: { $0.plan.name == wish.container })
        else {
            throw .badRequest(
                "container \(wish.container) is not valid for pod \(wish.pod.name)")
        }
        self.kubelet = kubelet
        self.connection = connection
        self.pod = pod
        self.index = index
        run = pod.life.containers[index].restartCount
        // While a restart is waited for, the last run is the newest there is.
        if wish.previous || !Directory.exists(pod.logPath(index, run: run)) { run -= 1 }
        path = pod.logPath(index, run: run)
        guard run >= 0, Directory.exists(path) else {
            throw .badRequest(
                wish.previous
                    ? "previous terminated container \"\(wish.container)\" in pod "
                        + "\"\(wish.pod.name)\" not found"
                    : "container \"\(wish.container)\" in pod \"\(wish.pod.name)\" is waiting to "
                        + "start: \(LogStream.reason(pod, index))")
        }
        var bytes = (try? File(path, .read).readAll(limit: LogStream.limit)) ?? []
        offset = Int64(bytes.count)
        if let lines = wish.tailLines { bytes = LogStream.tail(bytes, lines) }
        if let limit = wish.limitBytes { bytes = Array(bytes.prefix(max(0, limit))) }
        first = bytes
    }

    private static func reason(_ pod: ProcessPod, _ index: Int) -> String {
        if case .waiting(let reason, _) = pod.life.containers[index].state { return reason }
        return "ContainerCreating"
    }

    /// The last lines; a last line without an end counts.
    static func tail(_ bytes: [UInt8], _ lines: Int) -> [UInt8] {
        if lines <= 0 { return [] }
        var left = lines
        var at = bytes.count
        if bytes.last == UInt8(ascii: "\n") { at -= 1 }
        while at > 0 {
            if bytes[at - 1] == UInt8(ascii: "\n") {
                left -= 1
                if left == 0 { break }
            }
            at -= 1
        }
        return Array(bytes[at...])
    }

    func poll() {
        if let file = try? File(path, .read),
            let bytes = try? file.read(at: offset, count: LogStream.pollLimit), !bytes.isEmpty
        {
            offset += Int64(bytes.count)
            connection.deliver(log: bytes)
            return
        }
        let container = pod.life.containers[index]
        let isCurrent = kubelet.pod(pod.key) === pod
        if !isCurrent || !container.isRunning || container.restartCount != run {
            connection.endLog()
        }
    }
}
