// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Posix

enum MakeMirrorCommand {
    static let row = Command(
        "make-mirror", usage: "make-mirror [options] <destination>",
        "Makes a mirror at the destination etcd cluster",
        examples: [
            "make-mirror 10.0.0.2:2379", "make-mirror --prefix /app/ 10.0.0.2:2379",
            "make-mirror --prefix /app/ --dest-prefix /copy/ 10.0.0.2:2379",
        ],
        flags: [
            CtlFlag(
                "dest-cacert", .text, "",
                "Verify certificates of TLS enabled secure servers using this CA bundle"),
            CtlFlag(
                "dest-cert", .text, "",
                "Identify secure client using this TLS certificate file for the destination "
                    + "cluster"),
            CtlFlag(
                "dest-insecure-transport", .bool, "true",
                "Disable transport security for client connections"),
            CtlFlag(
                "dest-key", .text, "", "Identify secure client using this TLS key file"),
            CtlFlag(
                "dest-password", .text, "",
                "Destination password for authentication (if this option is used, --user option "
                    + "shouldn't include password)"),
            CtlFlag(
                "dest-prefix", .text, "",
                "destination prefix to mirror a prefix to a different prefix in the destination "
                    + "cluster"),
            CtlFlag(
                "dest-user", .text, "",
                "Destination username[:password] for authentication (prompt if password is not "
                    + "supplied)"),
            CtlFlag(
                "max-txn-ops", .int64, "128",
                "Maximum number of operations permitted in a transaction during syncing updates.",
                isNewer: true),
            CtlFlag(
                "no-dest-prefix", .bool, "false",
                "mirror key-values to the root of the destination cluster"),
            CtlFlag("prefix", .text, "", "Key-value prefix to mirror"),
            CtlFlag(
                "rev", .int64, "0", "Specify the kv revision to start to mirror", isNewer: true),
        ], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("make-mirror takes one destination argument")
        }
        let flags = call.flags
        var tls = ClientTLS()
        tls.authorityFile = flags.text("dest-cacert")
        tls.certificateFile = flags.text("dest-cert")
        tls.keyFile = flags.text("dest-key")
        var settings = try call.settings(endpoints: [call.arguments[0]])
        settings.login = nil
        let isPlain = tls == ClientTLS() && flags.bool("dest-insecure-transport")
        settings.tls = isPlain ? nil : tls
        if !isPlain, let problem = tls.problem { throw .badArguments(problem) }
        if !flags.text("dest-user").isEmpty {
            let login = Login.of(
                flags.text("dest-user"), flags.text("dest-password"), call.console)
            settings.login = login.isComplete ? login : nil
        }
        let prefix = flags.text("prefix")
        if flags.bool("no-dest-prefix"), !flags.text("dest-prefix").isEmpty {
            throw .badArguments(
                "`--dest-prefix` and `--no-dest-prefix` cannot be set at the same time, "
                    + "choose one")
        }
        var target = flags.text("dest-prefix")
        if target.isEmpty, !flags.bool("no-dest-prefix") { target = prefix }
        let mirror = Mirror(
            source: try call.client(), destination: try call.client(settings), call,
            prefix: Array(prefix.utf8), target: Array(target.utf8),
            operationMax: Int(max(1, min(flags.int64("max-txn-ops"), 1 << 20))))
        try calling { () throws(ClientError) in try mirror.run(from: max(0, flags.int64("rev"))) }
        throw .failed(.error, "the source ended the watch")
    }
}

/// Copies keys from one cluster to another, and then every change.
private final class Mirror {
    /// Keys asked for at a time.
    private static let pageSize: Int64 = 1000
    /// A transaction of more is not sent: the largest request is 1.5 MiB by default.
    private static let byteMax = 1 << 20
    /// How often the count is told.
    private static let reportEvery: Duration = .seconds(30)

