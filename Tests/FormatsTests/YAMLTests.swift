// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Formats

@Suite struct YAMLTests {
    @Test func `a configuration file`() throws {
        let value = try YAML.read(
            """
            # This is the configuration file.
            name: 'default'
            data-dir: /var/lib/etcd
            snapshot-count: 10000
            heartbeat-interval: 100
            quota-backend-bytes: 0
            listen-client-urls: http://localhost:2379,http://10.0.0.1:2379
            initial-cluster:
            strict-reconfig-check: false
            pre-vote: true
            cors: "*"
            client-transport-security:
              cert-file: ''
              auto-tls: false
            log-outputs: [stderr, 'file.log']
            list:
              - 1
              - a: b
                c: 0x10
            """)
        #expect(value["name"] == "default")
        #expect(value["snapshot-count"] == 10000)
        #expect(value["listen-client-urls"] == "http://localhost:2379,http://10.0.0.1:2379")
        #expect(value["initial-cluster"] == .null)
        #expect(value["strict-reconfig-check"] == false)
        #expect(value["client-transport-security"] == ["cert-file": "", "auto-tls": false])
        #expect(value["log-outputs"] == ["stderr", "file.log"])
        #expect(value["list"] == [1, ["a": "b", "c": 16]])
        #expect(value.object?.keys.prefix(2) == ["name", "data-dir"])
    }

    @Test(
        arguments: [
            ("~", .null), ("yes", true), ("Off", false), ("'yes'", "yes"), ("12", 12), ("-7", -7),
            ("+7", 7), ("0x1F", 31), ("0b101", 5), ("0o17", 15), ("017", 15), ("1_000", 1000),
            ("1.5", .number(1.5)), (".5", .number(0.5)), ("1e3", .number(1000)), ("1.2.3", "1.2.3"),
            ("127.0.0.1", "127.0.0.1"), ("10s", "10s"), ("2026-01-02", "2026-01-02"), ("-", "-"),
            ("18446744073709551615", .unsigned(.max)), ("-9223372036854775808", .integer(.min)),
            ("089", .number(89)), ("nan", "nan"), ("0x", "0x"), ("!!str 12", "12"), ("", .null),
            ("|\n  a\n  b\n", "a\nb\n"), (">\n  a\n  b\n", "a b\n"), ("\"\\u00e9\\n\"", "é\n"),
            (".inf", .number(.infinity)), ("&anchor x", "x"), ("{a: 1}", ["a": 1]), ("+-1", "+-1"),
        ] as [(String, JSONValue)])
    func `words mean what Go's readers say`(_ text: String, _ value: JSONValue) throws {
        // At the top level a lone "-" would open a list.
        let read = try YAML.read(text == "-" ? "'-'" : text)
        #expect(read == value, "\(text)")
    }

    @Test func `several documents`() throws {
        let text = Array("a: 1\n---\nb: 2\n---\n".utf8)
        #expect(try YAML.readAll(text) == [["a": 1], ["b": 2], .null])
        #expect(throws: FormatError.self) { try YAML.read(text) }
        #expect(try YAML.readAll([]) == [])
    }

    @Test func `aliases, foreign tags, double keys and depth are refused`() {
        #expect(
            throws: FormatError(line: 2, column: 4, reason: "aliases are not supported")
        ) { try YAML.read("a: &x 1\nb: *x\n") }
        #expect(
            throws: FormatError(line: 2, column: 1, reason: "the key \"a\" appears twice")
        ) { try YAML.read("a: 1\na: 2\n") }
        for text in [
            "!!binary aGk=", "{[1]: 2}", "a: b: c", "\t- x", "[1", "\"a", "%YAML 9", "{a", "- b\nc",
            String(repeating: "[", count: 5000), String(repeating: "- ", count: 500) + "x",
        ] {
            #expect(throws: FormatError.self, "\(text.prefix(20))") { try YAML.read(text) }
        }
        #expect(throws: FormatError.self) { try YAML.read([0xff, 0xfe, 0x00]) }
    }

    @Test func `mistakes are told with line and column`() {
        do {
            _ = try YAML.read("a: 1\nb: [1, 2\nc: 3\n")
            Issue.record("was read")
        } catch {
            #expect(error.line >= 2)
            #expect(!error.reason.isEmpty)
        }
    }

    @Test func `what JSON says, YAML reads the same`() throws {
        var random = Random(seed: 3)
        for _ in 0..<800 {
            var value = JSONTests.value(&random)
            // A key may stand only once here.
            if case .object = value { value = .array([]) }
            guard let text = Self.plain(value) else { continue }
            #expect(try YAML.read(text) == value, "\(text)")
        }
    }

    /// JSON text, or nil if the value holds objects or numbers with exponents.
    private static func plain(_ value: JSONValue) -> String? {
        let text = JSON.text(value, style: JSON.Style(escapesHTML: false))
        return text.contains("{") || text.contains("e-") || text.contains("e+")
            || text.contains("\\/") ? nil : text
    }

    @Test func `damaged text never crashes`() {
        Self.fuzz(seed: 8, count: 105_000)
    }

    static func fuzz(seed: UInt64, count: Int) {
        var random = Random(seed: seed)
        let letters = Array("ab: -[]{},&*!|>'\"#%@\n\n  \t0x1~?\\".utf8) + [0xc3, 0xa9, 0xff, 0]
        for _ in 0..<count {
            let text = (0..<random.below(14)).map { _ in letters[random.below(letters.count)] }
            _ = try? YAML.readAll(text)
        }
    }
}
