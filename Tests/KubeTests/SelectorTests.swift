// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Kube

@Suite struct SelectorTests {
    @Test(arguments: [
        ("", true), ("app=etcd", true), ("app==etcd", true), ("app = etcd , tier != x", true),
        ("app!=etcd", false), ("gone!=etcd", true), ("app in (a, etcd)", true),
        ("app notin (a,etcd)", false), ("gone notin (a)", true), ("app", true), ("!app", false),
        ("!gone", true), ("gone", false), ("app in (etcd),tier=db,!gone", true), ("tier=", false),
    ]) func `label selectors choose`(text: String, expected: Bool) throws {
        let selector = try #require(LabelSelector(text: text))
        #expect(selector.matches(["app": "etcd", "tier": "db"]) == expected)
        #expect(LabelSelector(text: selector.text) == selector)
    }

    @Test(arguments: ["a=b,", ",", "a in b", "a in (b", "=b", "!", "a b", "a!b", "a=b c"])
    func `what is no label selector is refused`(text: String) {
        #expect(LabelSelector(text: text) == nil)
    }

    @Test func `label selectors are read from objects`() throws {
        let json = try JSON.parse(
            #"""
            {"matchLabels":{"a":"1"},"matchExpressions":[
             {"key":"b","operator":"In","values":["2","3"]},
             {"key":"c","operator":"DoesNotExist"}]}
            """#)
        let selector = try #require(LabelSelector(json: json))
        #expect(selector.text == "a=1,b in (2,3),!c")
        #expect(selector.matches(["a": "1", "b": "3"]))
        #expect(!selector.matches(["a": "1", "b": "3", "c": ""]))
        #expect(
            LabelSelector(json: ["matchExpressions": [["key": "a", "operator": "Gt"]]]) == nil)
    }

    @Test func `field selectors look at dotted paths`() throws {
        var pod = KubeObject(.pod, namespace: "ns", name: "demo-0")
        pod["spec", "nodeName"] = "worker"
        pod["spec", "unschedulable"] = true
        func matches(_ text: String) -> Bool? { FieldSelector(text: text)?.matches(pod) }
        #expect(matches("metadata.name=demo-0,spec.nodeName==worker") == true)
        #expect(matches("metadata.name!=demo-0") == false)
        #expect(matches("status.phase!=Running") == true)
        #expect(matches("status.phase=") == true)
        #expect(matches("spec.unschedulable=true") == true)
        #expect(matches("nothing") == nil)
        #expect(matches("=x") == nil)
        #expect(FieldSelector(name: "x").text == "metadata.name=x")
    }
}
