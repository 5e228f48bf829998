// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTP
internal import Net
internal import Posix

/// One try of a probe or a hook. Reports once.
final class ProbeRun {
    private let kubelet: Kubelet
    private let timeout: Duration
    private var done: ((Bool, String) -> Void)?
    private var timer: TimerID?
    private var dial: Dial?
    private var connection: Connection?
    private var process: ChildProcess?
    private var client = HTTP1Client()
    private var status: Int?
    private var body: [UInt8] = []

    init(_ kubelet: Kubelet, timeout: Duration, done: @escaping (Bool, String) -> Void) {
        self.kubelet = kubelet
        self.timeout = timeout
        self.done = done
        timer = kubelet.reactor.after(timeout) { [weak self] in
            self?.finish(false, "timed out after \(timeout.milliseconds / 1000)s")
        }
    }

    func fail(_ text: String) {
        kubelet.reactor.soon { [weak self] in self?.finish(false, text) }
    }

    func sleep(_ time: Duration) {
        kubelet.reactor.after(time) { [weak self] in self?.finish(true, "") }
    }

    func cancel() {
        done = nil
        finish(false, "")
    }

    private func finish(_ isGood: Bool, _ text: String) {
        if let timer { kubelet.reactor.cancel(timer) }
        timer = nil
        dial?.cancel()
        dial = nil
        connection?.close()
        connection = nil
        if let process {
            process.sendToGroup(.kill)
            // A killed child is quick to end.
            if process.isRunning { _ = try? process.wait() }
        }
        process = nil
        let told = done
        done = nil
        told?(isGood, text)
    }

    // MARK: Kinds

    func tcp(_ host: String, _ port: UInt16) {
        open(host, port) { [weak self] _ in self?.finish(true, "") }
    }

    private func open(_ host: String, _ port: UInt16, _ then: @escaping (Socket) -> Void) {
        dial = kubelet.dialer.dial(host: host, port: port, timeout: timeout) {
            [weak self] result in
            self?.dial = nil
            switch result {
            case .success(let socket): then(socket)
            case .failure(let error): self?.finish(false, "\(error)")
            }
        }
    }

    func http(_ plan: HTTPHandlerPlan, address: String) {
        let host = plan.host ?? address
        open(host, plan.port) { [weak self] socket in
            self?.ask(plan, host, socket)
        }
    }

    private func ask(_ plan: HTTPHandlerPlan, _ host: String, _ socket: Socket) {
        do throws(NetError) {
            var session: TLSSession?
            if plan.isSecure {
                session = try kubelet.probeCertificates.clientSession(
                    host: host, now: kubelet.reactor.now)
            }
            let made = try Connection(on: kubelet.reactor, socket: socket, session: session)
            connection = made
            var headers = [
                HeaderField("user-agent", "kube-probe/1.34"), HeaderField("connection", "close"),
                HeaderField("accept", "*/*"),
            ]
            for line in plan.headers {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { continue }
                headers.append(
                    HeaderField(
                        parts[0].lowercased(), String(parts[1].drop { $0 == " " })))
            }
            client.send(
                HTTPRequest(
                    head: HTTPRequestHead(
                        method: "GET", target: plan.path, authority: "\(host):\(plan.port)",
                        headers: headers)))
            unsafe made.delegate = ConnectionCallbacks(
                received: { [weak self] _, bytes in unsafe self?.received(bytes) },
                inputEnded: { [weak self] _ in self?.ended() },
                closed: { [weak self] _, reason in
                    self?.finish(false, "the connection broke: \(reason)")
                })
            made.write(client.takeOutput())
        } catch {
            finish(false, "\(error)")
        }
    }

    private func received(_ bytes: UnsafeRawBufferPointer) {
        unsafe client.receive(bytes)
        look()
    }

    private func ended() {
        client.transportEnded()
        look()
        finish(false, "EOF")
    }

    private func look() {
        for event in client.takeEvents() {
            switch event {
            case .head(let head): status = head.status
            case .body(let bytes): if body.count < 1024 { body += bytes }
            case .end: judge()
            case .failed(let error): finish(false, "\(error)")
            }
        }
    }

    private func judge() {
        guard let status else { return finish(false, "no answer") }
        let isGood = (200..<400).contains(status)
        finish(isGood, isGood ? "" : "HTTP probe failed with statuscode: \(status)")
    }

    func exec(_ plan: ChildProcess.Plan) {
        do throws(PosixError) {
            process = try ChildProcess(plan)
        } catch {
            fail("\(error)")
        }
    }

    /// Has the command ended?
    func poll() {
        guard let process, let ending = (try? process.poll()) ?? nil else { return }
        switch ending {
        case .exited(let code):
            finish(code == 0, code == 0 ? "" : "command ended with code \(code)")
        case .signalled(let number): finish(false, "command ended by signal \(number)")
        }
    }
}
