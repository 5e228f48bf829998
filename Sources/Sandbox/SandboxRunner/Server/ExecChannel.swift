// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import HTTP
internal import Kube
internal import Net
internal import Posix
internal import SandboxAPI

/// A command in a pod, over a WebSocket (`v4.channel.k8s.io` and `v5`): the first byte of each
/// message says what follows.
///
///     0 input   1 output   2 errors   3 how it ended, as a Status   4 size of the terminal
///     255 (v5)  the channel in the next byte is closed
final class ExecChannel {
    private let kubelet: Kubelet
    private let connection: Connection
    private let web = WebSocketServer(maxMessageBytes: 1 << 20)
    /// Nil for a command that could not be started.
    private let process: ChildProcess?
    private var refusal = ""
    private var readers: [PipeReader] = []
    private var timer: TimerID?
    private var endedTurns = 0
    private var isOver = false

    init(
        _ wish: ExecRequest, kubelet: Kubelet, connection: Connection
    ) throws(StatusError) {
        guard let pod = kubelet.pod(wish.pod),
            let index = pod.life.containers.firstIndex(where: { $0.plan.name == wish.container }),
            pod.life.containers[index].isRunning
        else {
            throw .badRequest(
                "container \"\(wish.container)\" of pod \"\(wish.pod.name)\" does not run")
        }
        if wish.tty {
            throw .badRequest("the sandbox has no terminals: use exec without -t")
        }
        self.kubelet = kubelet
        self.connection = connection
        // Said on the channel: whoever hears of it before takes us for a server of the old kind.
        do throws(PlanError) {
            process = try ExecChannel.start(wish, pod, index)
        } catch {
            process = nil
            refusal = "error executing command in container: \(error.text)"
        }
    }

    private static func start(
        _ wish: ExecRequest, _ pod: ProcessPod, _ index: Int
    ) throws(PlanError) -> ChildProcess {
        var plan = try pod.childPlan(index, wish.command, [])
        plan.input = wish.stdin ? .pipe : .null
        plan.output = .pipe
        plan.errors = .pipe
        do throws(PosixError) {
            return try ChildProcess(plan)
        } catch {
            throw PlanError("\(error)")
        }
    }

    static func accept(_ key: String) -> String {
        let digest = Digest(.sha1)
        digest.update(Array((key + WebSocketHandshake.salt).utf8))
        return Base64.encode(digest.finish())
    }

    /// Clients throw away what comes before they have made their streams, without a word.
    private static let headStart: Duration = .milliseconds(100)

    func begin(_ early: [UInt8]) {
        timer = kubelet.reactor.after(ExecChannel.headStart) { [unowned self] in self.read() }
        if !early.isEmpty { receive(early) }
    }

    private func read() {
        for (channel, pipe) in [(UInt8(1), process?.output), (2, process?.errors)] {
            guard let pipe else { continue }
            let reader = PipeReader(kubelet.reactor, pipe) { [unowned self] bytes in
                self.send(channel, bytes)
            }
            if let reader { readers.append(reader) }
        }
        timer = kubelet.reactor.every(.milliseconds(10)) { [unowned self] in self.poll() }
    }

    func receive(_ bytes: [UInt8]) {
        for event in web.receive(bytes) {
            switch event {
            case .message(let message): take(message)
            case .closed: cancel()
            }
        }
        flush()
        if web.isOver { connection.closeAfterFlush() }
    }

    private func take(_ message: [UInt8]) {
        guard let channel = message.first else { return }
        switch channel {
        case 0: write(Array(message.dropFirst()))
        case 255 where message.count > 1 && message[1] == 0: process?.input?.close()
        default: break
        }
    }

    /// The pipe blocks; a command that does not read is waited for by its client alone.
    private func write(_ bytes: [UInt8]) {
        guard let input = process?.input else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let count = (try? input.write([Array(rest)])) ?? nil, count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private func send(_ channel: UInt8, _ bytes: [UInt8]) {
        web.send(binary: [channel] + bytes)
        flush()
    }

    private func flush() {
        let bytes = web.takeOutput()
        if !bytes.isEmpty { connection.write(bytes) }
    }

    private func poll() {
        if isOver { return }
        guard let process else { return finish(ExecChannel.refusal(refusal)) }
        guard let ending = (try? process.poll()) ?? nil else { return }
        endedTurns += 1
        // Its children may hold the pipes open: they are not waited for long.
        if readers.contains(where: { !$0.isOver }), endedTurns < 20 { return }
        let code: Int32 =
            switch ending {
            case .exited(let code): code
            case .signalled(let number): 128 + number
            }
        finish(ExecChannel.status(code))
    }

    private func finish(_ status: JSONValue) {
        send(3, JSON.bytes(status))
        web.close(WebSocketServer.CloseCode.normal)
        flush()
        stop()
        connection.closeAfterFlush()
    }

    private static func refusal(_ text: String) -> JSONValue {
        .object([
            ("metadata", [:]), ("status", "Failure"), ("message", .string(text)),
            ("reason", "InternalError"), ("code", 500),
        ])
    }

    private static func status(_ code: Int32) -> JSONValue {
        if code == 0 { return .object([("metadata", [:]), ("status", "Success")]) }
        let text = "command terminated with non-zero exit code: exit status \(code)"
        let cause: JSONValue = .object([
            ("reason", "ExitCode"), ("message", .string("\(code)")),
        ])
        return .object([
            ("metadata", [:]), ("status", "Failure"), ("message", .string(text)),
            ("reason", "NonZeroExitCode"), ("details", .object([("causes", .array([cause]))])),
        ])
    }

    func cancel() {
        if let process, process.isRunning {
            process.sendToGroup(.kill)
            _ = try? process.wait()
        }
        stop()
    }

    private func stop() {
        isOver = true
        if let timer { kubelet.reactor.cancel(timer) }
        timer = nil
        readers.forEach { $0.close() }
        readers = []
    }
}

/// Reads a pipe as it fills.
final class PipeReader: ReadinessSink {
    private let reactor: Reactor
    private let pipe: Socket
    private let received: ([UInt8]) -> Void
    private var token: WatchToken?
    private var buffer = [UInt8](repeating: 0, count: 32 * 1024)

    var isOver: Bool { token == nil }

    init?(_ reactor: Reactor, _ pipe: Socket, _ received: @escaping ([UInt8]) -> Void) {
        self.reactor = reactor
        self.pipe = pipe
        self.received = received
        guard let token = try? reactor.watch(pipe.descriptor, .read, self) else { return nil }
        self.token = token
    }

    func ready(_ readiness: Poller.Readiness) {
        let count = unsafe buffer.withUnsafeMutableBytes { buffer -> Int? in
            do throws(PosixError) {
                return unsafe try pipe.read(into: buffer)
            } catch {
                return 0
            }
        }
        guard let count else { return }
        if count == 0 { return close() }
        received(Array(buffer[..<count]))
    }

    func reactorEnded() {
        token = nil
    }

    func close() {
        if let token { reactor.unwatch(token) }
        token = nil
        pipe.close()
    }
}
