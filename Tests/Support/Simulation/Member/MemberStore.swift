// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Raft
internal import Replicated
internal import SimulatedDisk
internal import Storage

/// Why the store's files could not be written or read.
enum StoreProblem: Error, CustomStringConvertible {
    case storage(StorageError)
    case load(path: String, LoadFailure)

    var description: String {
        switch self {
        case .storage(let error): "\(error)"
        case .load(let path, let failure): "\(path): \(failure)"
        }
    }

    /// A call of the disk failed, as it was planned to.
    var isOfDisk: Bool {
        switch self {
        case .storage(.disk), .storage(.poisoned): true
        default: false
        }
    }

    var asStorage: StorageError {
        switch self {
        case .storage(let error): error
        case .load(let path, let failure):
            .damaged(path: path, offset: 0, reason: "\(failure)")
        }
    }
}

/// The folder member/snap of a simulated machine, used as the server uses the real one.
struct MemberStore {
    let disk: any Disk
    let settings: LedgerSettings
    let plant: Plant?

    static let directory = "/data/member/snap"

    private var checkpoints: Checkpoints { Checkpoints(on: disk, directory: Self.directory) }

    // MARK: Write

    func saveCheckpoint(_ view: LedgerView) throws(StoreProblem) {
        let checkpoints = checkpoints
        try stored { () throws(StorageError) in
            _ = try checkpoints.publish(transaction: max(1, view.appliedIndex.number)) {
                writer throws(StorageError) in
                try MemberStore.write(view, to: &writer)
            }
            try checkpoints.removeReceived(through: view.appliedIndex)
        }
    }

    /// The store as the bytes of a `.db` file.
    static func bytes(of view: LedgerView) -> [UInt8] {
        let scratch = SimulatedDisk(seed: 1)
        do {
            let file = try scratch.open("/db", .create)
            var writer = BoltWriter(file: file)
            try write(view, to: &writer)
            let size = try writer.finish(transaction: max(1, view.appliedIndex.number))
            return try file.read(at: 0, count: Int(size))
        } catch {
            invariant(false, "a view cannot be written: \(error)")
            return []
        }
    }

    private static func write(
        _ view: LedgerView, to writer: inout BoltWriter
    ) throws(StorageError) {
        for bucket in LedgerView.bucketNames {
            try writer.beginBucket(bucket)
            try unsafe view.forEachRow(in: bucket) { key, value throws(StorageError) in
                unsafe try writer.put(key: key, value: value)
            }
            try writer.endBucket()
        }
    }

    func receive(_ index: LogIndex, _ bytes: [UInt8]) throws(StoreProblem) {
        let checkpoints = checkpoints
        try stored { () throws(StorageError) in
            var incoming = try checkpoints.receive(index)
            do throws(StorageError) {
                var start = 0
                while start < bytes.count {
                    let end = min(start + 16_384, bytes.count)
                    try incoming.append(Array(bytes[start..<end]))
                    start = end
                }
            } catch {
                checkpoints.abandon(incoming)
                throw error
            }
            try checkpoints.finish(incoming)
        }
    }

    // MARK: Read

    func loadReceived(at index: LogIndex) throws(StoreProblem) -> Ledger {
        let checkpoints = checkpoints
        let path = checkpoints.receivedPath(index)
        guard let found = try stored({ () throws(StorageError) in try checkpoints.open(path) })
        else { throw .storage(.missing(path: path)) }
        let ledger = try load(found)
        try stored { () throws(StorageError) in
            try checkpoints.adopt(index)
            try checkpoints.removeReceived(through: index)
        }
        return ledger
    }

    /// The newest state that the folder holds: the checkpoint in use, or a received one that the
    /// log stands on.
    func loadNewest(mark: LogIndex) throws(StoreProblem) -> Ledger? {
        let checkpoints = checkpoints
        try stored { () throws(StorageError) in try checkpoints.tidy() }
        if let current = try stored({ () throws(StorageError) in try checkpoints.newest() }) {
            let ledger = try load(current, isStale: plant == .staleIndex)
            if ledger.appliedIndex >= mark { return ledger }
        }
        let received = try stored { () throws(StorageError) in try checkpoints.received() }
        if let index = received.last(where: { $0 == mark }) { return try loadReceived(at: index) }
        if mark > .zero { throw .storage(.missing(path: checkpoints.receivedPath(mark))) }
        return nil
    }

    private func load(
        _ found: OpenCheckpoint, isStale: Bool = false
    ) throws(StoreProblem) -> Ledger {
        defer { found.close() }
        var loader = LedgerLoader(settings: settings)
        var refusal: LoadFailure?
        do throws(StorageError) {
            for name in found.reader.bucketNames {
                let bucket = String(decoding: name, as: UTF8.self)
                unsafe try found.reader.forEach(in: name) { key, value throws(StorageError) in
                    do throws(LoadFailure) {
                        if isStale, bucket == "meta" {
                            try unsafe giveStale(&loader, bucket, key, value)
                        } else {
                            unsafe try loader.row(bucket: bucket, key: key, value: value)
                        }
                    } catch {
                        refusal = error
                        throw StorageError.refused("\(error)")
                    }
                }
            }
        } catch {
            if let refusal { throw .load(path: found.path, refusal) }
            throw .storage(error)
        }
        do throws(LoadFailure) {
            return try loader.finish()
        } catch {
            throw .load(path: found.path, error)
        }
    }

    /// The planted bug: the index is one behind the rest.
    private func giveStale(
        _ loader: inout LedgerLoader, _ bucket: String, _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(LoadFailure) {
        var bytes = unsafe Array(value)
        if unsafe key.elementsEqual(Array("consistent_index".utf8)), let last = bytes.last, last > 1
        {
            bytes[bytes.count - 1] = last - 1
        }
        try unsafe bytes.span.withUnsafeBytes { (value) throws(LoadFailure) in
            unsafe try loader.row(bucket: bucket, key: key, value: value)
        }
    }

    func stored<Value>(_ body: () throws(StorageError) -> Value) throws(StoreProblem) -> Value {
        do throws(StorageError) {
            return try body()
        } catch {
            throw .storage(error)
        }
    }
}
