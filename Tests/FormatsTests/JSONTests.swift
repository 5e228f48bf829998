// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Formats

@Suite struct JSONTests {
    @Test func `whole numbers are exact to 64 bits`() throws {
        #expect(try JSON.parse("9223372036854775807") == .integer(.max))
        #expect(try JSON.parse("-9223372036854775808") == .integer(.min))
        #expect(try JSON.parse("18446744073709551615") == .unsigned(.max))
        #expect(try JSON.parse("18446744073709551616") == .number(18_446_744_073_709_551_616))
        #expect(try JSON.parse("1e3").int64 == 1000)
        #expect(try JSON.parse("1.5").int64 == nil)
        #expect(JSON.text(.unsigned(.max)) == "18446744073709551615")
    }

    @Test func `keys keep their order and the last of two counts`() throws {
        let value = try JSON.parse(#" { "b" : 1, "a": [true, null], "b": 2 } "#)
        #expect(value["b"] == 2)
        #expect(value["a"]?[1] == .null)
        #expect(value["c"] == nil)
        #expect(JSON.text(value) == #"{"b":1,"a":[true,null],"b":2}"#)
        #expect(
            JSON.text(["b": 1, "a": 2], style: JSON.Style(sortsKeys: true)) == #"{"a":2,"b":1}"#)
    }

    @Test func `members are set, appended and removed`() {
        var object = JSONObject()
        object["a"] = 1
        object["b"] = 2
        object["a"] = 3
        #expect(JSON.text(.object(object)) == #"{"a":3,"b":2}"#)
        object["a"] = nil
        #expect(object.keys == ["b"])
    }

    @Test func `strings are escaped as Go does`() {
        let text: JSONValue = .string("a\"\\\n\r\t\u{8}\u{c}\u{1}<>&\u{2028}é😀")
        #expect(
            JSON.text(text)
                == #""a\"\\\n\r\t\b\f\u0001\u003c\u003e\u0026\u2028é😀""#)
        #expect(JSON.text("<&>", style: JSON.Style(escapesHTML: false)) == #""<&>""#)
        var output: [UInt8] = [0x3a]
        JSON.append(string: "x", to: &output)
        #expect(output == Array(#":"x""#.utf8))
    }

    @Test func `escapes are read, lone surrogates become the replacement character`() throws {
        #expect(try JSON.parse(#""\u00e9\ud83d\ude00\/\b\f\n\r\t""#) == "é😀/\u{8}\u{c}\n\r\t")
        #expect(try JSON.parse(#""\ud83dx""#) == "\u{FFFD}x")
        #expect(try JSON.parse(#""\ude00\u0041""#) == "\u{FFFD}A")
        #expect(try JSON.parse(#""\ud83d\u0041""#) == "\u{FFFD}A")
        #expect(try JSON.parse([0x22, 0xff, 0x22]) == "\u{FFFD}")
    }

    @Test(
        arguments: [
            (0.1, "0.1"), (100, "100"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"), (0.000001, "0.000001"), (-2.5, "-2.5"), (123456.789, "123456.789"),
            (.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
            (0, "0"),
            (1e-5, "0.00001"), (3e16, "30000000000000000"),
            (12345678901234568, "12345678901234568"),
        ] as [(Double, String)])
    func `numbers are laid out as Go does`(_ number: Double, _ text: String) throws {
        #expect(JSON.text(.number(number)) == text)
    }

    @Test func `indented text`() {
        let value: JSONValue = ["a": [1, 2], "b": [:], "c": []]
        #expect(
            JSON.text(value, style: JSON.Style(indent: 2))
                == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}")
    }

    @Test func `mistakes are told with line and column`() {
        #expect(
            throws: FormatError(line: 2, column: 6, reason: "':' is missing")
        ) { try JSON.parse("{\n \"a\" 1}") }
        for text in [
            "", " ", "{", "[", "[1,]", "{\"a\":1,}", "01", "1.", "-", "+1", ".5", "1e", "tru",
            "nul", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\n\"", "1 2", "{1:2}", "NaN", "1e999",
        ] {
            #expect(throws: FormatError.self, "\(text)") { try JSON.parse(text) }
        }
    }

    @Test func `depth is bounded`() throws {
        func nest(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSON.parse(nest(JSON.maxDepth))
        #expect(throws: FormatError.self) { try JSON.parse(nest(JSON.maxDepth + 1)) }
        #expect(throws: FormatError.self) { try JSON.parse(String(repeating: "[", count: 100_000)) }
    }

    // MARK: Seeded

    static func value(_ random: inout Random, depth: Int = 0) -> JSONValue {
        switch random.below(depth < 4 ? 9 : 7) {
        case 0: return .null
        case 1: return .bool(random.chance(percent: 50))
        case 2: return .integer(Int64(bitPattern: random.next()))
        case 3: return .unsigned(random.next() | 1 << 63)
        case 4:
            let number = Double(bitPattern: random.next())
            // Whole numbers come back as integers; that is told apart below.
            return number.isFinite && number != number.rounded() ? .number(number) : .number(0.5)
        case 5, 6: return .string(text(&random))
        case 7: return .array((0..<random.below(4)).map { _ in value(&random, depth: depth + 1) })
        default:
            return .object(
                (0..<random.below(4)).map { _ in (text(&random), value(&random, depth: depth + 1)) }
            )
        }
    }

    static func text(_ random: inout Random) -> String {
        let letters: [Character] = ["a", "\"", "\\", "\n", "<", "é", "😀", "\u{1}", "\u{2029}", "/"]
        return String((0..<random.below(6)).map { _ in letters[random.below(letters.count)] })
    }

    @Test func `what is written is read back`() throws {
        var random = Random(seed: 11)
        for round in 0..<3000 {
            let value = Self.value(&random)
            let style = JSON.Style(
                escapesHTML: round % 2 == 0, indent: round % 3 == 0 ? 2 : nil)
            #expect(try JSON.parse(JSON.text(value, style: style)) == value)
        }
    }

    @Test func `damaged text never crashes`() {
        Self.fuzz(seed: 5, count: 110_000)
    }

    static func fuzz(seed: UInt64, count: Int) {
        var random = Random(seed: seed)
        let letters = Array("{}[]\":,\\u0041dtfn-+.eE19 \n\u{1}".utf8) + [0xff, 0xc3]
        for _ in 0..<count {
            let text = (0..<random.below(14)).map { _ in letters[random.below(letters.count)] }
            if let value = try? JSON.parse(text) {
                #expect((try? JSON.parse(JSON.bytes(value))) != nil)
            }
        }
    }
}
