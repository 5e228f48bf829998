// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension HTTP2Engine {
    // MARK: Streams

    /// Client role. Nil when the connection takes no further streams now.
    func makeStream() -> HTTP2Stream? {
        guard canMakeStream else { return nil }
        let stream = streams.makeStream()
        stream.begin(
            nextStream, sendWindow: peerStreamWindow, receiveWindow: settings.streamWindow)
        nextStream += 2
        streams.insert(stream)
        return stream
    }

    var canMakeStream: Bool {
        role == .client && !isOver && !peerIsDraining && !isDraining
            && streams.count < peerMaxStreams && nextStream < 0x7fff_ffff
    }

    /// Headers are never held back by a window, but stay behind data that is.
    func sendHeaders(_ stream: HTTP2Stream, _ fields: [HeaderField], endStream: Bool) {
        guard stream.isOpen, stream.isSending, !isOver else { return }
        stream.hasSentHeaders = true
        if stream.hasQueued {
            invariant(endStream, "headers in the middle of stream \(stream.number)")
            if !stream.endsAfterQueue { stream.trailersAfterQueue = fields }
            return
        }
        writeHeaders(stream.number, fields, endStream: endStream)
        sent()
        if endStream { finishSending(stream) }
    }

    /// `prefix` is a gRPC message's, or empty.
    func sendData(
        _ stream: HTTP2Stream, prefix: UInt64?, _ bytes: [UInt8], endStream: Bool
    ) {
        guard stream.isOpen, stream.isSending, !isOver else { return }
        if stream.endsAfterQueue || stream.trailersAfterQueue != nil { return }
        let count = bytes.count + (prefix == nil ? 0 : GRPCFramer.prefixCount)
        if stream.queue.isEmpty, ring.isEmpty, count <= stream.sendWindow, count <= sendWindow,
            output.count + count <= Self.directOutputMax
        {
            writeData(stream, prefix, bytes, count, endStream)
            sent()
            if endStream { finishSending(stream) }
            return
        }
        if let prefix { stream.queue.append(Self.prefixBytes(prefix)) }
        stream.queue.append(bytes)
        queuedBytes += count
        stream.endsAfterQueue = endStream
        if stream.queue.count > settings.highWater { stream.isAboveHighWater = true }
        if stream.hasQueued { ring.append(stream) }
    }

    func sendReset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard stream.isOpen else { return }
        if !isOver { writeReset(stream: stream.number, code) }
        remove(stream)
    }

    /// What is queued for a stream goes first, so it may still hold it for long.
    private func finishSending(_ stream: HTTP2Stream) {
        if role == .server, stream.isReceiving {
            // Section 8.1: a complete answer makes the rest of the request pointless.
            writeReset(stream: stream.number, .noError)
            remove(stream)
        } else {
            endSending(stream)
        }
    }

    @inline(__always)
    private func sent() {
        abuse.progressed()
        earlyPingCount = 0
    }

    // MARK: Output

    var hasOutput: Bool {
        if !output.isEmpty { return true }
        guard !isOver, ring.first != nil else { return false }
        return sendWindow > 0
    }

    /// About `limit` bytes, more only when frames that cannot wait are there.
    func takeOutput(limit: Int) -> [UInt8] {
        if !ring.isEmpty, !isOver { pump(limit) }
        let taken = output
        output = []
        usualOutput = max(256, min(taken.count * 2, 65_536))
        return taken
    }

    /// Each stream in turn sends a frame, as long as windows are open.
    private func pump(_ limit: Int) {
        while output.count < limit, let stream = ring.first {
            if !stream.isOpen || !stream.hasQueued {
                ring.removeFirst()
                continue
            }
            if !stream.queue.isEmpty {
                if sendWindow <= 0 { return }
                if stream.sendWindow <= 0 {
                    // A WINDOW_UPDATE brings it back.
                    ring.removeFirst()
                    continue
                }
                pumpFrame(stream)
            }
            ring.removeFirst()
            if !stream.queue.isEmpty {
                ring.append(stream)
            } else if let trailers = stream.trailersAfterQueue {
                stream.trailersAfterQueue = nil
                writeHeaders(stream.number, trailers, endStream: true)
                finishSending(stream)
            } else if stream.endsAfterQueue {
                stream.endsAfterQueue = false
                output.appendFrame(
                    .data, flags: FrameFlag.endStream, stream: stream.number, count: 0)
                finishSending(stream)
            } else if !stream.isSending {
                finishSending(stream)
            }
        }
    }

    private func pumpFrame(_ stream: HTTP2Stream) {
        let room = min(stream.sendWindow, sendWindow, Self.maxFrameCount)
        let count = min(room, stream.queue.count)
        let isLast = count == stream.queue.count && stream.endsAfterQueue
        output.appendFrame(
            .data, flags: isLast ? FrameFlag.endStream : 0, stream: stream.number, count: count)
        stream.queue.move(count, into: &output)
        queuedBytes -= count
        stream.sendWindow -= count
        sendWindow -= count
        sent()
        if isLast {
            stream.endsAfterQueue = false
            stream.isSending = false
        }
        if stream.isAboveHighWater, stream.queue.count <= settings.lowWater {
            stream.isAboveHighWater = false
            drained.append(stream.id)
        }
    }

    // MARK: Frames

    func writeGreeting() {
        if role == .client { output.append(contentsOf: Self.preface) }
        var pairs: [(UInt16, Int)] = []
        if role == .client {
            pairs.append((2, 0))
        } else {
            pairs.append((3, settings.maxConcurrentStreams))
        }
        pairs.append((4, settings.streamWindow))
        pairs.append((6, settings.maxHeaderListSize))
        output.appendFrame(.settings, flags: 0, stream: 0, count: pairs.count * 6)
        for (name, value) in pairs {
            output.append(UInt8(truncatingIfNeeded: name >> 8))
            output.append(UInt8(truncatingIfNeeded: name))
            output.append(bigEndian: UInt32(clamping: value))
        }
        let more = settings.connectionWindow - Self.defaultWindow
        if more > 0 { writeWindowUpdate(stream: 0, more) }
    }

    private func writeHeaders(_ number: UInt32, _ fields: [HeaderField], endStream: Bool) {
        let start = output.count
        let flags = endStream ? FrameFlag.endHeaders | FrameFlag.endStream : FrameFlag.endHeaders
        output.appendFrame(.headers, flags: flags, stream: number, count: 0)
        encoder.encode(fields, into: &output)
        let count = output.count - start - Self.frameHeaderCount
        if count > Self.maxFrameCount { return splitHeaders(number, start, flags) }
        output[start] = UInt8(truncatingIfNeeded: count >> 16)
        output[start + 1] = UInt8(truncatingIfNeeded: count >> 8)
        output[start + 2] = UInt8(truncatingIfNeeded: count)
    }

    /// A block that is too long for one frame goes on in CONTINUATION frames.
    private func splitHeaders(_ number: UInt32, _ start: Int, _ flags: UInt8) {
        let block = Array(output[(start + Self.frameHeaderCount)...])
        output.removeSubrange(start...)
        var at = 0
        while at < block.count {
            let count = min(Self.maxFrameCount, block.count - at)
            let end = at + count == block.count ? FrameFlag.endHeaders : 0
            let other = at == 0 ? flags & FrameFlag.endStream : 0
            output.appendFrame(
                at == 0 ? .headers : .continuation, flags: end | other, stream: number,
                count: count)
            output.append(block, from: at, count: count)
            at += count
        }
    }

    private func writeData(
        _ stream: HTTP2Stream, _ prefix: UInt64?, _ bytes: [UInt8], _ total: Int, _ ends: Bool
    ) {
        stream.sendWindow -= total
        sendWindow -= total
        var prefix = prefix
        var left = total
        var at = 0
        repeat {
            var count = min(left, Self.maxFrameCount)
            left -= count
            output.appendFrame(
                .data, flags: ends && left == 0 ? FrameFlag.endStream : 0,
                stream: stream.number, count: count)
            if let head = prefix {
                // The first frame always has room for it.
                output.append(UInt8(truncatingIfNeeded: head >> 32))
                output.append(bigEndian: UInt32(truncatingIfNeeded: head))
                count -= GRPCFramer.prefixCount
                prefix = nil
            }
            if count > 0 {
                output.append(bytes, from: at, count: count)
                at += count
            }
        } while left > 0
    }

    private static func prefixBytes(_ prefix: UInt64) -> [UInt8] {
        (0..<GRPCFramer.prefixCount).map { index in
            UInt8(truncatingIfNeeded: prefix >> UInt64(8 * (GRPCFramer.prefixCount - 1 - index)))
        }
    }

    func writeReset(stream number: UInt32, _ code: HTTP2ErrorCode) {
        output.appendFrame(.reset, flags: 0, stream: number, count: 4)
        output.append(bigEndian: code.number)
    }

    func writePing(_ payload: UInt64, flags: UInt8) {
        output.appendFrame(.ping, flags: flags, stream: 0, count: 8)
        output.append(bigEndian: payload)
    }

    func writeWindowUpdate(stream number: UInt32, _ increment: Int) {
        output.appendFrame(.windowUpdate, flags: 0, stream: number, count: 4)
        output.append(bigEndian: UInt32(clamping: min(increment, Self.maxWindow)))
    }

    func writeGoAway(lastStream: UInt32, code: HTTP2ErrorCode, text: String) {
        let text = Array(text.utf8.prefix(256))
        output.appendFrame(.goAway, flags: 0, stream: 0, count: 8 + text.count)
        output.append(bigEndian: lastStream)
        output.append(bigEndian: code.number)
        output.append(contentsOf: text)
    }

    /// No new streams; the open ones may finish, then the connection is over.
    func drain() {
        if isDraining || isOver { return }
        isDraining = true
        goAwayLimit = lastPeerStream
        writeGoAway(lastStream: lastPeerStream, code: .noError, text: "")
        closeWhenDrained()
    }
}
