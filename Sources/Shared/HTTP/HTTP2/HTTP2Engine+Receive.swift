// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension HTTP2Engine {
    /// Reads all whole frames; keeps the beginning of the next one.
    func receive<Receiver: HTTP2Receiver>(
        _ bytes: ByteView, now: Instant, to receiver: Receiver
    ) {
        if isOver { return }
        time = now
        if output.capacity == 0 { output.reserveCapacity(usualOutput) }
        if pending.isEmpty {
            let used = parse(bytes, receiver)
            if used < bytes.count { bytes.from(used).append(to: &pending) }
            return noteOwed(hasMoved: used > 0)
        }
        var joined: [UInt8] = []
        swap(&joined, &pending)
        bytes.append(to: &joined)
        let used = joined.withView { view in parse(view, receiver) }
        if used == joined.count {
            joined.removeAll(keepingCapacity: joined.capacity <= Self.keptCapacity)
        } else if joined.capacity > Self.keptCapacity, used > 0 {
            // A copy of the rest: what an idle connection keeps must be small.
            joined = Array(joined[used...])
        } else if used > 0 {
            joined.removeFirst(used)
        }
        swap(&joined, &pending)
        noteOwed(hasMoved: used > 0)
    }

    /// A peer that has begun a greeting, a header block or a frame must come to its end in time;
    /// one more byte now and then is no excuse, a whole frame between two blocks is.
    private func noteOwed(hasMoved: Bool) {
        if hasPeerSettings, blockStream == 0, pending.isEmpty {
            owedSince = nil
        } else if owedSince == nil || hasMoved && hasPeerSettings && blockStream == 0 {
            owedSince = time
        }
    }

    /// The number of bytes that were whole frames.
    private func parse<Receiver: HTTP2Receiver>(_ bytes: ByteView, _ receiver: Receiver) -> Int {
        var at = 0
        if prefaceLeft > 0 { at = readPreface(bytes) }
        while !isOver, bytes.count &- at >= Self.frameHeaderCount {
            let head = bytes.bigEndian32(at: at)
            let count = Int(head >> 8)
            if count > Self.maxFrameCount {
                fail(.frameSizeError, "a frame of \(count) bytes")
                break
            }
            if bytes.count &- at &- Self.frameHeaderCount < count { break }
            let stream = bytes.bigEndian32(at: at &+ 5) & 0x7fff_ffff
            let payload = bytes.part(from: at &+ Self.frameHeaderCount, count: count)
            handle(
                type: UInt8(truncatingIfNeeded: head), flags: bytes[at &+ 4], stream: stream,
                payload, receiver)
            at &+= Self.frameHeaderCount &+ count
        }
        return isOver ? bytes.count : at
    }

    private func readPreface(_ bytes: ByteView) -> Int {
        let done = Self.preface.count - prefaceLeft
        let count = min(prefaceLeft, bytes.count)
        for index in 0..<count where bytes[index] != Self.preface[done + index] {
            fail(.protocolError, "bad connection preface")
            return bytes.count
        }
        prefaceLeft -= count
        return count
    }

    private func handle<Receiver: HTTP2Receiver>(
        type: UInt8, flags: UInt8, stream: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        let kind = FrameType(rawValue: type)
        if !hasPeerSettings, kind != .settings {
            return fail(.protocolError, "the first frame is no SETTINGS")
        }
        if blockStream != 0, kind != .continuation || stream != blockStream {
            return fail(.protocolError, "a header block is interrupted")
        }
        switch kind {
        case .data: handleData(flags, stream, payload, receiver)
        case .headers: handleHeaders(flags, stream, payload, receiver)
        case .continuation: handleContinuation(flags, stream, payload, receiver)
        case .priority:
            if stream == 0 { return fail(.protocolError, "PRIORITY without a stream") }
            if payload.count != 5 {
                return breakStream(stream, .frameSizeError, receiver)
            }
            chargeControl()
        case .reset: handleReset(stream, payload, receiver)
        case .settings: handleSettings(flags, stream, payload)
        case .pushPromise: fail(.protocolError, "PUSH_PROMISE is not allowed")
        case .ping: handlePing(flags, stream, payload, receiver)
        case .goAway: handleGoAway(stream, payload, receiver)
        case .windowUpdate: handleWindowUpdate(stream, payload, receiver)
        case nil: chargeControl()
        }
    }

    func chargeControl() {
        if !abuse.chargeControl(at: time) {
            fail(.enhanceYourCalm, "too many frames that do nothing")
        }
    }

    func chargeReset(_ count: Int = 1) {
        if !abuse.chargeReset(at: time, count: count) {
            fail(.enhanceYourCalm, "too many streams were reset")
        }
    }

    /// Whether the number was never used, so nothing may be said about it.
    func isIdle(_ number: UInt32) -> Bool {
        if number & 1 == 1 {
            return role == .server ? number > lastPeerStream : number >= nextStream
        }
        return true
    }

    // MARK: Data

    private func handleData<Receiver: HTTP2Receiver>(
        _ flags: UInt8, _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        let count = payload.count
        receiveWindow -= count
        if receiveWindow < 0 { return fail(.flowControlError, "connection window overrun") }
        giveBackConnection(count)
        guard let stream = streams[number] else {
            if isIdle(number) { return fail(.protocolError, "DATA on idle stream \(number)") }
            // Data that was under way when the stream ended here.
            return chargeControl()
        }
        if !stream.isReceiving {
            return breakStream(number, .streamClosed, receiver)
        }
        stream.receiveWindow -= count
        if stream.receiveWindow < 0 {
            return breakStream(number, .flowControlError, receiver)
        }
        guard let data = unpadded(flags, payload) else { return }
        let endsStream = flags & FrameFlag.endStream != 0
        if data.isEmpty, !endsStream { chargeControl() } else { abuse.progressed() }
        stream.receivedCount &+= data.count
        if stream.contentLength >= 0,
            stream.receivedCount > stream.contentLength
                || endsStream && stream.receivedCount != stream.contentLength
        {
            return breakStream(number, .protocolError, receiver)
        }
        if role == .client, !stream.hasHead {
            return breakStream(number, .protocolError, receiver)
        }
        receiver.received(data, on: stream, endStream: endsStream)
        if !stream.isOpen || stream.number != number { return }
        if endsStream {
            endReceiving(stream)
        } else {
            stream.taken += count
            giveBack(stream)
        }
    }

    /// Nil after failing for bad padding.
    func unpadded(_ flags: UInt8, _ payload: ByteView) -> ByteView? {
        if flags & FrameFlag.padded == 0 { return payload }
        guard payload.count > 0, Int(payload[0]) < payload.count else {
            fail(.protocolError, "more padding than frame")
            return nil
        }
        return payload.part(from: 1, count: payload.count - 1 - Int(payload[0]))
    }

    private func giveBackConnection(_ count: Int) {
        taken += count
        if taken >= settings.connectionWindow / 2 {
            writeWindowUpdate(stream: 0, taken)
            receiveWindow += taken
            taken = 0
        }
    }

    /// Lets the peer send as much again as was taken, in large steps.
    func giveBack(_ stream: HTTP2Stream) {
        if stream.isPaused || stream.taken < settings.streamWindow / 2 || !stream.isReceiving {
            return
        }
        writeWindowUpdate(stream: stream.number, stream.taken)
        stream.receiveWindow += stream.taken
        stream.taken = 0
    }

    // MARK: Stream errors

    /// Resets a stream that the peer broke and tells the receiver.
    func breakStream<Receiver: HTTP2Receiver>(
        _ number: UInt32, _ code: HTTP2ErrorCode, _ receiver: Receiver
    ) {
        if !isOver { writeReset(stream: number, code) }
        if let stream = streams[number] {
            receiver.ended(stream, code: code, byPeer: false)
            if stream.isOpen { remove(stream) }
        }
        chargeReset()
    }
}
