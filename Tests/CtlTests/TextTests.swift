// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Testing

@testable import Ctl

struct TextTests {
    @Test(arguments: [
        ("a\"b\\", "\"a\\\"b\\\\\""), ("\n\t\u{7}\u{1}\u{7f}", "\"\\n\\t\\a\\x01\\x7f\""),
        ("é漢😀", "\"é漢😀\""), ("\u{a0}\u{200b}", "\"\\u00a0\\u200b\""),
    ])
    func `texts are quoted as Go does`(_ text: String, _ quoted: String) {
        #expect(GoQuote.text(text) == quoted)
        var rest = Substring(quoted).utf8
        #expect(GoQuote.read(&rest) == Array(text.utf8))
    }

    @Test
    func `bytes that are no text survive quoting`() {
        #expect(GoQuote.text([0xff, 0x61, 0xc3]) == "\"\\xffa\\xc3\"")
        var random = Random(seed: 5)
        for _ in 0..<20_000 {
            let bytes = random.bytes(random.below(12))
            let quoted = GoQuote.text(bytes)
            var rest = Substring(quoted).utf8
            #expect(GoQuote.read(&rest) == bytes && rest.isEmpty)
        }
    }

    @Test
    func `any line is taken apart or refused, never worse`() {
        var random = Random(seed: 11)
        let letters = Array("\"'\\ ()=<>xu01abgetputdel-\tval".unicodeScalars)
        for _ in 0..<100_000 {
            var line = ""
            for _ in 0..<random.below(14) {
                line.unicodeScalars.append(letters[random.below(letters.count)])
            }
            _ = Words.split(line)
            _ = try? TxnText.compare(line)
            _ = try? TxnText.operation(line)
        }
    }

    @Test
    func `words are split at blanks outside of quotes`() {
        #expect(Words.split(" put 'a b' \"c\\n\"  d ") == ["put", "a b", "c\n", "d"])
        #expect(Words.split("put \"a") == nil)
        #expect(Words.trimmed("\t a b \r") == "a b")
    }

    @Test
    func `comparisons are read`() throws {
        let compare = try TxnText.compare("mod(\"k\") > \"12\"")
        #expect(compare.target == .mod && compare.result == .greater)
        #expect(compare.key == [0x6b] && compare.targetUnion == .modRevision(12))
        #expect(try TxnText.compare("val(\"k\") != \"v\"").targetUnion == .value([0x76]))
        #expect(try TxnText.compare("lease(\"k\") = \"1f\"").targetUnion == .lease(31))
    }

    @Test(arguments: [
        ("foo", "malformed comparison: foo"),
        ("foo(k1) = 1", "malformed comparison: foo(k1) = 1; got foo(\"\")  \"\""),
        ("foo(\"k1\") = \"1\"", "malformed comparison: foo(\"k1\") = \"1\" (unknown target foo)"),
        ("val(\"k1\") = 1", "malformed comparison: val(\"k1\") = 1; got val(\"k1\") = \"\""),
        ("ver(\"k1\") = \"x\"", "invalid txn compare request: ver(\"k1\") = \"x\""),
    ])
    func `broken comparisons are told as etcdctl does`(_ line: String, _ text: String) {
        #expect(throws: CtlError.failed(.invalidInput, text)) { try TxnText.compare(line) }
    }

    @Test
    func `a table has its titles in the middle and its cells at the right`() {
        let table = TextTable.text(["ID", "is leader"], [["1", "true"], ["12345", ""]])
        #expect(
            table == """
                +-------+-----------+
                |  ID   | IS LEADER |
                +-------+-----------+
                |     1 |      true |
                | 12345 |           |
                +-------+-----------+

                """)
    }

    @Test
    func `long cells are broken at blanks into lines of like length`() {
        let lines = TextTable.lines("etcdserver: no leader, etcdserver: corrupt cluster")
        #expect(lines == ["etcdserver: no leader,", "etcdserver: corrupt cluster"])
        #expect(TextTable.lines("short") == ["short"])
    }
}
