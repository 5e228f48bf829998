// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension HTTP2Engine {
    func handleHeaders<Receiver: HTTP2Receiver>(
        _ flags: UInt8, _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        if number == 0 || number & 1 == 0 {
            return fail(.protocolError, "HEADERS on stream \(number)")
        }
        guard var fragment = unpadded(flags, payload) else { return }
        if flags & FrameFlag.priority != 0 {
            if fragment.count < 5 { return fail(.frameSizeError, "HEADERS without priority") }
            fragment = fragment.from(5)
        }
        let endsStream = flags & FrameFlag.endStream != 0
        if flags & FrameFlag.endHeaders != 0 {
            return finishBlock(number, fragment, endsStream, receiver)
        }
        block.removeAll(keepingCapacity: true)
        fragment.append(to: &block)
        blockStream = number
        blockEndsStream = endsStream
        continuationCount = 0
    }

    /// The length of a block and the number of its frames are bounded (CVE-2024-27316).
    func handleContinuation<Receiver: HTTP2Receiver>(
        _ flags: UInt8, _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        if blockStream == 0 { return fail(.protocolError, "CONTINUATION of nothing") }
        continuationCount += 1
        if continuationCount > Self.continuationCountMax
            || block.count + payload.count > settings.maxHeaderListSize * 2
        {
            return fail(.enhanceYourCalm, "a header block does not end")
        }
        payload.append(to: &block)
        if flags & FrameFlag.endHeaders == 0 { return }
        blockStream = 0
        var whole: [UInt8] = []
        swap(&whole, &block)
        whole.withView { view in finishBlock(number, view, blockEndsStream, receiver) }
        if whole.capacity <= Self.keptCapacity { swap(&whole, &block) }
    }

    private func finishBlock<Receiver: HTTP2Receiver>(
        _ number: UInt32, _ bytes: ByteView, _ endsStream: Bool, _ receiver: Receiver
    ) {
        let headers: HeaderBlock
        do throws(HTTPError) {
            headers = try decoder.decode(bytes, maxListSize: settings.maxHeaderListSize)
        } catch {
            guard case .connection(let code, let text) = error else {
                return fail(.compressionError, "\(error)")
            }
            return fail(code, text)
        }
        if let stream = streams[number] {
            return continueStream(stream, headers, endsStream, receiver)
        }
        if role == .server, number > lastPeerStream {
            return openStream(number, headers, endsStream, receiver)
        }
        if isIdle(number) { return fail(.protocolError, "HEADERS on idle stream \(number)") }
        // Trailers that were under way when the stream ended here.
        chargeControl()
    }

    private func openStream<Receiver: HTTP2Receiver>(
        _ number: UInt32, _ headers: HeaderBlock, _ endsStream: Bool, _ receiver: Receiver
    ) {
        lastPeerStream = number
        if let limit = goAwayLimit, number > limit { return chargeControl() }
        if streams.count >= settings.maxConcurrentStreams {
            return breakStream(number, .refusedStream, receiver)
        }
        if headers.isTooLarge {
            chargeReset(AbuseGuard.largeListCost)
            return breakStream(number, .enhanceYourCalm, receiver)
        }
        let lengthIsWrong = endsStream && headers.contentLength > 0
        if !headers.isRequest || lengthIsWrong {
            return breakStream(number, .protocolError, receiver)
        }
        let stream = streams.makeStream()
        stream.begin(
            number, sendWindow: peerStreamWindow, receiveWindow: settings.streamWindow)
        stream.contentLength = headers.contentLength
        stream.inputSince = time
        streams.insert(stream)
        abuse.progressed()
        receiver.received(headers, on: stream, endStream: endsStream)
        if endsStream, stream.isOpen, stream.number == number { endReceiving(stream) }
    }

    /// Trailers, or the head of a response.
    private func continueStream<Receiver: HTTP2Receiver>(
        _ stream: HTTP2Stream, _ headers: HeaderBlock, _ endsStream: Bool, _ receiver: Receiver
    ) {
        let number = stream.number
        if !stream.isReceiving { return breakStream(number, .streamClosed, receiver) }
        if headers.isTooLarge { return breakStream(number, .enhanceYourCalm, receiver) }
        if role == .client, !stream.hasHead {
            guard headers.isResponse, let status = headers.fields.value(of: ":status"),
                let code = HTTP1Head.length(status), 100...999 ~= code
            else { return breakStream(number, .protocolError, receiver) }
            if code < 200 {
                if endsStream { return breakStream(number, .protocolError, receiver) }
                return chargeControl()
            }
            stream.hasHead = true
            stream.httpStatus = code
            stream.contentLength = endsStream ? -1 : headers.contentLength
        } else {
            let lengthIsWrong =
                stream.contentLength >= 0 && stream.receivedCount != stream.contentLength
            if !headers.isTrailers || !endsStream || lengthIsWrong {
                return breakStream(number, .protocolError, receiver)
            }
        }
        abuse.progressed()
        receiver.received(headers, on: stream, endStream: endsStream)
        if endsStream, stream.isOpen, stream.number == number { endReceiving(stream) }
    }
}
