// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Net
internal import Posix
internal import SandboxAPI

/// Orders to a running sandbox, over a unix socket in its folder: one line in, one line out, which
/// begins with `ok` or `error`.
final class ControlPort {
    private let sandbox: Sandbox
    private var listener: Listener?

    static func path(_ folder: String) -> String { "\(folder)/control.sock" }

    init(_ sandbox: Sandbox, folder: String) throws(NetError) {
        self.sandbox = sandbox
        listener = try Listener(
            on: sandbox.reactor, addresses: [.unix(path: ControlPort.path(folder))]
        ) { [unowned self] socket in
            self.serve(socket)
        }
    }

    private func serve(_ socket: Socket) {
        guard let connection = try? Connection(on: sandbox.reactor, socket: socket) else { return }
        connection.idleTimeout = .seconds(5)
        var line: [UInt8] = []
        unsafe connection.delegate = ConnectionCallbacks(
            received: { [unowned self] connection, bytes in
                unsafe line.append(contentsOf: bytes)
                guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else {
                    if line.count > 4096 { connection.close() }
                    return
                }
                let words = String(decoding: line[..<end], as: UTF8.self)
                    .split(separator: " ").map(String.init)
                connection.write(Array((self.obey(words) + "\n").utf8))
                connection.closeAfterFlush()
            })
    }

    // MARK: Orders

    private func obey(_ words: [String]) -> String {
        guard words.count == 3, let order = ControlOrder(rawValue: words[0]) else {
            return "error: not an order: \(words.joined(separator: " "))"
        }
        sandbox.touch()
        let namespace = words[2]
        let parts = words[1].split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return "error: not pod/NAME, claim/NAME or node/NAME" }
        let name = parts[1]
        switch (order, parts[0]) {
        case (.kill, "pod"):
            return told(sandbox.kubelet.kill(pod(name, namespace)), "pod \(name) was killed", name)
        case (.pause, "pod"):
            let isDone = sandbox.kubelet.send(.stop, to: pod(name, namespace))
            return told(isDone, "pod \(name) stands still", name)
        case (.resume, "pod"):
            let isDone = sandbox.kubelet.send(.continue, to: pod(name, namespace))
            return told(isDone, "pod \(name) goes on", name)
        case (.wipe, "claim"): return wipe(name, namespace)
        case (.lose, "node"): return setNode(name, isReady: false)
        case (.bringBack, "node"): return setNode(name, isReady: true)
        default: return "error: \(order.rawValue) does not apply to \(words[1])"
        }
    }

    private func pod(_ name: String, _ namespace: String) -> ObjectKey {
        ObjectKey(.pod, namespace: namespace, name: name)
    }

    private func told(_ isDone: Bool, _ text: String, _ name: String) -> String {
        isDone ? "ok: \(text)" : "error: pod \(name) has no processes here"
    }

    /// The pods that use it are killed; what they wrote is gone, the claim stays.
    private func wipe(_ name: String, _ namespace: String) -> String {
        let key = ObjectKey(.persistentVolumeClaim, namespace: namespace, name: name)
        guard let volume = sandbox.api.get(key)?.string("spec", "volumeName") else {
            return "error: no bound claim \(name) in namespace \(namespace)"
        }
        for pod in sandbox.api.list(.pod, namespace: namespace) {
            let isUser = pod.list("spec", "volumes").contains {
                $0["persistentVolumeClaim"]?["claimName"]?.string == name
            }
            if isUser { _ = sandbox.kubelet.kill(pod.key(as: .pod)) }
        }
        let folder = "\(sandbox.kubeletSettings.folder)/volumes/\(volume)"
        do throws(PosixError) {
            for entry in try Directory.list(folder) {
                try Directory.removeTree("\(folder)/\(entry)")
            }
        } catch {
            return "error: \(error)"
        }
        return "ok: claim \(name) is empty"
    }

    private func setNode(_ name: String, isReady: Bool) -> String {
        do throws(StatusError) {
            try ClusterBasics.set(node: name, isReady: isReady, &sandbox.api)
        } catch {
            return "error: \(error.message)"
        }
        if isReady {
            sandbox.kubelet.bringBack(node: name)
            return "ok: node \(name) answers again"
        }
        sandbox.kubelet.lose(node: name)
        return "ok: node \(name) is lost with all its processes"
    }
}

enum ControlOrder: String, CaseIterable {
    case kill, pause, resume, wipe
    case lose = "lose-node"
    case bringBack = "return-node"
}

/// The other end.
enum ControlClient {
    /// The answer, or a sentence about why there is none.
    static func send(_ line: String, folder: String) -> String {
        let path = ControlPort.path(folder)
        guard let reactor = try? Reactor(),
            let (socket, _) = try? Socket.connect(to: .unix(path: path)),
            let connection = try? Connection(on: reactor, socket: socket)
        else { return "error: no sandbox runs in \(folder) (nobody listens at \(path))" }
        var answer: [UInt8] = []
        var isOver = false
        unsafe connection.delegate = ConnectionCallbacks(
            received: { _, bytes in unsafe answer.append(contentsOf: bytes) },
            closed: { _, _ in isOver = true })
        connection.write(Array((line + "\n").utf8))
        let deadline = MonotonicClock.now + .seconds(10)
        while !isOver, MonotonicClock.now < deadline {
            _ = try? reactor.runTurn(timeout: .milliseconds(100))
        }
        let text = String(decoding: answer, as: UTF8.self)
        return text.isEmpty ? "error: the sandbox did not answer" : text
    }
}
