// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Foundation
import Kube
import Testing

@testable import SandboxAPI

/// The scripts of Tests/ContractTests, on the sandbox. Tests/ContractTests/run.py runs them on a
/// real cluster.
@Suite struct ContractTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("ContractTests")

    static let scripts: [String] = {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return all.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func `there are scripts`() {
        #expect(Self.scripts.count >= 4)
    }

    @Test(arguments: scripts) func `the sandbox keeps the contract`(script: String) throws {
        let text = try String(
            contentsOf: Self.folder.appendingPathComponent(script), encoding: .utf8)
        var run = ContractRun()
        for block in text.components(separatedBy: "\n\n") { run.step(block, script) }
        #expect(run.steps > 5)
    }
}

struct ContractRun {
    var cluster = Cluster()
    var kept = ["NS": "ns"]
    var steps = 0

    mutating func step(_ block: String, _ script: String) {
        let lines = block.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
        guard let title = lines.first, title.hasPrefix("> ") else { return }
        steps += 1
        var type = "application/json"
        var body: JSONValue?
        var request: [Substring] = []
        var response: KubeResponse?
        for line in lines.dropFirst().map({ filled($0) }) {
            if line.hasPrefix("< ") {
                let sent = cluster.ask(
                    String(request[0]), String(request[1]), body, type: type)
                let accepted = line.dropFirst(2).split(separator: "|").compactMap { Int($0) }
                #expect(
                    accepted.contains(sent.code), "\(script) \(title): \(sent.code) \(sent.message)"
                )
                response = sent
            } else if let response {
                check(line, response.value, "\(script) \(title)")
            } else if request.isEmpty {
                request = line.split(separator: " ", maxSplits: 1)
            } else if line.hasPrefix("type ") {
                type = String(line.dropFirst(5))
            } else if line != "retry" {
                body = try? JSON.parse(line)
                #expect(body != nil, "\(script) \(title): the body is no JSON")
            }
        }
        #expect(response != nil, "\(script) \(title): nothing is expected")
    }

    private func filled(_ line: String) -> String {
        kept.sorted { $0.key.count > $1.key.count }.reduce(line) {
            $0.hasPrefix("$") ? $0 : $0.replacingOccurrences(of: "$" + $1.key, with: $1.value)
        }
    }

    private mutating func check(_ line: String, _ value: JSONValue, _ at: String) {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        if line.hasPrefix("$") {
            kept[String(words[0].dropFirst())] = Self.find(words[2], value)?.string
            return
        }
        let found = Self.find(words[0], value)
        switch words[1] {
        case "=":
            let wanted = try? JSON.parse(words[2])
            #expect(
                wanted != nil && found == wanted,
                "\(at): \(line), found \(String(describing: found))")
        case "has":
            let wanted = (try? JSON.parse(words[2]))?.string ?? "?"
            #expect(
                found?.string?.contains(wanted) == true,
                "\(at): \(line), found \(String(describing: found))")
        case "exists": #expect(found != nil, "\(at): \(line)")
        case "absent": #expect(found == nil, "\(at): \(line)")
        default: Issue.record("\(at): what is \(line)?")
        }
    }

    /// `a.b[0].c`
    static func find(_ path: String, _ value: JSONValue) -> JSONValue? {
        var found: JSONValue? = value
        for part in path.split(separator: ".") {
            let pieces = part.split(separator: "[").map(String.init)
            found = found?[pieces[0]]
            for index in pieces.dropFirst() { found = found?[Int(index.dropLast()) ?? -1] }
        }
        return found
    }
}
