// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum ElectCommand {
    /// Seconds, as etcdctl has it.
    private static let ttl: Int64 = 60

    static let row = Command(
        "elect", usage: "elect <election-name> [proposal]",
        "Observes and participates in leader election",
        examples: ["elect controller $HOSTNAME", "elect controller --listen"],
        flags: [CtlFlag("listen", short: "l", .bool, "false", "observation mode")], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard (1...2).contains(call.arguments.count) else {
            throw .badArguments(
                "elect takes one election name argument and an optional proposal argument")
        }
        let isListening = call.flags.bool("listen")
        if call.arguments.count == 1, !isListening {
            throw .badArguments("no proposal argument but -l not set")
        }
        if isListening {
            try Observer(call, call.arguments[0]).run()
        } else {
            try campaign(call, call.arguments[0], Array(call.arguments[1].utf8))
        }
    }

    private static func campaign(
        _ call: Invocation, _ name: String, _ proposal: [UInt8]
    ) throws(CtlError) {
        let interrupt = try Interrupt()
        let settings = try call.settings()
        let client = try call.client(settings)
        let session = try calling { () throws(ClientError) in
            try Session(client, settings, ttl: ttl)
        }
        defer { session.end(client) }
        var place = try calling { () throws(ClientError) in
            try WaitingLine(name, value: proposal, session, client)
        }
        let stop = try calling { () throws(ClientError) in
            try place.wait(client, session, interrupt)
        }
        switch stop {
        case .interrupted:
            try? place.leave(client)
            throw .failed(.error, "context canceled")
        case .sessionOver: throw .failed(.error, "elect: session expired")
        case nil: break
        }
        let own = try calling { () throws(ClientError) in
            try client.range(RangeRequest(key: place.key))
        }
        try call.show(.get(own, valuesOnly: false))
        while !interrupt.isWanted {
            if session.isOver { throw .failed(.error, "elect: session expired") }
            try calling { () throws(ClientError) in try client.idle(for: WaitingLine.turn) }
        }
        try calling { () throws(ClientError) in try place.leave(client) }
    }
}

/// Tells who leads, now and from now on.
private struct Observer {
    private let call: Invocation
    private let client: Client
    private let prefix: [UInt8]
    private let interrupt: Interrupt

    init(_ call: Invocation, _ name: String) throws(CtlError) {
        self.call = call
        prefix = Array((name + "/").utf8)
        interrupt = try Interrupt()
        client = try call.client()
    }

    func run() throws(CtlError) {
        while !interrupt.isWanted {
            let first = try calling { () throws(ClientError) in
                try client.range(WaitingLine.first(below: prefix))
            }
            let revision = first.header?.revision ?? 0
            if let leader = first.kvs.first {
                try call.show(.get(Self.answer(leader, first.header), valuesOnly: false))
                try follow(leader.key, from: revision + 1)
            } else {
                try waitForCandidate(from: revision)
            }
        }
    }

    private static func answer(_ leader: KeyValue, _ header: ResponseHeader?) -> RangeResponse {
        .with { response in
            response.header = header
            response.kvs = [leader]
        }
    }

    /// Until the leader's key is gone.
    private func follow(_ key: [UInt8], from revision: Int64) throws(CtlError) {
        try watch(.with { ($0.key, $0.startRevision) = (key, revision) }) {
            response throws(CtlError) in
            for event in response.events {
                if event.type == .delete { return false }
                let leader = event.kv ?? KeyValue()
                try call.show(.get(Self.answer(leader, response.header), valuesOnly: false))
            }
            return true
        }
    }

    private func waitForCandidate(from revision: Int64) throws(CtlError) {
        let end = RangeEnd.prefix(prefix)
        try watch(
            .with { request in
                (request.key, request.rangeEnd) = (prefix, end)
                request.startRevision = revision
            }
        ) { response throws(CtlError) in
            !response.events.contains { $0.type == .put }
        }
    }

    private func watch(
        _ request: WatchCreateRequest, _ goesOn: (WatchResponse) throws(CtlError) -> Bool
    ) throws(CtlError) {
        let stream = WatchStream(client)
        stream.add(request)
        defer { stream.close() }
        while !interrupt.isWanted {
            let item = try calling { () throws(ClientError) in
                try stream.next(timeout: WaitingLine.turn)
            }
            guard let item else { continue }
            if item.response.canceled { return }
            if !(try goesOn(item.response)) { return }
        }
    }
}
