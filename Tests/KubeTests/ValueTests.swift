// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Kube

@Suite struct ValueTests {
    /// The examples of RFC 7386, appendix A.
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
        (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
        (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#), (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
        (#"{"a":"foo"}"#, "null", "null"), (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
        ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ]) func `merge patches do as their standard says`(
        target: String, patch: String, result: String
    ) throws {
        let merged = MergePatch.apply(try JSON.parse(patch), to: try JSON.parse(target))
        #expect(merged == (try JSON.parse(result)))
    }

    @Test func `a difference makes the new of the old`() throws {
        let old = try JSON.parse(#"{"a":1,"b":{"c":[1],"d":"x"},"gone":true}"#)
        let new = try JSON.parse(#"{"a":1,"b":{"c":[2],"d":"x"},"e":{}}"#)
        let patch = try #require(MergePatch.diff(from: old, to: new))
        #expect(patch.isSame(as: try JSON.parse(#"{"b":{"c":[2]},"e":{},"gone":null}"#)))
        #expect(MergePatch.apply(patch, to: old).isSame(as: new))
        #expect(MergePatch.diff(from: new, to: new) == nil)
    }

    /// The examples of RFC 6902, appendix A, that succeed.
    @Test(arguments: [
        (
            #"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#,
            #"{"foo":"bar","baz":"qux"}"#
        ),
        (
            #"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
            #"{"foo":["bar","qux","baz"]}"#
        ),
        (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
        (
            #"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#,
            #"{"foo":["bar","baz"]}"#
        ),
        (
            #"{"baz":"qux"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            #"{"baz":"boo"}"#
        ),
        (
            #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
        ),
        (
            #"{"foo":["all","grass","cows","eat"]}"#,
            #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            #"{"foo":["all","cows","eat","grass"]}"#
        ),
        (
            #"{"baz":"qux","foo":["a",2,"c"]}"#,
            #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
            #"{"baz":"qux","foo":["a",2,"c"]}"#
        ),
        (
            #"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
            #"{"foo":"bar","child":{"grandchild":{}}}"#
        ),
        (
            #"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10}]"#,
            #"{"/":9,"~1":10}"#
        ),
        (
            #"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            #"{"foo":["bar",["abc","def"]]}"#
        ),
        (
            #"{"a":{"b":1}}"#, #"[{"op":"copy","from":"/a","path":"/c"}]"#,
            #"{"a":{"b":1},"c":{"b":1}}"#
        ),
    ]) func `JSON patches do as their standard says`(
        target: String, patch: String, result: String
    ) throws {
        let patched = try JSONPatch.apply(try JSON.parse(patch), to: try JSON.parse(target))
        #expect(patched == (try JSON.parse(result)))
    }

    @Test(arguments: [
        #"[{"op":"test","path":"/a","value":"no"}]"#, #"[{"op":"remove","path":"/x"}]"#,
        #"[{"op":"replace","path":"/x","value":1}]"#, #"[{"op":"add","path":"/x/y","value":1}]"#,
        #"[{"op":"add","path":"/l/9","value":1}]"#, #"[{"op":"add","path":"/l/01","value":1}]"#,
        #"[{"op":"add","path":"a","value":1}]"#, #"[{"op":"jump","path":"/a"}]"#,
        #"[{"op":"remove","path":"/l/-"}]"#, #"[{"op":"move","from":"/o","path":"/o/p"}]"#,
        #"[{"op":"add","path":"/a"}]"#, #"{"op":"add"}"#, #"[{"path":"/a"}]"#,
        #"[{"op":"remove","path":"/e/-"}]"#,
    ]) func `a JSON patch that fits not is refused`(patch: String) throws {
        let target = try JSON.parse(#"{"a":"b","l":[1],"o":{},"e":[]}"#)
        #expect(throws: JSONPatch.Failure.self) {
            try JSONPatch.apply(try JSON.parse(patch), to: target)
        }
    }

    @Test(arguments: [
        ("8Gi", 8 << 30, "8Gi"), ("1.5Gi", 1536 << 20, "1536Mi"), ("2e3", 2000, "2000"),
        ("1000", 1000, "1000"), ("1k", 1000, "1000"), ("0", 0, "0"), ("100m", 1, "100m"),
        ("1500m", 2, "1500m"), ("-1Ki", -1024, "-1Ki"), ("10E3", 10000, "10000"),
        ("1Pi", 1 << 50, "1Pi"), ("1n", 1, "1m"),
    ]) func `quantities are read and written`(text: String, units: Int64, shown: String) throws {
        let quantity = try #require(Quantity(text))
        #expect(quantity.units == units)
        #expect(quantity.description == shown)
    }

    @Test(arguments: [
        "", "Gi", "1.2.3", "1 Gi", "1gi", "9999Ei", "1e99", "--1", "99999999999999999999",
    ])
    func `what is no quantity is refused`(text: String) {
        #expect(Quantity(text) == nil)
    }

    @Test func `quantities compare by their amount`() throws {
        let small = try #require(Quantity("1000M"))
        let large = try #require(Quantity("1Gi"))
        #expect(small < large)
        #expect(Quantity("1Gi") == Quantity("1024Mi"))
    }

    @Test func `times have seconds or six digits`() {
        #expect(KubeTime.seconds(1_767_366_245_999_999_999) == "2026-01-02T15:04:05Z")
        #expect(KubeTime.microseconds(1_767_366_245_000_001_999) == "2026-01-02T15:04:05.000001Z")
        #expect(KubeTime.parse("2026-01-02T15:04:05.000001Z") == 1_767_366_245_000_001_000)
        #expect(KubeTime.microseconds(-1) == "1969-12-31T23:59:59.999999Z")
        #expect(KubeTime.parse("yesterday") == nil)
    }
}
