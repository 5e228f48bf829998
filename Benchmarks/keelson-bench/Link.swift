// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net

/// Who sends requests over links. A slot is the workload's own number for what it waits for.
internal protocol LinkHandler: AnyObject {
    /// A piece of the answer's body, good during the call only.
    func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer)
    /// The gRPC status, or -1 if the stream was reset or the connection lost.
    func finished(_ link: Link, _ slot: Int32, _ status: Int32)
    /// A request that was refused for lack of room may be tried again.
    func mayGoOn(_ link: Link, _ slot: Int32)
}

/// The client's end of one HTTP/2 connection with prior knowledge: just what a load generator needs.
internal final class Link: ConnectionDelegate {
    private enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let reset: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let headByteCount = 9
    private static let endStream: UInt8 = 1
    private static let endHeaders: UInt8 = 4
    /// What the peer may send ahead: as much as gRPC's own clients grow to.
    private static let streamWindow: Int32 = 16 << 20
    private static let connectionWindow: Int32 = 64 << 20
    private static let firstWindow: Int32 = 65_535

    private let connection: Connection
    private let handler: any LinkHandler
    private var headers: RequestHeaders
    private var statuses = StatusReader()
    private var streams = StreamRing()
    private var nextStream: UInt32 = 1
    private var streamCountMax = Int.max
    /// What the peer lets us send in all, and at the start of a stream.
    private var window = Link.firstWindow
    private var newStreamWindow = Link.firstWindow
    private var waiting: [Int32] = []
    private var owed: Int32 = 0
    private var output: [UInt8] = []
    /// The start of a frame whose rest has not come yet.
    private var partial: [UInt8] = []
    /// Header fragments until END_HEADERS.
    private var fragments: [UInt8] = []
    private var fragmentsEndStream = false
    /// The peer's SETTINGS have come.
    internal private(set) var isOpen = false
    internal private(set) var isClosed = false

    internal init(_ connection: Connection, _ authority: String, _ handler: any LinkHandler) {
        self.connection = connection
        self.handler = handler
        headers = RequestHeaders(authority: authority)
        output = Link.preface
        // SETTINGS: no push, and our window for streams.
        appendHead(12, Kind.settings, 0, 0)
        output += [0, 2, 0, 0, 0, 0, 0, 4]
        append(UInt32(Link.streamWindow))
        giveBack(Link.connectionWindow - Link.firstWindow, to: 0)
        connection.delegate = self
        flush()
    }

    // MARK: Sending

    /// Sends a whole unary request. False if there is no room now; then `mayGoOn` will be called.
    @discardableResult
    internal func request(_ method: Method, _ body: [UInt8], slot: Int32) -> Bool {
        start(method, body, slot: slot, flags: Link.endStream) != nil
    }

    /// Opens a stream that stays open for more, with its first message. Nil: no room now.
    internal func openStream(_ method: Method, _ body: [UInt8], slot: Int32) -> UInt32? {
        start(method, body, slot: slot, flags: 0)
    }

    /// One more message. False if there is no room now; then `mayGoOn` will be called.
    internal func send(_ body: [UInt8], on stream: UInt32) -> Bool {
        guard isOpen, let place = streams.place(of: stream) else { return false }
        let size = Int32(body.count)
        if size > window || size > streams[place].window {
            waiting.append(streams[place].slot)
            return false
        }
        streams[place].window -= size
        window -= size
        appendHead(body.count, Kind.data, 0, stream)
        output += body
        return true
    }

    /// Hands what was sent to the socket. Not needed from within a handler's calls.
    internal func flush() {
        if output.isEmpty { return }
        connection.write(output)
        output.removeAll(keepingCapacity: true)
    }

    internal func close() {
        connection.close()
    }

    private func start(
        _ method: Method, _ body: [UInt8], slot: Int32, flags: UInt8
    ) -> UInt32? {
        let size = Int32(body.count)
        guard isOpen, size <= window, size <= newStreamWindow, streams.count < streamCountMax
        else {
            if !isClosed { waiting.append(slot) }
            return nil
        }
        let stream = nextStream
        nextStream += 2
        let block = headers.block(for: method)
        appendHead(block.count, Kind.headers, Link.endHeaders, stream)
        output += block
        appendHead(body.count, Kind.data, flags, stream)
        output += body
        window -= size
        streams.insert(
            StreamRing.Stream(number: stream, slot: slot, window: newStreamWindow - size))
        return stream
    }

    private func appendHead(_ size: Int, _ kind: UInt8, _ flags: UInt8, _ stream: UInt32) {
        append(UInt32(truncatingIfNeeded: size) << 8 | UInt32(kind))
        output.append(flags)
        append(stream)
    }

    private func append(_ number: UInt32) {
        output.append(UInt8(truncatingIfNeeded: number >> 24))
        output.append(UInt8(truncatingIfNeeded: number >> 16))
        output.append(UInt8(truncatingIfNeeded: number >> 8))
        output.append(UInt8(truncatingIfNeeded: number))
    }

    private func giveBack(_ size: Int32, to stream: UInt32) {
        appendHead(4, Kind.windowUpdate, 0, stream)
        append(UInt32(size))
    }

    // MARK: Receiving

