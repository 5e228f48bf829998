// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import HTTP

@Suite struct HPACKTests {
    func decode(_ decoder: inout HPACKDecoder, _ bytes: [UInt8]) throws -> [String] {
        try block(&decoder, bytes).fields.map(\.description)
    }

    func block(
        _ decoder: inout HPACKDecoder, _ bytes: [UInt8], limit: Int = 65_536
    ) throws -> HeaderBlock {
        try bytes.withView { view in
            Result { () throws(HTTPError) in try decoder.decode(view, maxListSize: limit) }
        }.get()
    }

    @Test func `literals of RFC 7541 C.2`() throws {
        var decoder = HPACKDecoder()
        let custom = hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572")
        #expect(try decode(&decoder, custom) == ["custom-key: custom-header"])
        #expect(decoder.tableByteCount == 55)
        decoder = HPACKDecoder()
        let path = hex("040c 2f73 616d 706c 652f 7061 7468")
        #expect(try decode(&decoder, path) == [":path: /sample/path"])
        let password = hex("1008 7061 7373 776f 7264 0673 6563 7265 74")
        #expect(try decode(&decoder, password) == ["password: secret"])
        #expect(try decode(&decoder, hex("82")) == [":method: GET"])
        #expect(decoder.tableByteCount == 0)
    }

    static let requests = [
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        [
            ":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
            "cache-control: no-cache",
        ],
        [
            ":method: GET", ":scheme: https", ":path: /index.html",
            ":authority: www.example.com", "custom-key: custom-value",
        ],
    ]

