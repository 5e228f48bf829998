// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import Raft

/// One stream that a peer has asked this member for: what we send to the peer goes here. The bytes
/// are the body of an answer that never ends.
final class ServedStream {
    let kind: StreamKind
    let peer: MemberID
    private let body: any ServedStreamBody
    private var appends = AppendFrameWriter()
    private var writtenBytes: Int64 = 0
    private var takenBytes: Int64 = 0
    private var takenAt = MonotonicClock.now

    /// Beyond this much that the peer has not taken, messages are dropped.
    private static let queueLimit = 64 << 20
    private static let stallLimit = Duration.seconds(5)

    init(_ kind: StreamKind, to peer: MemberID, body: any ServedStreamBody) {
        self.kind = kind
        self.peer = peer
        self.body = body
    }

    var isOpen: Bool { body.isOpen }

    /// The bytes that were queued, or nil if the message was dropped.
    func send(_ message: Message) -> Int? {
        guard body.isOpen, body.pendingBytes < ServedStream.queueLimit else { return nil }
        let bytes =
            switch kind {
            case .message: MessageFrame.encode(message)
            case .append: appends.encode(message)
            }
        write(bytes)
        return bytes.count
    }

    /// Keeps the stream open; closes it if the peer has taken nothing for too long.
    func beat(now: Instant) {
        noteProgress(now)
        if body.pendingBytes > 0, now - takenAt >= ServedStream.stallLimit {
            body.close()
            return
        }
        write(kind == .append ? AppendFrameWriter.linkHeartbeat : MessageFrame.linkHeartbeat)
    }

    func close() {
        body.close()
    }

    /// What is queued still goes out: a removed member learns of it that way.
    func finish() {
        body.closeAfterFlush()
    }

    private func write(_ bytes: [UInt8]) {
        writtenBytes += Int64(bytes.count)
        body.write(bytes)
    }

    private func noteProgress(_ now: Instant) {
        let taken = writtenBytes - Int64(body.pendingBytes)
        guard taken != takenBytes || body.pendingBytes == 0 else { return }
        takenBytes = taken
        takenAt = now
    }
}

/// The answer that a served stream writes into.
protocol ServedStreamBody: AnyObject {
    var isOpen: Bool { get }
    /// Queued and not yet taken by the kernel.
    var pendingBytes: Int { get }
    func write(_ bytes: [UInt8])
    func close()
    func closeAfterFlush()
}
