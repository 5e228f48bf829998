// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One stream: two independent halves (RFC 9113, section 5.1 as two booleans instead of seven
/// states), windows, and what waits to be sent. Objects are used again for later streams.
final class HTTP2Stream {
    var number: UInt32 = 0
    /// In the table. A stream that ended while its owner was looking at it is not.
    var isOpen = false
    /// The peer may still send.
    var isReceiving = true
    /// We may still send.
    var isSending = true
    var hasSentHeaders = false
    /// The head of a response came (client role), not only 1xx ones.
    var hasHead = false

    var sendWindow = 0
    var receiveWindow = 0
    /// Taken by the consumer and not yet given back to the peer.
    var taken = 0
    /// The consumer is behind: nothing is given back.
    var isPaused = false

    var queue = ChunkQueue()
    var endsAfterQueue = false
    var trailersAfterQueue: [HeaderField]?
    /// In the ring of streams whose turn will come.
    var isScheduled = false
    var isAboveHighWater = false

    /// -1 when not declared.
    var contentLength = -1
    var receivedCount = 0
    /// Bytes of a message or body that is not all there.
    var heldCount = 0
    /// When its head or its last whole message came.
    var inputSince = Instant(nanoseconds: 0)

    /// For the gRPC machines.
    var framer = GRPCFramer()
    var plainRequest: HTTPRequest?
    var httpStatus = 0
    var isGRPC = false
    /// `application/grpc+name` of the request, which the answer repeats; nil without a name.
    var contentType: String?

    var id: StreamID { StreamID(number) }

    /// Nothing is left of the queue, and nothing that waits for it.
    var hasQueued: Bool { !queue.isEmpty || endsAfterQueue || trailersAfterQueue != nil }

    func begin(_ number: UInt32, sendWindow: Int, receiveWindow: Int) {
        self.number = number
        self.sendWindow = sendWindow
        self.receiveWindow = receiveWindow
        isOpen = true
        isReceiving = true
        isSending = true
        hasSentHeaders = false
        hasHead = false
        taken = 0
        isPaused = false
        isAboveHighWater = false
        contentLength = -1
        receivedCount = 0
        heldCount = 0
        httpStatus = 0
        isGRPC = false
        if contentType != nil { contentType = nil }
    }

    /// Lets go of what it held.
    func end() {
        isOpen = false
        if hasQueued {
            queue.removeAll()
            endsAfterQueue = false
            trailersAfterQueue = nil
        }
        framer.reset()
        if plainRequest != nil { plainRequest = nil }
    }
}

/// The open streams by number: open addressing, so a look-up is a multiplication and a comparison.
struct StreamTable {
    private var slots: [HTTP2Stream?]
    private(set) var count = 0
    private var pool: [HTTP2Stream] = []

    private static let poolCountMax = 256

    init() {
        slots = Array(repeating: nil, count: 32)
    }

    @inline(__always)
    private func home(_ number: UInt32) -> Int {
        let mixed = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: mixed >> 33) & (slots.count &- 1)
    }

    @inline(__always)
    subscript(number: UInt32) -> HTTP2Stream? {
        var at = home(number)
        while let stream = slots[at] {
            if stream.number == number { return stream }
            at = (at &+ 1) & (slots.count &- 1)
        }
        return nil
    }

    /// A stream object that nothing else uses; insert it after `begin`.
    mutating func makeStream() -> HTTP2Stream {
        pool.popLast() ?? HTTP2Stream()
    }

    mutating func insert(_ stream: HTTP2Stream) {
        if (count + 1) * 2 > slots.count { grow() }
        place(stream)
        count += 1
    }

    mutating func remove(_ stream: HTTP2Stream) {
        let mask = slots.count - 1
        var hole = home(stream.number)
        while let other = slots[hole], other !== stream { hole = (hole + 1) & mask }
        guard slots[hole] != nil else { return }
        slots[hole] = nil
        count -= 1
        // Those behind the hole move up, where their home allows it.
        var at = (hole + 1) & mask
        while let other = slots[at] {
            let distance = (at - home(other.number)) & mask
            if distance >= (at - hole) & mask {
                slots[hole] = other
                slots[at] = nil
                hole = at
            }
            at = (at + 1) & mask
        }
        // One that still stands in the ring must not come back as another stream.
        if pool.count < Self.poolCountMax, !stream.isScheduled { pool.append(stream) }
    }

    /// Every open stream, in the order of their numbers.
    var sorted: [HTTP2Stream] {
        slots.compactMap { $0 }.sorted { $0.number < $1.number }
    }

    func sorted(where isWanted: (HTTP2Stream) -> Bool) -> [HTTP2Stream] {
        slots.compactMap { $0 }.filter(isWanted).sorted { $0.number < $1.number }
    }

    /// In no order.
    var all: [HTTP2Stream?] { slots }

    private mutating func place(_ stream: HTTP2Stream) {
        var at = home(stream.number)
        while slots[at] != nil { at = (at + 1) & (slots.count - 1) }
        slots[at] = stream
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: old.count * 2)
        for stream in old {
            if let stream { place(stream) }
        }
    }
}

/// Streams with something to send, in the order of their turns.
struct StreamRing {
    private var streams: [HTTP2Stream] = []
    private var head = 0

    @inline(__always) var isEmpty: Bool { head == streams.count }

    mutating func append(_ stream: HTTP2Stream) {
        if stream.isScheduled { return }
        stream.isScheduled = true
        streams.append(stream)
    }

    var first: HTTP2Stream? { isEmpty ? nil : streams[head] }

    mutating func removeFirst() {
        streams[head].isScheduled = false
        head += 1
        if head == streams.count {
            streams.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= streams.count {
            streams.removeFirst(head)
            head = 0
        }
    }
}
