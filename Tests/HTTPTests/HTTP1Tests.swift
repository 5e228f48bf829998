// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct HTTP1Tests {
    /// Neighbouring pieces of a body joined, so that fragmentation does not show.
    func joined(_ events: [HTTP1Server.Event]) -> [HTTP1Server.Event] {
        events.reduce(into: []) { joined, event in
            if case .body(let more) = event, case .body(let before)? = joined.last {
                joined[joined.count - 1] = .body(before + more)
            } else {
                joined.append(event)
            }
        }
    }

    func joined(_ events: [HTTP1Client.Event]) -> [HTTP1Client.Event] {
        events.reduce(into: []) { joined, event in
            if case .body(let more) = event, case .body(let before)? = joined.last {
                joined[joined.count - 1] = .body(before + more)
            } else {
                joined.append(event)
            }
        }
    }

    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `a request and its answer`() {
        let server = HTTP1Server()
        server.receive(utf8("GET /health?x=1 HTTP/1.1\r\nHost: a:2379\r\nX-Odd:  b \r\n\r\n"))
        let head = HTTPRequestHead(
            method: "GET", target: "/health?x=1", authority: "a:2379",
            headers: [HeaderField("host", "a:2379"), HeaderField("x-odd", "b")])
        #expect(head.path == "/health")
        #expect(head.query == "x=1")
        #expect(server.takeEvents() == [.head(head), .end])
        server.respond(
            HTTPResponse(status: 200, contentType: "application/json", text: "{}"))
        #expect(
            text(server.takeOutput())
                == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                + "Content-Length: 2\r\n\r\n{}")
        #expect(!server.closesAfterOutput)
        #expect(server.isIdle)
    }

    @Test func `pipelined requests are read one at a time`() {
        let server = HTTP1Server()
        let one = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        server.receive(utf8(one + "GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
        let first = server.takeEvents()
        #expect(first.count == 3)
        #expect(first[1] == .body(utf8("abc")))
        server.respond(HTTPResponse(status: 204))
        #expect(text(server.takeOutput()) == "HTTP/1.1 204 No Content\r\n\r\n")
        let second = server.takeEvents()
        #expect(second.count == 2)
        server.respond(HTTPResponse(status: 404, contentType: "text/plain", text: "no"))
        #expect(text(server.takeOutput()).contains("Connection: close\r\n"))
        #expect(server.closesAfterOutput)
    }

    @Test func `bodies stream in chunks both ways`() {
        let server = HTTP1Server()
        let request =
            "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            + "Expect: 100-continue\r\n\r\n"
        server.receive(utf8(request))
        #expect(text(server.takeOutput()) == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(server.takeEvents().count == 1)
        server.sendHead(HTTPResponseHead(status: 200), length: .chunked)
        server.sendBody(utf8("hello"))
        server.sendBody([])
        #expect(
            text(server.takeOutput())
                == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        server.receive(utf8("3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n"))
        #expect(joined(server.takeEvents()) == [.body(utf8("abc0123456789abcdef"))])
        server.receive(utf8("0\r\nTrailer: x\r\n\r\n"))
        #expect(server.takeEvents() == [.end])
        server.sendEnd()
        #expect(text(server.takeOutput()) == "0\r\n\r\n")
        #expect(server.isIdle)
    }

    @Test func `an old client gets no chunks`() {
        let server = HTTP1Server()
        server.receive(utf8("GET / HTTP/1.0\r\n\r\n"))
        server.sendHead(HTTPResponseHead(status: 200), length: .chunked)
        server.sendBody(utf8("x"))
        server.sendEnd()
        #expect(text(server.takeOutput()) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx")
        #expect(server.closesAfterOutput)
    }

    @Test func `HEAD is answered without a body`() {
        let server = HTTP1Server()
        server.receive(utf8("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"))
        server.respond(HTTPResponse(status: 200, body: utf8("12345")))
        #expect(text(server.takeOutput()) == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400), ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/2.1\r\nHost: a\r\n\r\n", 501), ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n", 400
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 70_000), 431),
    ])
    func `bad requests are answered and the connection closes`(request: String, status: Int) {
        let server = HTTP1Server()
        server.receive(utf8(request))
        let failed = server.takeEvents().contains {
            if case .failed = $0 { true } else { false }
        }
        #expect(failed)
        #expect(text(server.takeOutput()).hasPrefix("HTTP/1.1 \(status) "))
        #expect(server.closesAfterOutput)
    }

    @Test func `a body beyond its limit is refused`() {
        var limits = HTTP1Server.Limits()
        limits.bodyBytes = 4
        let server = HTTP1Server(limits: limits)
        server.receive(utf8("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345"))
        #expect(server.takeEvents().last == .failed(.tooLarge("request body")))
        #expect(text(server.takeOutput()).hasPrefix("HTTP/1.1 413 "))
    }

    @Test func `a client reads what a server writes`() {
        let client = HTTP1Client()
        let server = HTTP1Server()
        for round in 0..<3 {
            client.send(
                HTTPRequest(
                    head: HTTPRequestHead(method: "POST", target: "/raft", authority: "peer"),
                    body: utf8("body \(round)")))
            server.receive(client.takeOutput())
            #expect(server.takeEvents().count == 3)
            server.sendHead(HTTPResponseHead(status: 200), length: .chunked)
            server.sendBody(utf8("one"))
            server.sendBody(utf8("two"))
            server.sendEnd()
            client.receive(server.takeOutput())
            let head = HTTPResponseHead(
                status: 200, headers: [HeaderField("transfer-encoding", "chunked")])
            #expect(joined(client.takeEvents()) == [.head(head), .body(utf8("onetwo")), .end])
            #expect(client.isReusable)
        }
    }

    @Test func `a client sends a request without end`() {
        let client = HTTP1Client()
        client.sendHead(
            HTTPRequestHead(method: "POST", target: "/s", authority: "p"), length: .chunked)
        client.sendBody(utf8("0123456789"))
        #expect(
            text(client.takeOutput())
                == "POST /s HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "a\r\n0123456789\r\n")
        client.receive(utf8("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc"))
        #expect(
            client.takeEvents() == [.head(HTTPResponseHead(status: 200)), .body(utf8("abc"))])
        client.transportEnded()
        #expect(client.takeEvents() == [.end])
        #expect(!client.isReusable)
    }

    @Test func `an answer cut short is no answer`() {
        let client = HTTP1Client()
        client.send(HTTPRequest(head: HTTPRequestHead(method: "GET", target: "/")))
        client.receive(utf8("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"))
        client.transportEnded()
        #expect(client.takeEvents().last == .failed(.truncated))
    }

    @Test func `pieces give the same events as the whole`() {
        var random = Random(seed: 3)
        let stream = utf8(
            "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5\r\nhello\r\n1F\r\n" + String(repeating: "z", count: 31) + "\r\n0\r\n\r\n")
        let whole = HTTP1Server()
        whole.receive(stream)
        let expected = joined(whole.takeEvents())
        for _ in 0..<300 {
            let server = HTTP1Server()
            for piece in stream.pieces(&random, max: 9) { server.receive(piece) }
            #expect(joined(server.takeEvents()) == expected)
        }
    }

    @Test func `the sniffer tells protocols apart`() {
        #expect(ProtocolSniffer.look([]) == .undecided)
        #expect(ProtocolSniffer.look([0x16, 3]) == .tls)
        #expect(ProtocolSniffer.look(utf8("GET /")) == .http1)
        #expect(ProtocolSniffer.look(utf8("PRI * HT")) == .undecided)
        #expect(ProtocolSniffer.look(utf8("PRI *x")) == .http1)
        #expect(ProtocolSniffer.look(HTTP2Engine.preface + [0]) == .http2)
        #expect(ProtocolSniffer.look(utf8("PO")) == .http1)
    }
}
