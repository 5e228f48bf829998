// SPDX-License-Identifier: Apache-2.0
import Bytes
import Net
import Posix
import TestKit
import Testing

@Suite struct TLSSessionTests {
    @Test(arguments: [1, 2, 7, 100, 1_399, nil] as [Int?])
    func `twins agree however their bytes are cut`(_ fragment: Int?) throws {
        let papers = try TLSPapers()
        try papers.authority.issue("alice", .init("alice"))
        let twin = try TLSTwin(papers.client("alice"), papers.strictServer())
        twin.fragment = fragment
        #expect(twin.works)
        #expect(twin.clientFailure == nil && twin.serverFailure == nil)
        #expect(!twin.client.isHandshaking && !twin.server.isHandshaking)
        #expect(twin.server.peerCertificate?.commonName == "alice")
        #expect(twin.client.peerCertificate?.dnsNames == ["one.example"])
        #expect(twin.client.peerCertificate?.addresses == [[127, 0, 0, 1]])
        #expect(twin.client.peerCertificate?.names(.loopback(port: 1)) == true)
        #expect(twin.client.peerCertificate?.names(.v4(host: 0x7f00_0002, port: 1)) == false)
    }

    @Test func `a megabyte goes through in records, and small writes share one`() throws {
        let papers = try TLSPapers()
        let twin = try TLSTwin(papers.client(), papers.server())
        #expect(twin.works)
        var random = Random(seed: 7)
        let big = (0..<1_000_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        twin.serverGot = []
        twin.client.write(big)
        #expect(twin.client.pendingBytes == big.count)
        let chunks = try twin.client.takeOutput()
        #expect(twin.client.pendingBytes == 0)
        let overhead = chunks.reduce(0) { $0 + $1.count } - big.count
        #expect(overhead == (big.count + 16_383) / 16_384 * 22, "records of 16 KiB")
        for _ in 0..<100 { twin.client.write([1, 2, 3]) }
        #expect(try twin.client.takeOutput().reduce(0) { $0 + $1.count } == 300 + 22)
    }

    @Test func `goodbye goes behind what was written, and the other way stays open`() throws {
        let papers = try TLSPapers()
        let twin = try TLSTwin(papers.client(), papers.server())
        #expect(twin.works)
        twin.client.write([9])
        twin.client.endOutput()
        twin.client.write([10])
        twin.run()
        #expect(twin.serverGot.last == 9)
        #expect(twin.server.isInputOver && !twin.client.isInputOver)
        twin.server.write([11])
        twin.server.endOutput()
        twin.run()
        #expect(twin.clientGot.last == 11)
        #expect(twin.client.isInputOver)
        #expect(!twin.client.hasOutput && !twin.server.hasOutput)
    }

    @Test func `versions are kept to`() throws {
        let papers = try TLSPapers()
        func agreed(
            _ client: ClosedRange<TLSPolicy.Version>, _ server: ClosedRange<TLSPolicy.Version>
        ) throws -> Bool {
            let twin = try TLSTwin(
                papers.client {
                    $0.oldestVersion = client.lowerBound
                    $0.newestVersion = client.upperBound
                },
                papers.server {
                    $0.oldestVersion = server.lowerBound
                    $0.newestVersion = server.upperBound
                })
            return twin.works
        }
        #expect(try agreed(.tls12 ... .tls12, .tls12 ... .tls13))
        #expect(try agreed(.tls12 ... .tls13, .tls12 ... .tls12))
        #expect(try agreed(.tls13 ... .tls13, .tls12 ... .tls13))
        #expect(try !agreed(.tls12 ... .tls12, .tls13 ... .tls13))
        #expect(try !agreed(.tls13 ... .tls13, .tls12 ... .tls12))
    }

    /// Known bug: TOB-2020-15.
    @Test func `ciphers are kept to`() throws {
        let papers = try TLSPapers()
        func agreed(_ client: [String], _ server: [String]) throws -> Bool {
            let twin = try TLSTwin(
                papers.client {
                    $0.cipherSuites = client
                    $0.newestVersion = .tls12
                }, papers.server { $0.cipherSuites = server })
            return twin.works
        }
        let small = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        let large = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
        let cbc = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
        #expect(try agreed([], []))
        #expect(try agreed([small], []))
        #expect(try agreed([small, large], [large]))
        #expect(try !agreed([small], [large]))
        #expect(try !agreed([cbc], []), "what is not authenticated must be asked for by name")
        #expect(try agreed([cbc], [cbc]))
        #expect(try !agreed([], ["TLS_AES_128_GCM_SHA256"]), "TLS 1.3 alone")
    }

    @Test func `protocols are chosen by the server's order, and need not be`() throws {
        let papers = try TLSPapers()
        func chosen(_ client: [String], _ server: [String]) throws -> String? {
            let twin = try TLSTwin(
                papers.client { $0.applicationProtocols = client },
                papers.server { $0.applicationProtocols = server })
            #expect(twin.works)
            #expect(twin.client.applicationProtocol == twin.server.applicationProtocol)
            return twin.server.applicationProtocol
        }
        #expect(try chosen(["http/1.1", "h2"], ["h2", "http/1.1"]) == "h2")
        #expect(try chosen(["http/1.1"], ["h2", "http/1.1"]) == "http/1.1")
        #expect(try chosen([], ["h2"]) == nil)
        #expect(try chosen(["spdy"], ["h2"]) == nil)
        #expect(try chosen(["h2"], []) == nil)
    }

    @Test func `a certificate that was not verified proves nothing`() throws {
        let papers = try TLSPapers()
        let twin = try TLSTwin(papers.client { $0.verifiesServer = false }, papers.server())
        #expect(twin.works)
        #expect(twin.client.peerCertificate == nil)
        #expect(twin.server.peerCertificate == nil)
    }

    @Test func `a server's handshake stops once before it answers, where it shall`() throws {
        let papers = try TLSPapers()
        try papers.authority.issue("alice", .init("alice"))
        for version in [TLSPolicy.Version.tls12, .tls13] {
            for fragment in [nil, 1] {
                let twin = try TLSTwin(
                    papers.client("alice") { $0.newestVersion = version },
                    papers.strictServer(), pauses: true)
                twin.fragment = fragment
                #expect(twin.works)
                #expect(twin.pauses == [false])
                #expect(twin.server.peerCertificate != nil)
            }
        }
        let twin = try TLSTwin(papers.client("alice"), papers.strictServer())
        #expect(twin.works)
        #expect(twin.pauses == [])
    }

    @Test func `of the suites of TLS 1.3 the first of Go's is chosen`() throws {
        let papers = try TLSPapers()
        let client = try TLSSession(TLSContext(papers.client(), .client), host: "127.0.0.1")
        let server = try TLSSession(TLSContext(papers.server(), .server))
        for hello in try client.takeOutput() {
            try unsafe hello.withUnsafeBytes { try unsafe server.receive($0) }
        }
        let answer = try server.takeOutput().reduce([], +)
        // Record, kind and length, version, random number, the session's number (RFC 8446, 4.1.3).
        let at = 5 + 4 + 2 + 32
        #expect(answer[5] == 2)
        let suite = at + 1 + Int(answer[at])
        #expect(answer[suite..<suite + 2] == [0x13, 0x01], "TLS_AES_128_GCM_SHA256")
    }

    @Test func `plain HTTP is told that it came to the wrong port`() throws {
        let papers = try TLSPapers()
        let server = try TLSSession(TLSContext(papers.server(), .server))
        let request = Array("GET / HTTP/1.1\r\nhost: x\r\n\r\n".utf8)
        #expect(throws: NetError.session("tls: the client speaks HTTP, not TLS")) {
            try unsafe request.withUnsafeBytes { try unsafe server.receive($0) }
        }
        let answer = try server.takeOutput().reduce([], +)
        #expect(
            String(decoding: answer, as: UTF8.self)
                == "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
        )
    }

    @Test func `garbage of every kind ends the handshake and nothing else`() throws {
        let papers = try TLSPapers()
        let context = try TLSContext(papers.strictServer(), .server)
        let clientContext = try TLSContext(papers.client(), .client)
        var random = Random(seed: 20_261_121)
        var refused = 0
        let hello = try TLSSession(clientContext, host: "one.example").takeOutput().reduce([], +)
        for round in 0..<20_000 {
            var bytes: [UInt8]
            switch round % 4 {
            case 0:
                bytes = (0..<random.below(400)).map { _ in
                    UInt8(truncatingIfNeeded: random.next())
                }
            case 1:
                bytes =
                    [0x16, 3, 1] + (0..<80).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            default:
                // A true hello with a few bytes changed, cut or repeated.
                bytes = hello
                for _ in 0...random.below(4) {
                    bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                }
                if random.below(3) == 0 { bytes.removeLast(random.below(bytes.count)) }
                if random.below(5) == 0 { bytes += hello }
            }
            let server = try TLSSession(context, pauses: random.below(2) == 0)
            do throws(NetError) {
                var done = 0
                while done < bytes.count {
                    let count = min(bytes.count - done, 1 + random.below(300))
                    try unsafe bytes[done..<done + count].withUnsafeBufferPointer {
                        buffer throws(NetError) in
                        try unsafe server.receive(UnsafeRawBufferPointer(buffer))
                    }
                    if random.below(2) == 0 { try server.goOn() }
                    done += count
                }
            } catch {
                refused += 1
            }
            #expect(server.isHandshaking, "round \(round)")
            #expect(server.peerCertificate == nil)
            let output = try server.takeOutput().reduce(0) { $0 + $1.count }
            #expect(output < 8_192, "round \(round): \(output) bytes in answer")
        }
        #expect(refused > 10_000)
    }

    @Test func `a record changed on the way ends the session`() throws {
        let papers = try TLSPapers()
        let twin = try TLSTwin(papers.client(), papers.server())
        #expect(twin.works)
        twin.client.write(Array("secret".utf8))
        var record = try twin.client.takeOutput().reduce([], +)
        record[record.count - 1] ^= 1
        var room = [UInt8](repeating: 0, count: 100)
        #expect(throws: NetError.self) {
            try unsafe record.withUnsafeBytes { try unsafe twin.server.receive($0) }
            _ = try unsafe room.withUnsafeMutableBytes { try unsafe twin.server.read(into: $0) }
        }
        #expect(room.allSatisfy { $0 == 0 })
    }
}
