// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Testing

@testable import EtcdAPI

@Suite struct JSONReaderTests {
    private func read<M: WireMessage>(_ type: M.Type = M.self, _ text: String) throws -> M {
        try M(jsonText: Array(text.utf8))
    }

    private func failure<M: WireMessage>(_ type: M.Type, _ text: String) -> String? {
        do throws(JSONFailure) {
            _ = try M(jsonText: Array(text.utf8))
            return nil
        } catch {
            return error.text
        }
    }

    @Test func `numbers stand in quotes or not`() throws {
        for text in ["\"300\"", "300", "\" 300 \"", "3e2", "\"3e2\"", "300.0"] {
            #expect(try read(RangeRequest.self, "{\"limit\":\(text)}").limit == 300, "\(text)")
        }
        #expect(try read(RangeRequest.self, "{\"limit\":\"-9223372036854775808\"}").limit == .min)
    }

    @Test func `numbers that do not fit are refused`() {
        let large = "99999999999999999999"
        for text in [large, "1.5", "1e99"] {
            #expect(
                failure(RangeRequest.self, "{\"limit\":\(text)}")
                    == "json: cannot unmarshal number \(text) into Go value of type int64")
        }
        #expect(failure(MemberRemoveRequest.self, "{\"ID\":-1}")?.hasSuffix("type uint64") == true)
    }

    @Test(arguments: [
        ("{\"limit\":true}", "json: cannot unmarshal bool into Go value of type int64"),
        ("{\"limit\":{}}", "json: cannot unmarshal object into Go value of type int64"),
        ("{\"limit\":\"abc\"}", "invalid character 'a' looking for beginning of value"),
        ("{\"limit\":\"1 2\"}", "invalid character '2' after top-level value"),
        ("{\"limit\":\"\"}", "unexpected end of JSON input"),
        ("{\"key\":3}", "json: cannot unmarshal number into Go value of type []uint8"),
        ("{\"serializable\":\"true\"}", "json: cannot unmarshal string into Go value of type bool"),
        (
            "{\"sort_order\":true}",
            "json: cannot unmarshal bool into Go value of type protoreflect.EnumNumber"
        ),
        (
            "{\"sort_target\":\"nope\"}",
            "unknown value \"\\\"nope\\\"\" for enum etcdserverpb.RangeRequest.SortTarget"
        ),
        ("[1]", "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"),
        ("\"x\"", "json: cannot unmarshal string into Go value of type map[string]json.RawMessage"),
        ("{\"key\":\"Zm9\\u0001\"}", "illegal base64 data at input byte 3"),
        ("{\"key\":\"Zm9v!\"}", "illegal base64 data at input byte 4"),
        ("{\"key\":\"Zg=\"}", "illegal base64 data at input byte 3"),
        ("{\"key\":\"Zg==x\"}", "illegal base64 data at input byte 4"),
        ("{\"key\":\"Z\"}", "illegal base64 data at input byte 0"),
    ]) func `mistakes are told in the words of etcd`(_ text: String, _ words: String) {
        #expect(failure(RangeRequest.self, text) == words)
    }

    @Test(arguments: [
        ("x", "invalid character 'x' looking for beginning of value"),
        ("{\"key\":\"a\",}", "invalid character '}' looking for beginning of object key string"),
        ("{'key':1}", "invalid character '\\'' looking for beginning of object key string"),
        ("{\"key\" \"a\"}", "invalid character '\"' after object key"),
        ("{\"key\":1 2}", "invalid character '2' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("\"a\nb\"", "invalid character '\\n' in string literal"),
        ("\"\\x\"", "invalid character 'x' in string escape code"),
        ("\"\\u12G4\"", "invalid character 'G' in \\u hexadecimal character escape"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1ex", "invalid character 'x' in exponent of numeric literal"),
        ("nul]", "invalid character ']' in literal null (expecting 'l')"),
        ("{\"key\":\"a\"", "unexpected EOF"), ("-", "unexpected EOF"), ("1.", "unexpected EOF"),
    ]) func `bad syntax is told in the words of Go`(_ text: String, _ words: String) {
        var stream = JSONStream(maxBytes: 1000)
        stream.append(Array(text.utf8))
        stream.end()
        #expect(throws: JSONFailure(words)) { while try stream.next() != nil {} }
    }

    @Test func `bytes come in either alphabet, padded or not`() throws {
        for text in [
            "+/z9/v8APj8=", "-_z9_v8APj8=", "+/z9/v8APj8", "-_z9_v8APj8", "+/z9\\n/v8APj8=",
        ] {
            let request = try read(PutRequest.self, "{\"key\":\"\(text)\"}")
            #expect(request.key == [251, 252, 253, 254, 255, 0, 62, 63], "\(text)")
        }
        #expect(try read(PutRequest.self, "{\"key\":[102,111,111]}").key == Array("foo".utf8))
        #expect(throws: JSONFailure.self) { try read(PutRequest.self, "{\"key\":[256]}") }
    }

    @Test func `long bytes are what they were, and a wrong letter is named at any place`() throws {
        var random = Random(seed: 7)
        for count in 0..<40 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let letters = Array(Base64.encode(bytes).utf8)
            let text = String(decoding: letters, as: UTF8.self)
            #expect(try read(PutRequest.self, "{\"key\":\"\(text)\"}").key == bytes)
            for place in letters.indices where letters[place] != 0x3d {
                var wrong = letters
                wrong[place] = UInt8(ascii: "!")
                let text = String(decoding: wrong, as: UTF8.self)
                #expect(
                    failure(PutRequest.self, "{\"key\":\"\(text)\"}")
                        == "illegal base64 data at input byte \(place)")
            }
        }
    }

    @Test func `whatever ends the plain part of a string is seen at any place of it`() throws {
        for count in 0..<40 {
            let plain = String(repeating: " \u{7f}~\u{e9}!#[]", count: 8).prefix(count)
            for (special, words) in [
                ("\n", "invalid character '\\n' in string literal"),
                ("\u{1f}", "invalid character '\\x1f' in string literal"),
                ("\u{0}", "invalid character '\\x00' in string literal"),
                ("\\x", "invalid character 'x' in string escape code"),
            ] {
                #expect(
                    failure(AuthUserGetRequest.self, "{\"name\":\"\(plain)\(special) more\"}")
                        == words, "after \(count)")
            }
            let name = try read(
                AuthUserGetRequest.self, "{\"name\":\"\(plain)\\\"\\\\\(plain)\"}"
            ).name
            #expect(name == plain + "\"\\" + plain)
        }
    }

    @Test func `null is as if the field were not there`() throws {
        let text = "{\"key\":null,\"limit\":null,\"sort_order\":null,\"serializable\":null}"
        #expect(try read(RangeRequest.self, text) == RangeRequest())
        #expect(try read(RangeRequest.self, "null") == RangeRequest())
        #expect(try read(TxnRequest.self, "{\"success\":[null]}").success == [.none])
    }

    @Test func `unknown fields are passed over`() throws {
        let text = "{\"nothing\":[{\"a\":[1,2,{}]}],\"key\":\"YQ==\",\"KEY\":\"Yg==\"}"
        #expect(try read(RangeRequest.self, text).key == Array("a".utf8))
    }

    @Test func `the last of two fields with one name counts, and camel case before protobuf's`()
        throws
    {
        #expect(try read(RangeRequest.self, "{\"key\":\"YQ==\",\"key\":\"Yg==\"}").key == [0x62])
        let text = "{\"rangeEnd\":\"YQ==\",\"range_end\":\"Yg==\"}"
        #expect(try read(RangeRequest.self, text).rangeEnd == [0x61])
    }

    @Test func `of two alternatives the one with the higher number counts`() throws {
        let text = "{\"request_put\":{\"key\":\"YQ==\"},\"request_range\":{\"key\":\"Yg==\"}}"
        #expect(try read(RequestOp.self, text) == .put(PutRequest(key: [0x61])))
    }

    @Test func `strings resolve their escapes`() throws {
        let text = #"{"name":"\u0041\n\/\"\ud834\udd1e\ud834x\udd1e"}"#
        #expect(
            try read(AuthUserGetRequest.self, text).name == "A\n/\"\u{1D11E}\u{FFFD}x\u{FFFD}")
    }

    @Test func `depth has an end`() {
        let deep = String(repeating: "[", count: 301)
        #expect(failure(RangeRequest.self, "{\"x\":\(deep)") == "exceeded max depth")
        let open = String(repeating: "{\"success\":[{\"request_txn\":", count: 60)
        let close = String(repeating: "}]}", count: 60)
        #expect(failure(TxnRequest.self, open + "{}" + close) == "exceeded max depth")
    }

    @Test func `a stream gives each value as it ends, however it is cut`() throws {
        let text = Array(" {\"ID\":1}{\"ID\":\"2\"}\n 3 [] \"a]\" true".utf8)
        for size in 1...text.count {
            var stream = JSONStream(maxBytes: 100)
            var kinds: [String] = []
            for start in stride(from: 0, to: text.count, by: size) {
                stream.append(Array(text[start..<min(start + size, text.count)]))
                while let node = try stream.next() { kinds.append(node.kind) }
            }
            stream.end()
            while let node = try stream.next() { kinds.append(node.kind) }
            #expect(kinds == ["object", "object", "number", "array", "string", "bool"])
        }
    }

    @Test func `a value of a stream has a limit`() throws {
        var stream = JSONStream(maxBytes: 10)
        stream.append(Array("[1] \n   \n [2]".utf8))
        #expect(try stream.next()?.kind == "array")
        #expect(try stream.next()?.kind == "array")
        stream.append(Array("\"12345678901\"".utf8))
        #expect(throws: JSONStream.tooLarge) { try stream.next() }
        stream.append(Array("[3]".utf8))
        #expect(try stream.next() == nil)
    }

    @Test func `a stream of many small values takes time in proportion`() throws {
        var stream = JSONStream(maxBytes: 1 << 20)
        stream.append(Array(String(repeating: "{} ", count: 200_000).utf8))
        var count = 0
        while try stream.next() != nil { count += 1 }
        #expect(count == 200_000)
    }

    @Test func `errors carry gRPC's code and the status of HTTP`() throws {
        let text = String(decoding: GatewayStatus.body(code: 3, message: "a \"b\""), as: UTF8.self)
        #expect(text == #"{"error":"a \"b\"","code":3,"message":"a \"b\""}"#)
        let statuses = (0...16).map(GatewayStatus.http)
        #expect(
            statuses == [
                200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
            ])
        let line = GatewayStatus.streamBody(
            code: 14, message: "gone", phrase: "Service Unavailable")
        #expect(
            try JSON.parse(line)["error"]?["http_code"]?.int64 == 503)
    }
}

