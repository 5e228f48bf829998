// SPDX-License-Identifier: Apache-2.0
internal import Posix
internal import TestKit
internal import Testing

struct SocketTests {
    @Test(arguments: ["127.0.0.1:2379", "[::1]:80", "[2001:db8::42]:1", "unix:/run/a.sock"])
    func `addresses are printed as they are read`(text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test(arguments: [
        "localhost:1", "1.2.3:4", "::1:80", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+1", "[::1]", "",
    ])
    func `what is no address is refused`(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func `hosts and ports come apart`() {
        #expect(HostPort("example.com:443") == HostPort(host: "example.com", port: 443))
        #expect(HostPort("[::1]:2")?.host == "::1")
        #expect(HostPort(host: "::1", port: 2).description == "[::1]:2")
        #expect(HostPort(":2379")?.host == "")
        #expect(HostPort("::1:2") == nil)
        #expect(HostPort("nothing") == nil)
    }

    @Test func `bytes go both ways over loopback`() throws {
        let listener = try Socket.listen(.loopback(port: 0))
        let address = try #require(listener.localAddress)
        #expect(address.port != 0)
        let (client, _) = try Socket.connect(to: address)
        var server: Socket?
        try eventually("a connection waits") {
            server = try listener.accept()
            return server != nil
        }
        let taken = try #require(server)
        #expect(taken.peerAddress == client.localAddress)
        #expect(client.connectFailure("") == nil)
        try client.setNoDelay()
        try client.setKeepAlive(idle: .seconds(5), interval: .seconds(1))
        let chunks: [[UInt8]] = [Array("xxhe".utf8), [], Array("llo".utf8)]
        #expect(try client.write(chunks[...], skipping: 2) == 5)
        #expect(try readSome(taken) == Array("hello".utf8))
        try client.endOutput()
        #expect(try readSome(taken) == [])
        #expect(try readNow(client) == nil)
    }

    @Test func `nobody listening is a refusal`() throws {
        let port = try Ports.free()
        do throws(PosixError) {
            let (socket, _) = try Socket.connect(to: .loopback(port: port))
            let failure = socket.connectFailure("there")
            #expect(failure?.isRefused == true)
            #expect(failure?.description == "connect there: connection refused")
        } catch {
            #expect(error.isRefused)
        }
    }

    @Test func `a port in use is refused`() throws {
        let first = try Socket.listen(.loopback(port: 0))
        let address = try #require(first.localAddress)
        let error = #expect(throws: PosixError.self) { try Socket.listen(address) }
        #expect(error?.isAddressInUse == true)
    }

    @Test func `a stale unix socket is replaced and a living one is not`() throws {
        let folder = try TemporaryFolder()
        let address = SocketAddress.unix(path: folder["s"])
        try Socket.listen(address).close()
        #expect(Directory.exists(folder["s"]))
        let second = try Socket.listen(address)
        #expect(second.localAddress == address)
        #expect(throws: PosixError.self) { try Socket.listen(address) }
        let long = SocketAddress.unix(path: folder[String(repeating: "x", count: 200)])
        #expect(throws: PosixError.self) { try Socket.listen(long) }
    }

    @Test func `names are found in the table, on the machine, or not at all`() throws {
        let lookup = NameLookup(hosts: ["member-1": ["127.0.0.7"]])
        #expect(
            try lookup.addresses(of: "member-1", port: 7)
                == [.v4(host: 0x7F00_0007, port: 7)])
        #expect(lookup.immediate("localhost", port: 7) == nil)
        #expect(
            try lookup.addresses(of: "localhost", port: 7).contains(.loopback(port: 7)))
        let error = #expect(throws: NameLookupError.self) {
            try lookup.addresses(of: "no-such-name.invalid", port: 7)
        }
        #expect(error?.host == "no-such-name.invalid")
        #expect(try lookup.addressesToListen(on: HostPort(host: "", port: 7)).count == 1)
    }

    private func readNow(_ socket: Socket) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = unsafe try bytes.withUnsafeMutableBytes { unsafe try socket.read(into: $0) }
        return count.map { Array(bytes.prefix($0)) }
    }

    private func readSome(_ socket: Socket) throws -> [UInt8] {
        var bytes: [UInt8]?
        try eventually("bytes") {
            bytes = try readNow(socket)
            return bytes != nil
        }
        return bytes ?? []
    }
}