    private let source: Client
    private let destination: Client
    private let invocation: Invocation
    private let prefix: [UInt8]
    private let target: [UInt8]
    private let operationMax: Int
    private var pending: [RequestOp] = []
    private var pendingBytes = 0
    private var count = 0
    private var reportAt = MonotonicClock.now + Mirror.reportEvery

    init(
        source: Client, destination: Client, _ invocation: Invocation, prefix: [UInt8],
        target: [UInt8], operationMax: Int
    ) {
        self.source = source
        self.destination = destination
        self.invocation = invocation
        self.prefix = prefix
        self.target = target
        self.operationMax = operationMax
    }

    /// With a revision only what changed from it on; else all keys first. Returns when the source
    /// ends the watch.
    func run(from start: Int64) throws(ClientError) {
        let revision = start > 0 ? start - 1 : try copyAll()
        let stream = WatchStream(source)
        stream.add(
            .with { request in
                (request.key, request.rangeEnd) = range(from: prefix)
                request.startRevision = revision + 1
            })
        defer { stream.close() }
        while stream.watcherCount > 0 {
            report()
            guard let item = try stream.next(timeout: .seconds(1)) else { continue }
            if item.response.compactRevision != 0 {
                throw .status(
                    code: 11, message: EtcdError.compacted.text, endpoint: source.endpointInUse)
            }
            try apply(item.response.events)
        }
    }

    private func range(from key: [UInt8]) -> ([UInt8], [UInt8]) {
        prefix.isEmpty
            ? (key.isEmpty ? [0] : key, RangeEnd.fromKey) : (key, RangeEnd.prefix(prefix))
    }

    /// All pages as of one revision, which is returned.
    private func copyAll() throws(ClientError) -> Int64 {
        var request = RangeRequest()
        (request.key, request.rangeEnd) = range(from: prefix)
        request.limit = Self.pageSize
        var progress: Progress?
        defer { progress?.finish(Int64(count)) }
        while true {
            let page = try source.range(request)
            if request.revision == 0 { request.revision = page.header?.revision ?? 0 }
            // The first page tells how many keys there are.
            if progress == nil {
                progress = Progress("copying", total: page.count, unit: .things("keys"), invocation)
            }
            for record in page.kvs { try add(put(record)) }
            try flush()
            progress?.update(Int64(count))
            report()
            guard page.more, let last = page.kvs.last else { return request.revision }
            request.key = last.key + [0]
        }
    }

    /// A transaction holds changes of one revision only: a key may change again in the next.
    private func apply(_ events: [WatchEvent]) throws(ClientError) {
        var revision: Int64 = 0
        for event in events {
            let record = event.kv ?? KeyValue()
            if revision != 0, record.modRevision > revision { try flush() }
            revision = record.modRevision
            try add(
                event.type == .delete
                    ? .deleteRange(DeleteRangeRequest(key: moved(record.key))) : put(record))
        }
        try flush()
    }

    private func put(_ record: KeyValue) -> RequestOp {
        .put(
            .with { request in
                request.key = moved(record.key)
                request.value = record.value
            })
    }

    private func moved(_ key: [UInt8]) -> [UInt8] {
        key.starts(with: prefix) ? target + key[prefix.count...] : key
    }

    private func add(_ operation: RequestOp) throws(ClientError) {
        let size =
            switch operation {
            case .put(let request): request.key.count + request.value.count
            default: 64
            }
        if pending.count >= operationMax || pendingBytes + size > Self.byteMax { try flush() }
        pending.append(operation)
        pendingBytes += size
    }

    private func flush() throws(ClientError) {
        if pending.isEmpty { return }
        var request = TxnRequest()
        request.success = pending
        _ = try destination.txn(request)
        count += pending.count
        pending = []
        pendingBytes = 0
    }

    private func report() {
        if MonotonicClock.now < reportAt { return }
        reportAt = MonotonicClock.now + Self.reportEvery
        invocation.console.write("\(count)\n")
    }
}
