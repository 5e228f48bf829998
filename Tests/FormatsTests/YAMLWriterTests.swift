// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Testing

struct YAMLWriterTests {
    @Test func `objects and lists are written as people write them`() {
        let value: JSONValue = [
            "kind": "Pod",
            "metadata": ["name": "a", "labels": [:], "annotations": ["a/b": "true"]],
            "spec": [
                "containers": [["name": "c", "args": ["--x=1", "-y", "plain words: no"]], [:]],
                "count": 3, "ratio": .number(0.5), "on": false, "nothing": .null, "text": "a\nb\n",
            ],
            "lists": [[1, 2], [], [[3]]],
        ]
        #expect(
            YAMLWriter.text(value) == """
                kind: Pod
                metadata:
                  name: a
                  labels: {}
                  annotations:
                    a/b: "true"
                spec:
                  containers:
                  - name: c
                    args:
                    - "--x=1"
                    - "-y"
                    - "plain words: no"
                  - {}
                  count: 3
                  ratio: 0.5
                  "on": false
                  nothing: null
                  text: |
                    a
                    b
                lists:
                - - 1
                  - 2
                - []
                - - - 3

                """)
    }

    @Test(arguments: [
        "", " ", "a", "y", "No", "null", "~", "1", "1e3", "0x1f", "1:30", "a: b", "a:", "a #b",
        "- a",
        "#a", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a`", "{a}", "[a]", "a,b", "\"a\"", "'a'",
        "a\nb", "a\nb\n", " a\nb\n", "a\nb\n\n", "a \nb\n", "\n", "tab\t", "ümlaut", "\u{7F}",
        "\u{85}",
        "2026-01-02", ".5", "+1", "-1", "=", "<<", "yes please", "e1", "\u{1F600}", "---", "...",
    ])
    func `every text is read back`(_ text: String) throws {
        let value = JSONValue.object([("k", .string(text)), (text, .array([.string(text)]))])
        let unique: JSONValue = text == "k" ? ["k": "k"] : value
        #expect(try YAML.read(YAMLWriter.text(unique)) == unique, "\(YAMLWriter.text(unique))")
    }

    @Test func `random values are read back`() throws {
        var random = Random(seed: 7)
        for round in 0..<300 {
            let value = self.value(&random, depth: 4)
            let text = YAMLWriter.text(value)
            #expect(try YAML.read(text) == value, "round \(round):\n\(text)")
        }
    }

    private func value(_ random: inout Random, depth: Int) -> JSONValue {
        switch random.next() % (depth > 0 ? 7 : 5) {
        case 0: return .null
        case 1: return .bool(random.next() % 2 == 0)
        case 2: return .integer(Int64(random.next() % 2000) - 1000)
        case 3, 4: return .string(text(&random))
        case 5:
            return .array(
                (0..<random.next() % 4).map { _ in self.value(&random, depth: depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<random.next() % 4 {
                object[text(&random)] = value(&random, depth: depth - 1)
            }
            return .object(object)
        }
    }

    private func text(_ random: inout Random) -> String {
        let letters = Array("ab1 :-#\n\"'{}[],&*!|>%@.~\\")
        return String((0..<random.next() % 6).map { _ in letters[Int(random.next() % 24)] })
    }
}
