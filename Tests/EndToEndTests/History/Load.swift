// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix

/// Clients that do one thing after the other on a few keys and note all they are told.
struct Load: Sendable {
    var endpoints: [String]
    var recorder: Recorder
    var keyCount = 20
    var timeout = Duration.milliseconds(250)
    /// Between two operations.
    var breath = Duration.milliseconds(3)
    /// Of the values, in addition to the few bytes that make them unique.
    var padding = 0..<40
    var seed: UInt64 = 1
    /// Keeps the values of two loads apart.
    var label = ""

    /// Client `n` begins with endpoint `n`, and goes on to the next when one fails it.
    func start(_ count: Int, _ crew: Crew<Int>) throws {
        for number in 0..<count {
            try crew.start("client \(number)") { crew in
                var one = LoadClient(self, number: number)
                while !crew.isStopping {
                    one.step()
                    crew.rest(breath)
                }
                return one.count
            }
        }
    }
}

/// One of them.
private struct LoadClient {
    let load: Load
    let number: Int
    private(set) var count = 0
    private var random: Random
    private var endpoint: Int
    private var client: Client?
    /// The last known change of each key.
    private var seen: [String: Int64] = [:]

    init(_ load: Load, number: Int) {
        self.load = load
        self.number = number
        random = Random(seed: load.seed &* 1_000 &+ UInt64(number))
        endpoint = number % load.endpoints.count
    }

    mutating func step() {
        count += 1
        let key = "key-\(random.below(load.keyCount))"
        let padding = load.padding.lowerBound + random.below(max(1, load.padding.count))
        let value = "\(load.label)\(number).\(count)." + String(repeating: "x", count: padding)
        let kind: Operation.Kind =
            switch random.below(10) {
            case 0..<3: .get
            case 3..<7: .put
            default: .compareAndPut(modRevision: seen[key] ?? 0)
            }
        let start = MonotonicClock.now
        var operation = Operation(
            kind: kind, key: key, value: value, start: start, end: start, outcome: .unknown)
        do throws(ClientError) {
            operation.outcome = try perform(operation)
        } catch {
            client = nil
            endpoint = (endpoint + 1) % load.endpoints.count
            load.recorder.failed(error.kindText)
        }
        operation.end = MonotonicClock.now
        switch operation.outcome {
        case .wrote(let revision): seen[key] = revision
        case .read(_, let found): seen[key] = found?.modRevision ?? 0
        case .unknown: break
        }
        load.recorder.add(operation)
    }

    private mutating func connected() throws(ClientError) -> Client {
        if let client { return client }
        var settings = ClientSettings(endpoints: [load.endpoints[endpoint]])
        settings.callTimeout = load.timeout
        settings.dialTimeout = load.timeout
        let made = try Client(settings)
        client = made
        return made
    }

    private mutating func perform(
        _ operation: Operation
    ) throws(ClientError) -> Operation.Outcome {
        let client = try connected()
        let key = bytes(operation.key)
        let put = PutRequest(key: key, value: bytes(operation.value))
        switch operation.kind {
        case .get: return read(try client.range(RangeRequest(key: key)))
        case .put: return .wrote(revision: try client.put(put).header?.revision ?? 0)
        case .compareAndPut(let modRevision):
            let compare = Compare(
                result: .equal, target: .mod, key: key, targetUnion: .modRevision(modRevision))
            let answer = try client.txn(
                TxnRequest(
                    compare: [compare], success: [.put(put)],
                    failure: [.range(RangeRequest(key: key))]))
            let revision = answer.header?.revision ?? 0
            if answer.succeeded { return .wrote(revision: revision) }
            guard case .range(var range)? = answer.responses.first else {
                return .read(revision: revision, found: nil)
            }
            range.header = answer.header
            return read(range)
        }
    }

    private func read(_ answer: RangeResponse) -> Operation.Outcome {
        .read(
            revision: answer.header?.revision ?? 0,
            found: answer.kvs.first.map { kv in
                Operation.Found(modRevision: kv.modRevision, value: text(kv.value))
            })
    }
}

extension ClientError {
    /// Without what differs from case to case.
    var kindText: String {
        switch self {
        case .badEndpoint: "bad endpoint"
        case .unreachable: "unreachable"
        case .timedOut: "timed out"
        case .connectionLost: "connection lost"
        case .notEtcd: "not etcd"
        case .status(let code, let message, _): "\(Self.codeName(code)): \(message)"
        case .malformedAnswer(_, let reason): "malformed answer: \(reason)"
        case .stopped: "stopped"
        }
    }
}
