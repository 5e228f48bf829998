// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// One call at a time, for what is not load.
internal final class Caller: LinkHandler {
    private let stage: Stage
    private let keepsAnswer: Bool
    private var status: Int32?
    internal private(set) var byteCount = 0
    internal private(set) var answer: [UInt8] = []

    internal init(_ stage: Stage, keepsAnswer: Bool = true) {
        self.stage = stage
        self.keepsAnswer = keepsAnswer
    }

    /// Waits for the answer and returns its status, -1 if none came in time.
    internal func call(
        _ link: Link, _ method: Method, _ request: ByteWriter, seconds: Double
    ) throws(BenchError) -> Int32 {
        status = nil
        byteCount = 0
        answer = []
        link.request(method, Body(request).bytes, slot: 0)
        link.flush()
        _ = try stage.run(within: seconds) { [self] in status != nil || link.isClosed }
        return status ?? -1
    }

    internal func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer) {
        byteCount += data.count
        if keepsAnswer { unsafe answer.append(contentsOf: data) }
    }

    internal func finished(_ link: Link, _ slot: Int32, _ status: Int32) {
        self.status = status
    }

    internal func mayGoOn(_ link: Link, _ slot: Int32) {}
}

/// Questions about the state of the members.
internal struct Probe {
    private static let patience: Duration = .seconds(60)

    private let stage: Stage

    internal init(_ stage: Stage) {
        self.stage = stage
    }

    /// The endpoint of the member that leads; waits for an election.
    internal func leader() throws(BenchError) -> String {
        let deadline = MonotonicClock.now + Probe.patience
        while MonotonicClock.now < deadline {
            for endpoint in stage.options.endpoints where leads(endpoint) { return "\(endpoint)" }
            try stage.run(seconds: 0.05)
        }
        throw .failed("nobody leads")
    }

    private func leads(_ endpoint: SocketAddress) -> Bool {
        let caller = Caller(stage)
        guard let link = try? stage.open(1, to: [endpoint], caller).first,
            let status = try? caller.call(link, .status, ByteWriter(), seconds: 2)
        else { return false }
        link.close()
        if status != 0 || caller.answer.count < 5 { return false }
        // StatusResponse: header.member_id, leader.
        return unsafe caller.answer.dropFirst(5).withUnsafeBytes { message in
            var member: UInt64 = 0
            var fields = unsafe Fields(message)
            while fields.next() {
                if fields.field == 1 { member = unsafe Fields.number(2, in: fields.body) }
                if fields.field == 4 { return fields.value == member && member != 0 }
            }
            return false
        }
    }

    /// Waits for a linearizable read to be answered.
    internal func firstRead() throws(BenchError) -> Report {
        let options = stage.options
        let since = options.since == 0 ? WallClock.nanoseconds : options.since
        let deadline = MonotonicClock.now + Probe.patience
        var attempts = 0
        while MonotonicClock.now < deadline {
            attempts += 1
            let caller = Caller(stage, keepsAnswer: false)
            let request = Requests.get(Requests.key(Listing.prefix))
            if let link = try? stage.open(1, caller).first {
                let status = try caller.call(link, .range, request, seconds: 1)
                let passed = Double(WallClock.nanoseconds - since) / 1e6
                link.close()
                if status == 0 {
                    var report = Report(options)
                    report.add("milliseconds", passed)
                    report.add("attempts", Double(attempts))
                    report.add("answerBytes", Double(caller.byteCount))
                    report.addMemory(of: options.processes)
                    return report
                }
            }
            try stage.run(seconds: 0.002)
        }
        throw .failed("no read was answered in \(Probe.patience)")
    }
}
