// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
// SPDX-License-Identifier: Apache-2.0
internal import NodeCore
internal import Program
internal import Raft
internal import Storage

/// Takes a snapshot that the leader uploads: `length (8 bytes) | raftpb.Message | the .db file`.
/// The file is synced and checked before raft hears of the message.
final class SnapshotReceiver {
    struct Refusal {
        var status: Int
        var text: String
    }

    private enum Stage {
        case length
        case message(length: Int)
        case file(Message, IncomingCheckpoint)
        /// On the keeper's thread.
        case finishing
        case over
    }

    private unowned let port: PeerPort
    private var buffer = StreamBuffer()
    private var stage = Stage.length
    private var index: LogIndex?

    private static let messageLimit: UInt64 = 64 << 20

    init(port: PeerPort) {
        self.port = port
    }

    /// The next piece of the body; a refusal ends it.
    func take(_ bytes: [UInt8]) -> Refusal? {
        switch stage {
        case .finishing, .over: return nil
        case .length, .message, .file: break
        }
        buffer.append(bytes)
        if case .length = stage {
            guard let length = buffer.takeNumber() else { return nil }
            guard length <= SnapshotReceiver.messageLimit else {
                return refuse(
                    400, "failed to decode raft message (a message of \(length) bytes)")
            }
            stage = .message(length: Int(length))
        }
        if case .message(let length) = stage {
            guard let message = buffer.take(length) else { return nil }
            if let refusal = begin(message) { return refusal }
        }
        return buffer.count > 0 ? store(buffer.takeAll()) : nil
    }

    private func begin(_ bytes: [UInt8]) -> Refusal? {
        let message: Message
        do throws(PeerError) {
            message = try MessageFrameReader.decode(bytes)
        } catch {
            return refuse(400, "failed to decode raft message (\(error))")
        }
        guard message.kind == .snapshot, let snapshot = message.snapshot else {
            return refuse(400, "wrong raft message type")
        }
        guard message.to == port.identity.memberID else {
            return refuse(500, "failed to process raft message (it is for another member)")
        }
        guard port.beginReceiving(snapshot.index) else {
            return refuse(500, "failed to save KV snapshot (it is being received already)")
        }
        index = snapshot.index
        port.member.logger.info(
            "receiving database snapshot",
            [
                "from": .string("\(message.from)"),
                "snapshot-index": .unsigned(snapshot.index.number),
            ])
        do throws(StorageError) {
            stage = .file(message, try port.member.files.checkpoints.receive(snapshot.index))
            return nil
        } catch {
            return refuse(500, "failed to save KV snapshot (\(error))")
        }
    }

    private func store(_ bytes: [UInt8]) -> Refusal? {
        guard case .file(let message, var file) = stage else { return nil }
        do throws(StorageError) {
            try file.append(bytes)
            stage = .file(message, file)
            return nil
        } catch {
            return refuse(500, "failed to save KV snapshot (\(error))")
        }
    }

    private func refuse(_ status: Int, _ text: String) -> Refusal {
        port.member.logger.warn(
            "refused a database snapshot", ["reason": .string(text)])
        abandon()
        return Refusal(status: status, text: text)
    }

    /// Forgets what has come so far.
    func abandon() {
        switch stage {
        case .finishing: return
        case .file(_, let file): port.member.files.checkpoints.abandon(file)
        case .length, .message, .over: break
        }
        stage = .over
        release()
    }

    private func release() {
        if let index { port.endReceiving(index) }
        index = nil
    }

    /// The body is all there. `then` is told a refusal, or nil once raft has the message.
    func finish(then: @escaping (Refusal?) -> Void) {
        guard case .file(let message, let file) = stage else {
            then(refuse(400, "failed to decode raft message (unexpected EOF)"))
            return
        }
        stage = .finishing
        let files = port.member.files
        let box = IncomingBox(file)
        port.member.compute({ () -> String? in
            do throws(StorageError) {
                try files.checkpoints.finish(box.file)
                return nil
            } catch {
                return "\(error)"
            }
        }) { [self] failure in
            finished(message, file.byteCount, failure, then)
        }
    }

    private func finished(
        _ message: Message, _ byteCount: Int64, _ failure: String?, _ then: (Refusal?) -> Void
    ) {
        stage = .over
        release()
        if let failure {
            then(refuse(500, "failed to save KV snapshot (\(failure))"))
            return
        }
        port.member.logger.info(
            "received and saved database snapshot",
            [
                "from": .string("\(message.from)"), "bytes": .integer(byteCount),
                "snapshot-index": .unsigned(message.snapshot?.index.number ?? 0),
            ])
        port.member.metrics.peers.snapshotReceived(from: message.from)
        guard port.receive(message) else {
            then(refuse(500, "failed to process raft message (the sender was removed)"))
            return
        }
        then(nil)
    }
}

/// A file on its way to the keeper's thread; the core's has let go of it.
private struct IncomingBox: @unchecked Sendable {
    let file: IncomingCheckpoint

    init(_ file: IncomingCheckpoint) {
        self.file = file
    }
}