extension JSONReaderTests {
    /// Both readers of the house agree on what is JSON, and on its value.
    @Test func `random texts are read as the other reader of JSON reads them`() {
        var random = Random(seed: 20)
        var (good, bad) = (0, 0)
        for _ in 0..<60_000 {
            let text = Self.randomText(&random)
            let node = try? JSONStream.whole(text)
            let value = try? JSON.parse(text)
            #expect((node == nil) == (value == nil), "\(String(decoding: text, as: UTF8.self))")
            if let node, let value {
                good += 1
                #expect(Self.equal(node, value), "\(String(decoding: text, as: UTF8.self))")
            } else {
                bad += 1
            }
        }
        print("seed 20: \(good) texts were JSON, \(bad) were not")
        #expect(good > 5_000 && bad > 5_000)
    }

    private static let pieces = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"key\"", "1", "-0", "0.5", "1e2", "true", "null",
        " ", "\n", "\"\\u00e9\\n\"", "false", "\"\\ud834\"", "x", "\"", "\\", "01", "\u{1}", "é",
    ]

    private static func randomText(_ random: inout Random) -> [UInt8] {
        if random.chance(percent: 60) {
            var text = Array(randomValue(&random, depth: 0).utf8)
            if random.chance(percent: 50), !text.isEmpty {
                text[random.below(text.count)] = UInt8(truncatingIfNeeded: random.below(128))
            }
            return text
        }
        let count = random.below(8)
        return Array((0..<count).map { _ in pieces[random.below(pieces.count)] }.joined().utf8)
    }

    private static func randomValue(_ random: inout Random, depth: Int) -> String {
        switch random.below(depth > 3 ? 5 : 8) {
        case 0: return "null"
        case 1: return ["true", "false"][random.below(2)]
        case 2: return "\(Int(random.below(2000)) - 1000)"
        case 3: return ["\"a b\"", "\"\\\"\\\\\\/\\u0041\"", "\"\""][random.below(3)]
        case 4: return ["1.25", "-3e2", "0"][random.below(3)]
        case 5, 6:
            let members = (0..<random.below(4)).map { index in
                "\"k\(index)\" : \(randomValue(&random, depth: depth + 1))"
            }
            return "{" + members.joined(separator: ", ") + "}"
        default:
            let elements = (0..<random.below(4)).map { _ in
                randomValue(&random, depth: depth + 1)
            }
            return "[" + elements.joined(separator: ",") + " ]"
        }
    }

    private static func equal(_ node: JSONNode, _ value: JSONValue) -> Bool {
        switch (node, value) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.string(let left), .string(let right)): JSONText.unescaped(left) == right
        case (.number(let left), _):
            Double(String(decoding: left, as: UTF8.self)) == value.double
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy(equal)
        case (.object(let left), .object(let right)):
            left.count == right.members.count
                && zip(left, right.members).allSatisfy {
                    $0.key == $1.key && equal($0.value, $1.value)
                }
        default: false
        }
    }

    /// Damaged JSON of real messages, by way of the stream and cut at random.
    @Test func `damaged requests never crash`() {
        var random = Random(seed: 21)
        var read = 0
        for round in 0..<120_000 {
            let type = everyMessage[round % everyMessage.count]
            if Self.damage(type, &random) { read += 1 }
        }
        print("seed 21: 120000 damaged requests, \(read) could still be read")
        #expect(read > 1_000)
    }

    private static func damage<M: WireMessage>(_ type: M.Type, _ random: inout Random) -> Bool {
        var text = Array(RandomFiller.message(type, seed: random.next()).json().prefix(120))
        for _ in 0..<1 + random.below(3) where !text.isEmpty {
            let place = random.below(text.count)
            switch random.below(4) {
            case 0: text[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: text.remove(at: place)
            case 2: text.insert(Array("{}[]\",:\\0".utf8)[random.below(9)], at: place)
            default: text.removeLast(text.count - place)
            }
        }
        var stream = JSONStream(maxBytes: 200)
        let cut = random.below(text.count + 1)
        var isRead = false
        for piece in [Array(text[..<cut]), Array(text[cut...])] {
            stream.append(piece)
            while let node = try? stream.next() { isRead = (try? M(json: node)) != nil || isRead }
        }
        stream.end()
        while let node = try? stream.next() { isRead = (try? M(json: node)) != nil || isRead }
        return isRead
    }
}
