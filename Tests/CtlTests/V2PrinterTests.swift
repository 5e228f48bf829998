// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Ctl

@Suite struct V2PrinterTests {
    private func response(_ action: String) -> V2Response {
        var response = V2Response()
        response.action = action
        response.node.key = "/k"
        response.node.value = action == "delete" ? "" : "<v>"
        response.node.createdIndex = 5
        response.node.modifiedIndex = 7
        response.index = 9
        return response
    }

    @Test func `simple is the value, or the previous one of a delete`() {
        var deleted = response("delete")
        deleted.previous = V2Node(["value": "old"])
        #expect(response("set").simple == "<v>\n")
        #expect(deleted.simple == "PrevNode.Value: old\n")
    }

    @Test func `extended has a line for each fact, and the value last`() {
        var set = response("set")
        set.node.ttl = 3
        set.previous = V2Node(["value": "old"])
        #expect(
            set.extended == """
                Key: /k
                Created-Index: 5
                Modified-Index: 7
                PrevNode.Value: old
                TTL: 3
                Index: 9

                <v>

                """)
        #expect(response("delete").extended.hasSuffix("TTL: 0\nIndex: 9\n"))
    }

    @Test func `json has all fields in the old order`() throws {
        #expect(
            JSON.text(response("set").json)
                == #"{"action":"set","node":{"key":"/k","value":"\u003cv\u003e","nodes":null,"#
                + #""createdIndex":5,"modifiedIndex":7},"prevNode":null}"#)
        let node = V2Node(
            try JSON.parse(
                #"{"key":"/d","dir":true,"nodes":[{"key":"/d/x","value":"1"}],"ttl":4,"#
                    + #""expiration":"2020-01-01T00:00:00Z"}"#))
        #expect(
            JSON.text(node.json)
                == #"{"key":"/d","dir":true,"value":"","nodes":[{"key":"/d/x","value":"1","#
                + #""nodes":null,"createdIndex":0,"modifiedIndex":0}],"createdIndex":0,"#
                + #""modifiedIndex":0,"expiration":"2020-01-01T00:00:00Z","ttl":4}"#)
    }

    @Test func `members are told apart by whether they have a name`() {
        let started = V2Member([
            "id": "8e9e", "name": "m1", "peerURLs": ["http://p", "http://q"],
            "clientURLs": ["http://c"],
        ])
        #expect(
            V2MemberCommands.line(started, isLeader: true)
                == "8e9e: name=m1 peerURLs=http://p,http://q clientURLs=http://c isLeader=true\n")
        let added = V2Member(["id": "8e9f", "peerURLs": ["http://r"]])
        #expect(
            V2MemberCommands.line(added, isLeader: false)
                == "8e9f[unstarted]: peerURLs=http://r\n")
    }

    @Test func `a URL of a peer is looked at before it is sent`() {
        #expect(V2MemberCommands.complaint("http://h:1") == nil)
        #expect(V2MemberCommands.complaint("http://[::1]:1") == nil)
        #expect(V2MemberCommands.complaint("h:1")?.hasPrefix("URL scheme must") == true)
        #expect(V2MemberCommands.complaint("http://h")?.contains("host:port") == true)
        #expect(V2MemberCommands.complaint("http://h:1/x")?.contains("path") == true)
    }

    @Test func `paths and forms are encoded as Go does it`() {
        #expect(V2URL.path("/a b?c%/ü") == "/a%20b%3Fc%25/%C3%BC")
        #expect(V2URL.query([("value", "a+b c&d"), ("ttl", "5")]) == "ttl=5&value=a%2Bb+c%26d")
        #expect(V2URL.canonical("//a/./b/../c//") == "/a/c/")
        #expect(V2URL.canonical("") == "/")
        #expect(V2URL.canonical("/../..") == "/")
    }

    @Test func `health is a word or a truth value, and no JSON is no answer`() {
        #expect(V2ClusterHealthCommand.isGood(Array(#"{"health":"true"}"#.utf8)) == true)
        #expect(V2ClusterHealthCommand.isGood(Array(#"{"health":true}"#.utf8)) == true)
        #expect(V2ClusterHealthCommand.isGood(Array(#"{"health":"false"}"#.utf8)) == false)
        #expect(V2ClusterHealthCommand.isGood(Array("404 page not found".utf8)) == nil)
    }
}

/// The program as a whole, where no server is needed.
@Suite struct V2ProgramTests {
    private func run(_ words: [String], name: String = "keelsonctl") -> (
        output: String, errors: String, code: Int32
    ) {
        final class Text: @unchecked Sendable {
            var output: [UInt8] = []
            var errors: [UInt8] = []
        }
        let text = Text()
        let console = Console(
            output: { text.output += $0 }, errors: { text.errors += $0 }, input: { [] })
        let code = V2Program.run(words, environment: [], console: console, name: name)
        return (
            String(decoding: text.output, as: UTF8.self),
            String(decoding: text.errors, as: UTF8.self), code
        )
    }

    @Test func `every command has a summary, and each example parses as its command`() throws {
        for command in V2Table.commands where command.path != "backup" {
            #expect(!command.summary.isEmpty && !command.examples.isEmpty, "\(command.path)")
            for example in command.examples {
                var words = example.split(separator: " ").map(String.init)
                let globals = try V2FlagSet(parsing: words, V2Globals.table)
                words = globals.arguments
                let path = command.path.split(separator: " ").map(String.init)
                #expect(Array(words.prefix(path.count)) == path, "\(example)")
                let table = command.flags + [V2Flag.help]
                _ = try V2FlagSet(
                    parsing: V2FlagSet.reordered(Array(words.dropFirst(path.count)), table), table)
            }
        }
    }

    @Test func `help names every command, and has examples under our own name only`() {
        let root = run(["--help"]).output
        for word in V2Table.helpOrder { #expect(root.contains("\n   \(word)"), "\(word)") }
        #expect(run(["set", "-h"]).output.contains("EXAMPLES:\n   keelsonctl set"))
        #expect(!run(["set", "-h"], name: "etcdctl").output.contains("EXAMPLES"))
    }

    @Test func `unknown words and flags end with the old codes`() {
        #expect(run(["nosuch"]).code == 3)
        #expect(run(["member", "nosuch"]).errors == "No help topic for 'nosuch'\n")
        #expect(run(["get", "--bogus"]).code == 1)
        #expect(run(["--version"]).output.hasSuffix("API version: 2\n"))
    }

    @Test func `half a certificate, and what is not done here, are refused in one sentence`() {
        for words in [["--cert-file", "x", "ls"], ["backup"]] {
            let result = run(words)
            #expect(result.code == 1)
            #expect(result.errors.split(separator: "\n").count == 1, "\(words)")
        }
    }
}
