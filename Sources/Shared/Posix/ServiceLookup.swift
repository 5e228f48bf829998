// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Asks the machine's name servers where a service is. Blocks, at most ten seconds a name server.
package struct ServiceLookup: Sendable {
    /// Like /etc/resolv.conf; an address may have a port behind it.
    private let file: String

    private static let tries = 2
    private static let patienceSeconds = 5

    package init(file: String? = nil) {
        self.file = file ?? "/etc/resolv.conf"
    }

    /// By priority, then by name; never empty. `name` is like `_service._tcp.example.com`.
    package func records(_ name: String) throws(NameLookupError) -> [ServiceRecord] {
        var failure = NameLookupError(
            host: name, reason: "there is no name server", isUnknownName: false)
        for _ in 0..<ServiceLookup.tries {
            for server in servers {
                do throws(NameLookupError) {
                    return try ask(server, name)
                } catch {
                    if error.isUnknownName { throw error }
                    failure = error
                }
            }
        }
        throw failure
    }

    private var servers: [SocketAddress] {
        guard let bytes = try? File(file, .read).readAll(limit: 1 << 20) else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return lines.compactMap { line in
            let words = line.split { $0 == " " || $0 == "\t" }
            guard words.count > 1, words[0] == "nameserver" else { return nil }
            let text = String(words[1])
            if let address = SocketAddress(host: text, port: 53) { return address }
            return HostPort(text).flatMap { SocketAddress(host: $0.host, port: $0.port) }
        }
    }

    private func ask(
        _ server: SocketAddress, _ name: String
    ) throws(NameLookupError) -> [ServiceRecord] {
        func failure(_ reason: String, isUnknown: Bool = false) -> NameLookupError {
            NameLookupError(
                host: "\(name) on \(server)", reason: reason, isUnknownName: isUnknown)
        }
        guard let number = try? SecureRandom.number() else { throw failure("no randomness") }
        let id = UInt16(truncatingIfNeeded: number)
        guard let question = ServiceMessage.question(name, id: id) else {
            throw failure("no such host", isUnknown: true)
        }
        let answer: [UInt8]
        do throws(PosixError) {
            answer = try Datagram.exchange(
                question, with: server, answerMax: ServiceMessage.byteMax,
                seconds: ServiceLookup.patienceSeconds)
        } catch {
            throw failure("\(error)")
        }
        guard let message = ServiceMessage(answer, id: id) else {
            throw failure("cannot unmarshal DNS message")
        }
        if message.isCut { throw failure("the answer is too long for a datagram") }
        switch message.responseCode {
        case 0 where !message.records.isEmpty:
            return message.records.sorted {
                ($0.priority, $0.host, $0.port) < ($1.priority, $1.host, $1.port)
            }
        case 0, 3: throw failure("no such host", isUnknown: true)
        default: throw failure("server misbehaving")
        }
    }
}

/// One datagram there and one back.
private enum Datagram {
    static func exchange(
        _ message: [UInt8], with server: SocketAddress, answerMax: Int, seconds: Int
    ) throws(PosixError) -> [UInt8] {
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(server.family, kind, 0)
        if descriptor < 0 { throw PosixError("socket", "\(server)") }
        defer { _ = Glibc.close(descriptor) }
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        if unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size) != 0 {
            throw PosixError("setsockopt", "\(server)")
        }
        // Connected, the socket takes datagrams of this server only.
        let form = server.kernelForm
        let connected = unsafe form.withUnsafeBytes { buffer -> Int32 in
            guard let base = buffer.baseAddress else { return -1 }
            return unsafe Glibc.connect(
                descriptor, base.assumingMemoryBound(to: sockaddr.self),
                socklen_t(buffer.count))
        }
        if connected != 0 { throw PosixError("connect", "\(server)") }
        let sent = unsafe message.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, 0)
        }
        if sent != message.count { throw PosixError("send", "\(server)") }
        var answer = [UInt8](repeating: 0, count: answerMax)
        let count = unsafe answer.withUnsafeMutableBytes {
            unsafe Glibc.recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        if count < 0 { throw PosixError("recv", "\(server)") }
        return Array(answer.prefix(count))
    }
}