    static let codedRequests = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ]

    @Test(arguments: [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ], codedRequests,
    ])
    func `requests of RFC 7541 C.3 and C.4`(blocks: [String]) throws {
        var decoder = HPACKDecoder()
        for (index, size) in [57, 110, 164].enumerated() {
            #expect(try decode(&decoder, hex(blocks[index])) == Self.requests[index])
            #expect(decoder.tableByteCount == size)
        }
    }

    @Test func `the encoder writes the blocks of RFC 7541 C.4`() {
        var encoder = HPACKEncoder()
        for (fields, bytes) in zip(Self.requests, Self.codedRequests) {
            let list = fields.map { text in
                let colon = text.dropFirst().firstIndex(of: ":") ?? text.startIndex
                return HeaderField(
                    String(text[..<colon]), String(text[text.index(colon, offsetBy: 2)...]))
            }
            var output: [UInt8] = []
            encoder.encode(list, into: &output)
            #expect(output == hex(bytes))
        }
    }

    static let cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"

    @Test(arguments: [
        [
            """
            4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032
            303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63
            6f6d
            """, "4803 3330 37c1 c0bf",
            """
            88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0
            5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851
            5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31
            """,
        ],
        [
            """
            4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b
            ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
            """, "4883 640e ffc1 c0bf",
            """
            88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad
            94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160
            65c0 03ed 4ee5 b106 3d50 07
            """,
        ],
    ])
    func `responses of RFC 7541 C.5 and C.6`(blocks: [String]) throws {
        var decoder = HPACKDecoder(tableLimit: 256)
        let date = "date: Mon, 21 Oct 2013 20:13:21 GMT"
        let location = "location: https://www.example.com"
        let first = try decode(&decoder, hex(blocks[0]))
        #expect(first == [":status: 302", "cache-control: private", date, location])
        #expect(decoder.tableByteCount == 222)
        let second = try decode(&decoder, hex(blocks[1]))
        #expect(second == [":status: 307", "cache-control: private", date, location])
        #expect(decoder.tableByteCount == 222)
        let third = try decode(&decoder, hex(blocks[2]))
        #expect(
            third == [
                ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT",
                location, "content-encoding: gzip", Self.cookie,
            ])
        #expect(decoder.tableByteCount == 215)
    }

    @Test func `every byte survives the string code`() throws {
        var random = Random(seed: 7)
        for size in 0..<300 {
            let text = String(decoding: random.bytes(size), as: UTF8.self)
            var coded: [UInt8] = []
            Huffman.encode(text.utf8, into: &coded)
            #expect(coded.count == Huffman.encodedCount(text.utf8))
            #expect(try decodeString(coded) == Array(text.utf8))
        }
    }

    func decodeString(_ bytes: [UInt8]) throws -> [UInt8] {
        try bytes.withView { view in
            Result { () throws(HTTPError) in try Huffman.decode(view) }
        }.get()
    }

    @Test(arguments: ["ff", "ffff ffff", "00", "1f ff", "fe"])
    func `bad padding is refused`(text: String) {
        // "00" is five bits of '0' and three zero bits; the others hold too many ones or end early.
        #expect(throws: HTTPError.self) { try decodeString(hex(text)) }
    }

    @Test(arguments: [
        "80", "c0", "ff ff ff ff ff 7f", "40", "40 05 61", "3f e2 1f", "82 20", "00 81 00 00",
    ])
    func `broken blocks are refused`(text: String) {
        var decoder = HPACKDecoder()
        if text == "82 20" {
            #expect(throws: HTTPError.compression("table size update inside a block")) {
                try block(&decoder, hex(text))
            }
        } else {
            #expect(throws: HTTPError.self) { try block(&decoder, hex(text)) }
        }
    }

    @Test func `a repeated block means the same only while the table stands`() throws {
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        let first = [HeaderField("a", "1")]
        for _ in 0..<3 {
            var bytes: [UInt8] = []
            encoder.encode(first, into: &bytes)
            #expect(try block(&decoder, bytes).fields == first)
        }
        var bytes: [UInt8] = []
        encoder.encode([HeaderField("b", "2")], into: &bytes)
        _ = try block(&decoder, bytes)
        bytes = []
        encoder.encode(first, into: &bytes)
        #expect(bytes == [0x80 | 63])
        #expect(try block(&decoder, bytes).fields == first)
    }

    @Test func `whatever is encoded is decoded over a long connection`() throws {
        var random = Random(seed: 41)
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        let names = [":path", "grpc-timeout", "x-a", "x-b", "date", ":status", "content-type"]
        for round in 0..<4000 {
            if random.chance(percent: 2) { encoder.resize(random.below(5000)) }
            let fields = (0..<random.below(8)).map { _ in
                HeaderField(
                    names[random.below(names.count)],
                    String(repeating: "v\(random.below(30))", count: random.below(40)))
            }
            var bytes: [UInt8] = []
            encoder.encode(fields, into: &bytes)
            #expect(try block(&decoder, bytes).fields == fields, "round \(round)")
            #expect(decoder.tableByteCount == encoder.tableByteCount, "round \(round)")
        }
    }

    @Test func `a bomb of references is counted, not kept`() throws {
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        let big = HeaderField("x", String(repeating: "y", count: 1900))
        var bytes: [UInt8] = []
        encoder.encode([big], into: &bytes)
        _ = try block(&decoder, bytes)
        let bomb = try block(&decoder, [UInt8](repeating: 0x80 | 62, count: 120))
        #expect(bomb.isTooLarge)
        #expect(bomb.fields.count < 40)
        let calm = HTTPError.connection(
            .enhanceYourCalm, "a header block swells without end")
        #expect(throws: calm) {
            _ = try block(&decoder, [UInt8](repeating: 0x80 | 62, count: 16_000))
        }
    }

    @Test func `shapes of header lists`() throws {
        func shape(_ fields: [HeaderField]) throws -> String {
            var encoder = HPACKEncoder()
            var decoder = HPACKDecoder()
            var bytes: [UInt8] = []
            encoder.encode(fields, into: &bytes)
            let block = try block(&decoder, bytes)
            return block.isRequest
                ? "request" : block.isResponse ? "response" : block.isTrailers ? "trailers" : "bad"
        }
        let call = Speaker.call
        #expect(try shape(call) == "request")
        #expect(try shape([HeaderField(":status", "200")]) == "response")
        #expect(try shape([HeaderField("grpc-status", "0")]) == "trailers")
        #expect(try shape(Array(call.dropFirst())) == "bad")
        #expect(try shape(call + [HeaderField(":path", "/")]) == "bad")
        #expect(try shape(call + [HeaderField("X-Upper", "1")]) == "bad")
        #expect(try shape(call + [HeaderField("x", "a\nb")]) == "bad")
        #expect(try shape(call + [HeaderField("connection", "close")]) == "bad")
        #expect(try shape(call + [HeaderField("content-length", "x")]) == "bad")
        #expect(try shape([HeaderField("a", "b"), HeaderField(":status", "200")]) == "bad")
        #expect(try shape([HeaderField(":odd", "b")]) == "bad")
    }
}
