// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// A nonblocking stream socket, TCP or unix.
package final class Socket {
    /// -1 once closed.
    package private(set) var descriptor: Int32

    /// Takes over a descriptor; nobody else may close it.
    package init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    private init(family: Int32, subject: String) throws(PosixError) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(family, kind, 0)
        if descriptor < 0 { throw PosixError("socket", subject) }
    }

    deinit {
        close()
    }

    /// Harmless when repeated.
    package func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Gives the descriptor away, say to a socket on another thread.
    package func release() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    // MARK: Opening

    package struct ListenOptions: Sendable {
        package var backlog: Int32 = 4096
        /// Several sockets may listen on the address; the kernel spreads connections over them.
        package var sharesPort = false

        package init() {}
    }

    /// Port 0 takes any free one; `localAddress` tells which. A stale unix socket is replaced if
    /// nobody answers behind it. The address of all IPv6 interfaces also serves IPv4.
    package static func listen(
        _ address: SocketAddress, _ options: ListenOptions = ListenOptions()
    ) throws(PosixError) -> Socket {
        let made = try Socket(family: address.family, subject: "\(address)")
        if case .unix(let path) = address {
            try removeStale(path)
        } else {
            try made.set(SOL_SOCKET, SO_REUSEADDR, 1)
            if options.sharesPort { try made.set(SOL_SOCKET, SO_REUSEPORT, 1) }
        }
        if case .v6(let host, _, _) = address, host.allSatisfy({ $0 == 0 }) {
            try made.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        }
        let code = unsafe try withKernelForm(address) { unsafe bind(made.descriptor, $0, $1) }
        if code != 0 { throw PosixError("listen", "\(address)") }
        if Glibc.listen(made.descriptor, options.backlog) != 0 {
            throw PosixError("listen", "\(address)")
        }
        return made
    }

    /// Begins to connect. If the result says so the connection stands; otherwise the socket
    /// becomes writable once `connectFailure()` knows how it ended.
    package static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil
    ) throws(PosixError) -> (socket: Socket, isConnected: Bool) {
        let made = try Socket(family: address.family, subject: "\(address)")
        if let source {
            let code = unsafe try withKernelForm(source) { unsafe bind(made.descriptor, $0, $1) }
            if code != 0 { throw PosixError("bind", "\(source)") }
        }
        let code = unsafe try withKernelForm(address) {
            unsafe Glibc.connect(made.descriptor, $0, $1)
        }
        if code == 0 { return (made, true) }
        // A unix socket whose backlog is full says EAGAIN, which is no promise to go on.
        if errno == EINPROGRESS || errno == EINTR { return (made, false) }
        throw PosixError("connect", "\(address)")
    }

    /// How connecting ended: nil if it succeeded.
    package func connectFailure(_ subject: String) -> PosixError? {
        let code = pendingError
        return code == 0 ? nil : PosixError("connect", subject, code: code)
    }

    /// The next connection that waits; nil if none does, or if it left before it was taken.
    package func accept() throws(PosixError) -> Socket? {
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let taken = uninterrupted { accept4(descriptor, nil, nil, flags) }
        if taken >= 0 { return Socket(adopting: taken) }
        switch errno {
        case EAGAIN, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH,
            ENOPROTOOPT, ENONET:
            return nil
        default:
            throw PosixError("accept")
        }
    }

    // MARK: Bytes

    /// Reads what is there. 0 when the peer has ended its side; nil when nothing is there yet.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(PosixError) -> Int? {
        let count = uninterrupted {
            unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        }
        if count >= 0 { return count }
        if errno == EAGAIN { return nil }
        throw PosixError("read")
    }

    /// Writes as many bytes of the chunks as fit (at most the first 64 chunks), leaving out the
    /// first `skipping` bytes. Nil when none fits.
    package func write(
        _ chunks: ArraySlice<[UInt8]>, skipping: Int = 0
    ) throws(PosixError) -> Int? {
        let count = unsafe withVectors(chunks.prefix(64), skipping: skipping) { vectors in
            uninterrupted {
                unsafe writev(descriptor, vectors.baseAddress, Int32(vectors.count))
            }
        }
        if count >= 0 { return count }
        if errno == EAGAIN { return nil }
        throw PosixError("write")
    }

    /// Tells the peer that nothing more will come; reading goes on.
    package func endOutput() throws(PosixError) {
        if shutdown(descriptor, Int32(SHUT_WR)) != 0 { throw PosixError("shutdown") }
    }

    // MARK: State and options

    package var localAddress: SocketAddress? {
        unsafe address { unsafe getsockname(descriptor, $0, $1) }
    }

    /// Nil for one that is not connected.
    package var peerAddress: SocketAddress? {
        unsafe address { unsafe getpeername(descriptor, $0, $1) }
    }

    /// Small writes go out at once. Nothing to do for unix sockets.
    package func setNoDelay() throws(PosixError) {
        do throws(PosixError) {
            try set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        } catch  where error.code == EOPNOTSUPP {
            return
        }
    }

    /// Probes a silent peer after `idle`, then each `interval`; after three unanswered probes the
    /// connection fails.
    package func setKeepAlive(idle: Duration, interval: Duration) throws(PosixError) {
        do throws(PosixError) {
            try set(SOL_SOCKET, SO_KEEPALIVE, 1)
            let tcp = Int32(IPPROTO_TCP)
            try set(tcp, TCP_KEEPIDLE, Int32(clamping: max(1, idle.components.seconds)))
            try set(tcp, TCP_KEEPINTVL, Int32(clamping: max(1, interval.components.seconds)))
            try set(tcp, TCP_KEEPCNT, 3)
        } catch  where error.code == EOPNOTSUPP {
            return
        }
    }

    /// How many bytes the kernel keeps for the peer. Left alone the buffer grows by itself.
    package func setSendBuffer(_ byteCount: Int32) throws(PosixError) {
        try set(SOL_SOCKET, SO_SNDBUF, byteCount)
    }

    /// Closing will then throw away what was not sent, and reset the connection.
    package func setResetOnClose() throws(PosixError) {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        if unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size) != 0 {
            throw PosixError("setsockopt")
        }
    }

    /// The error that waits to be told, which this call takes away; 0 for none.
    package var pendingError: Int32 {
        var code: Int32 = 0
        var size = socklen_t(4)
        if unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0 { return errno }
        return code
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(PosixError) {
        var value = value
        if unsafe setsockopt(descriptor, level, option, &value, 4) != 0 {
            throw PosixError("setsockopt")
        }
    }

    private func address(
        _ ask: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var bytes = [UInt8](repeating: 0, count: 128)
        var size = socklen_t(bytes.count)
        let code = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return Int32(-1) }
            return unsafe ask(base.assumingMemoryBound(to: sockaddr.self), &size)
        }
        return code == 0 ? SocketAddress(kernelForm: Array(bytes.prefix(Int(size)))) : nil
    }
}

private func withKernelForm(
    _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) throws(PosixError) -> Int32 {
    let bytes = address.kernelForm
    // A unix path must fit with its zero into the 108 bytes that the kernel has for it.
    if address.isUnix, bytes.count > 110 {
        throw PosixError("socket", "\(address)", code: ENAMETOOLONG)
    }
    return unsafe bytes.withUnsafeBytes { buffer in
        guard let base = buffer.baseAddress else { return -1 }
        return unsafe body(base.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
    }
}

private func removeStale(_ path: String) throws(PosixError) {
    guard Directory.kind(of: path) == .other else { return }
    do throws(PosixError) {
        _ = try Socket.connect(to: .unix(path: path))
    } catch  where error.isRefused {
        try Directory.remove(path)
    } catch {
        return
    }
}
