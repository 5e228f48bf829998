// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Who gets what an engine reads. Called in the middle of reading, with bytes that are only lent;
/// it may send, reset and end streams, but not hand in more bytes.
protocol HTTP2Receiver: AnyObject {
    /// A request's head, a response's head, or trailers. Its shape is checked already.
    func received(_ block: HeaderBlock, on stream: HTTP2Stream, endStream: Bool)
    func received(_ data: ByteView, on stream: HTTP2Stream, endStream: Bool)
    /// The stream ended without being finished, by the peer or because it broke the protocol.
    func ended(_ stream: HTTP2Stream, code: HTTP2ErrorCode, byPeer: Bool)
    func wentAway(lastStream: StreamID, code: HTTP2ErrorCode, text: String)
    func pingAcknowledged(_ payload: UInt64)
}

/// One HTTP/2 connection of either role (RFC 9113), without an opinion on what streams mean.
///
/// `HTTP2Engine+Receive` reads frames, `+Headers` and `+Control` act on them, `+Send` writes.
final class HTTP2Engine {
    enum Role {
        case server
        case client
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let frameHeaderCount = 9
    /// Both for what we accept (the default of section 6.5.2) and for what we send.
    static let maxFrameCount = 16_384
    static let defaultWindow = 65_535
    static let maxWindow = 0x7fff_ffff
    /// A message that fits below this much output is written at once instead of being queued.
    static let directOutputMax = 256 << 10
    static let continuationCountMax = 32
    /// A header list of more than so many times `maxHeaderListSize` is no mistake but an attack.
    static let headerBombFactor = 4
    /// What a stream may cost beside the bytes that it holds.
    static let streamCost = 1024
    /// Buffers of idle connections keep no more capacity than this.
    static let keptCapacity = 32_768

    let role: Role
    let settings: HTTP2Settings

    // MARK: Reading

    /// The beginning of a frame that is not all there.
    var pending: [UInt8] = []
    var prefaceLeft: Int
    var hasPeerSettings = false
    /// The stream whose header block goes on in CONTINUATION frames, or zero.
    var blockStream: UInt32 = 0
    var blockEndsStream = false
    var block: [UInt8] = []
    var continuationCount = 0
    var decoder = HPACKDecoder()
    var abuse = AbuseGuard()
    /// The time of the last `receive`.
    var time = Instant(nanoseconds: 0)
    var receiveWindow: Int
    /// Received and not yet given back, of all streams together.
    var taken = 0
    var lastPing: Instant?
    var earlyPingCount = 0
    /// Since when the peer owes the rest of a greeting, a header block or a frame.
    var owedSince: Instant?
    /// Bytes of unfinished messages and bodies, of all streams together.
    var heldBytes = 0

    // MARK: Streams

    var streams = StreamTable()
    /// The highest stream that the peer opened.
    var lastPeerStream: UInt32 = 0
    /// Client role: the number of the next stream.
    var nextStream: UInt32 = 1
    /// Streams above this are not served any more (server) or were not (client).
    var goAwayLimit: UInt32?
    var isDraining = false
    var peerIsDraining = false
    private(set) var closeReason: CloseReason?
    /// Of a connection that was abandoned.
    private var remains: HTTP2Remains?

    // MARK: Writing

    var output: [UInt8] = []
    /// How much output was taken at once lately, to reserve as much.
    var usualOutput = 256
    var encoder = HPACKEncoder()
    var sendWindow = HTTP2Engine.defaultWindow
    var peerStreamWindow = HTTP2Engine.defaultWindow
    var peerMaxStreams = Int.max
    var ring = StreamRing()
    /// Streams that fell to the low water mark and were not told of yet.
    var drained: [StreamID] = []
    /// Bytes in the queues of all streams together.
    var queuedBytes = 0

    init(role: Role, settings: HTTP2Settings) {
        self.role = role
        self.settings = settings
        receiveWindow = max(settings.connectionWindow, Self.defaultWindow)
        prefaceLeft = role == .server ? Self.preface.count : 0
        writeGreeting()
    }

    var isOver: Bool { closeReason != nil }

    /// What this connection costs in memory, about: whatever its peer can make grow.
    var weight: Int {
        queuedBytes + heldBytes + output.count + pending.count + block.count
            + streams.count * Self.streamCost
    }

    /// Notes that the stream holds so many more bytes (or fewer) of an unfinished message.
    func hold(_ stream: HTTP2Stream, _ count: Int) {
        heldBytes += count - stream.heldCount
        stream.heldCount = count
    }

    /// The connection is broken: says so to the peer and stops.
    func fail(_ code: HTTP2ErrorCode, _ text: String) {
        if isOver { return }
        writeGoAway(lastStream: lastPeerStream, code: code, text: text)
        close(.failed(.connection(code, text)))
    }

    func close(_ reason: CloseReason) {
        if closeReason == nil { closeReason = reason }
    }

    /// Closes, and holds nothing any more of what waited to be sent or to be finished.
    func abandon() {
        close(.transportEnded)
        remains = takeRemains()
        output = []
    }

    /// Closes. What the streams hold goes to the caller, who may let go of it in his own time.
    func takeRemains() -> HTTP2Remains {
        close(.transportEnded)
        let taken = remains ?? HTTP2Remains()
        remains = nil
        taken.add(streams)
        streams = StreamTable()
        ring = StreamRing()
        queuedBytes = 0
        heldBytes = 0
        pending = []
        block = []
        return taken
    }

    /// Ends the reading half after data or headers said so.
    func endReceiving(_ stream: HTTP2Stream) {
        stream.isReceiving = false
        removeIfDone(stream)
    }

    func endSending(_ stream: HTTP2Stream) {
        stream.isSending = false
        removeIfDone(stream)
    }

    private func removeIfDone(_ stream: HTTP2Stream) {
        if !stream.isReceiving, !stream.isSending, stream.isOpen { remove(stream) }
    }

    func remove(_ stream: HTTP2Stream) {
        invariant(stream.isOpen, "stream \(stream.number) ended twice")
        queuedBytes -= stream.queue.count
        hold(stream, 0)
        stream.end()
        streams.remove(stream)
        closeWhenDrained()
    }

    /// Once draining, the end of the last stream is the end of the connection.
    func closeWhenDrained() {
        if streams.count == 0, isDraining || peerIsDraining { close(.drained) }
    }
}
