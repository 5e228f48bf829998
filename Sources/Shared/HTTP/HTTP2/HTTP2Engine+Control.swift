// SPDX-License-Identifier: Apache-2.0
internal import Bytes

extension HTTP2Engine {
    func handleReset<Receiver: HTTP2Receiver>(
        _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        if payload.count != 4 { return fail(.frameSizeError, "bad RST_STREAM") }
        if isIdle(number) { return fail(.protocolError, "RST_STREAM of an idle stream") }
        if let stream = streams[number] {
            let code = HTTP2ErrorCode(payload.bigEndian32(at: 0))
            receiver.ended(stream, code: code, byPeer: true)
            if stream.isOpen { remove(stream) }
            if role == .server { chargeReset() }
        } else {
            chargeControl()
        }
    }

    func handleSettings(_ flags: UInt8, _ number: UInt32, _ payload: ByteView) {
        if number != 0 { return fail(.protocolError, "SETTINGS on a stream") }
        if flags & FrameFlag.acknowledged != 0 {
            if !hasPeerSettings { return fail(.protocolError, "the first SETTINGS is an ACK") }
            if !payload.isEmpty { return fail(.frameSizeError, "SETTINGS ACK with content") }
            return chargeControl()
        }
        if payload.count % 6 != 0 { return fail(.frameSizeError, "bad SETTINGS") }
        hasPeerSettings = true
        var at = 0
        while at < payload.count, !isOver {
            let name = Int(payload[at]) << 8 | Int(payload[at + 1])
            apply(setting: name, Int(payload.bigEndian32(at: at + 2)))
            at += 6
        }
        if isOver { return }
        output.appendFrame(.settings, flags: FrameFlag.acknowledged, stream: 0, count: 0)
        chargeControl()
    }

    private func apply(setting name: Int, _ value: Int) {
        switch name {
        case 1: encoder.resize(value)
        case 2:
            if value > 1 || role == .client && value != 0 {
                fail(.protocolError, "bad SETTINGS_ENABLE_PUSH")
            }
        case 3: peerMaxStreams = value
        case 4:
            if value > Self.maxWindow {
                return fail(.flowControlError, "SETTINGS_INITIAL_WINDOW_SIZE")
            }
            resizeWindows(by: value - peerStreamWindow)
            peerStreamWindow = value
        case 5:
            if !(16_384...16_777_215 ~= value) {
                fail(.protocolError, "SETTINGS_MAX_FRAME_SIZE")
            }
        default: break  // Section 6.5.2: unknown settings are ignored.
        }
    }

    private func resizeWindows(by difference: Int) {
        if difference == 0 || streams.count == 0 { return }
        for stream in streams.sorted {
            stream.sendWindow += difference
            if stream.sendWindow > Self.maxWindow {
                return fail(.flowControlError, "a window grew too large")
            }
            if stream.hasQueued, stream.sendWindow > 0 { ring.append(stream) }
        }
    }

    func handlePing<Receiver: HTTP2Receiver>(
        _ flags: UInt8, _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        if number != 0 { return fail(.protocolError, "PING on a stream") }
        if payload.count != 8 { return fail(.frameSizeError, "bad PING") }
        let value = payload.bigEndian64(at: 0)
        if flags & FrameFlag.acknowledged != 0 {
            chargeControl()
            return receiver.pingAcknowledged(value)
        }
        writePing(value, flags: FrameFlag.acknowledged)
        chargeControl()
        if let policy = settings.pingPolicy, role == .server { enforce(policy) }
    }

    /// grpc-go's rule: whatever we sent since the last ping forgives the early ones.
    private func enforce(_ policy: PingPolicy) {
        let isEarly: Bool
        if let last = lastPing {
            let isQuiet = streams.count == 0 && !policy.permitsWithoutStreams
            isEarly = time < last + (isQuiet ? .seconds(7200) : policy.minInterval)
        } else {
            isEarly = false
        }
        lastPing = time
        if isEarly { earlyPingCount += 1 }
        if earlyPingCount > 2 { fail(.enhanceYourCalm, "too_many_pings") }
    }

    func handleGoAway<Receiver: HTTP2Receiver>(
        _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        if number != 0 { return fail(.protocolError, "GOAWAY on a stream") }
        if payload.count < 8 { return fail(.frameSizeError, "bad GOAWAY") }
        let limit = payload.bigEndian32(at: 0) & 0x7fff_ffff
        let code = HTTP2ErrorCode(payload.bigEndian32(at: 4))
        peerIsDraining = true
        chargeControl()
        receiver.wentAway(
            lastStream: StreamID(limit), code: code, text: payload.from(8).text)
        if role == .client {
            // Those above the limit were not looked at and may be tried again elsewhere.
            for stream in streams.sorted where stream.isOpen && stream.number > limit {
                receiver.ended(stream, code: .refusedStream, byPeer: true)
                if stream.isOpen { remove(stream) }
            }
        }
        closeWhenDrained()
    }

    func handleWindowUpdate<Receiver: HTTP2Receiver>(
        _ number: UInt32, _ payload: ByteView, _ receiver: Receiver
    ) {
        if payload.count != 4 { return fail(.frameSizeError, "bad WINDOW_UPDATE") }
        let increment = Int(payload.bigEndian32(at: 0) & 0x7fff_ffff)
        chargeControl()
        if number == 0 {
            if increment == 0 { return fail(.protocolError, "WINDOW_UPDATE of nothing") }
            sendWindow += increment
            if sendWindow > Self.maxWindow { fail(.flowControlError, "connection window") }
            return
        }
        guard let stream = streams[number] else {
            if isIdle(number) { fail(.protocolError, "WINDOW_UPDATE of an idle stream") }
            return
        }
        if increment == 0 { return breakStream(number, .protocolError, receiver) }
        stream.sendWindow += increment
        if stream.sendWindow > Self.maxWindow {
            return breakStream(number, .flowControlError, receiver)
        }
        if stream.hasQueued, stream.sendWindow > 0 { ring.append(stream) }
    }
}
