// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Net
internal import Posix

enum CheckDatascaleCommand {
    static let row = Command(
        "check datascale", usage: "check datascale [options]",
        "Check the memory usage of holding data for different workloads on a given server "
            + "endpoint.",
        description: [
            "If no endpoint is provided, localhost will be used. If multiple endpoints are "
                + "provided, first endpoint will be used."
        ],
        examples: ["check datascale", "check datascale --load m --auto-compact"],
        flags: CheckFlags.table(of: "datascale", prefix: "/etcdctl-check-datascale/"), run: run)

    /// Bytes, of the key and of the value.
    private static let halfSize = 512

    private static func run(_ call: Invocation) throws(CtlError) {
        let model = try CheckFlags.model(
            call,
            [
                "s": (keys: 10_000, clients: 50), "m": (keys: 100_000, clients: 200),
                "l": (keys: 1_000_000, clients: 500), "xl": (keys: 3_000_000, clients: 1000),
            ])
        let client = try call.client(timeout: false)
        let keys = try CheckKeys(call, client, isQuoted: false)
        let endpoint = call.globals.endpoints.first ?? ""
        let before = try memory(endpoint, "before", call)
        call.console.write(
            "Start data scale check for work load [\(model.keys) key-value pairs, "
                + "\(2 * halfSize) bytes per key-value, \(model.clients) concurrent clients].\n")
        let plan = LoadPlan(
            clientCount: model.clients, rate: nil, callCount: model.keys, duration: nil,
            prefix: keys.prefix, keySize: halfSize, valueSize: halfSize)
        let report = try keys.load(plan)
        let after = try memory(endpoint, "after", call)
        try keys.removeAll()
        guard CheckKeys.tellFailures(report, call.console) else { throw .told(.error) }
        let used = Decimals.text((after - before) / 1024 / 1024, 2)
        call.console.write("PASS: Approximate system memory used : \(used) MB.\n")
    }

    /// What the server says it has of the machine's memory, in bytes.
    private static func memory(
        _ endpoint: String, _ time: String, _ call: Invocation
    ) throws(CtlError) -> Double {
        guard let bytes = ServerMetric.read("process_resident_memory_bytes", of: endpoint, call)
        else {
            call.console.write(
                "FAIL: Could not read process_resident_memory_bytes \(time) the put operations.\n")
            throw .told(.error)
        }
        return bytes
    }
}

/// Numbers that a server tells at /metrics.
enum ServerMetric {
    /// Nil if it cannot be had.
    static func read(_ name: String, of endpoint: String, _ call: Invocation) -> Double? {
        var text = Substring(endpoint)
        if text.hasPrefix("http://") { text = text.dropFirst("http://".count) }
        guard let host = HostPort(String(text)) else { return nil }
        var request = WebRequest(
            "GET", host: host.host, port: host.port, target: "/metrics",
            dialTimeout: call.globals.dialTimeout)
        request.deadline = MonotonicClock.now + call.globals.commandTimeout
        guard let client = try? WebClient(), let answer = try? client.exchange(request),
            answer.status == 200
        else { return nil }
        return value(of: name, in: String(decoding: answer.body, as: UTF8.self))
    }

    static func value(of name: String, in text: String) -> Double? {
        for line in text.split(separator: "\n") where line.hasPrefix(name + " ") {
            return Double(line.dropFirst(name.utf8.count + 1))
        }
        return nil
    }
}