    internal func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes
        if !partial.isEmpty {
            // First make the frame whole that the last read cut.
            if partial.count < Link.headByteCount {
                unsafe move(Link.headByteCount - partial.count, from: &rest)
            }
            if partial.count >= Link.headByteCount {
                unsafe move(Link.frameByteCount(partial) - partial.count, from: &rest)
            }
            if partial.count < Link.headByteCount || partial.count < Link.frameByteCount(partial) {
                return
            }
            let whole = partial
            partial.removeAll(keepingCapacity: true)
            unsafe whole.withUnsafeBytes { bytes in
                _ = unsafe takeFrames(bytes)
            }
        }
        let used = unsafe takeFrames(rest)
        if used < rest.count { unsafe partial.append(contentsOf: rest[used...]) }
        if owed >= Link.connectionWindow / 4 {
            giveBack(owed, to: 0)
            owed = 0
        }
        flush()
    }

    private func move(_ count: Int, from rest: inout UnsafeRawBufferPointer) {
        let count = min(max(0, count), rest.count)
        unsafe partial.append(contentsOf: rest[..<count])
        unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest[count...])
    }

    private static func frameByteCount(_ bytes: [UInt8]) -> Int {
        headByteCount + (Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2]))
    }

    /// Handles the whole frames, and tells how many bytes they were.
    private func takeFrames(_ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while bytes.count - offset >= Link.headByteCount {
            let head = unsafe Link.number(bytes, offset)
            let size = Int(head >> 8)
            let end = offset + Link.headByteCount + size
            if end > bytes.count { break }
            let flags = unsafe bytes[offset + 4]
            let stream = unsafe Link.number(bytes, offset + 5) & 0x7FFF_FFFF
            let start = offset + Link.headByteCount
            let payload = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            unsafe take(UInt8(truncatingIfNeeded: head), flags, stream, payload)
            offset = end
        }
        return offset
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        let number = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return UInt32(bigEndian: number)
    }

    private func take(
        _ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: UnsafeRawBufferPointer
    ) {
        switch kind {
        case Kind.data: unsafe takeData(flags, stream, payload)
        case Kind.headers: unsafe takeHeaders(flags, stream, payload)
        case Kind.continuation:
            unsafe fragments.append(contentsOf: payload)
            if flags & Link.endHeaders != 0 { endFragments(stream) }
        case Kind.settings where flags & 1 == 0: unsafe takeSettings(payload)
        case Kind.windowUpdate where payload.count == 4:
            unsafe widen(stream, Int32(bitPattern: Link.number(payload, 0) & 0x7FFF_FFFF))
        case Kind.ping where flags & 1 == 0 && payload.count == 8:
            appendHead(8, Kind.ping, 1, 0)
            unsafe output.append(contentsOf: payload)
        case Kind.reset: finish(stream, -1)
        case Kind.goAway: streamCountMax = 0
        default: break
        }
    }

    private func takeData(_ flags: UInt8, _ stream: UInt32, _ payload: UnsafeRawBufferPointer) {
        let size = Int32(payload.count)
        owed += size
        guard let place = streams.place(of: stream) else { return }
        let ends = flags & Link.endStream != 0
        let taken = streams[place].owed + size
        if taken >= Link.streamWindow / 2, !ends {
            giveBack(taken, to: stream)
            streams[place].owed = 0
        } else {
            streams[place].owed = taken
        }
        unsafe handler.received(self, streams[place].slot, payload)
        if ends { finish(stream, -1) }
    }

    private func takeHeaders(
        _ flags: UInt8, _ stream: UInt32, _ payload: UnsafeRawBufferPointer
    ) {
        let ends = flags & Link.endStream != 0
        if flags & Link.endHeaders == 0 {
            fragments = unsafe Array(payload)
            fragmentsEndStream = ends
            return
        }
        let status = unsafe statuses.read(payload)
        if ends { finish(stream, status) }
    }

    private func endFragments(_ stream: UInt32) {
        let block = fragments
        fragments = []
        let status = unsafe block.withUnsafeBytes { unsafe statuses.read($0) }
        if fragmentsEndStream { finish(stream, status) }
    }

    private func takeSettings(_ payload: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 6 <= payload.count {
            let name = unsafe UInt16(payload[offset]) << 8 | UInt16(payload[offset + 1])
            let value = unsafe Link.number(payload, offset + 2)
            switch name {
            case 1: headers.mayIndex = value >= 4096
            case 3: streamCountMax = Int(value)
            case 4:
                let wanted = Int32(truncatingIfNeeded: min(value, 0x7FFF_FFFF))
                streams.widenWindows(by: wanted &- newStreamWindow)
                newStreamWindow = wanted
            default: break
            }
            offset += 6
        }
        appendHead(0, Kind.settings, 1, 0)
        isOpen = true
        wake()
    }

    private func widen(_ stream: UInt32, _ size: Int32) {
        if stream == 0 {
            window &+= size
        } else if let place = streams.place(of: stream) {
            streams[place].window &+= size
        } else {
            return
        }
        wake()
    }

    private func finish(_ stream: UInt32, _ status: Int32) {
        guard let place = streams.place(of: stream) else { return }
        let slot = streams[place].slot
        streams.remove(at: place)
        handler.finished(self, slot, status)
        if streams.count < streamCountMax, !waiting.isEmpty { wake() }
    }

    private func wake() {
        if waiting.isEmpty { return }
        let slots = waiting
        waiting.removeAll(keepingCapacity: true)
        for slot in slots { handler.mayGoOn(self, slot) }
    }

    internal func connectionClosed(_ connection: Connection, _ reason: Net.CloseReason) {
        isOpen = false
        isClosed = true
        for stream in streams.all { finish(stream.number, -1) }
    }
}
