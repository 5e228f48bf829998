// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The rules of the house that the compiler cannot check. A rule that is not here is only advice.
@Suite struct HouseTests {
    /// Every room, its floor, and whether it is pure. A room may import rooms of lower floors only.
    static let rooms: [String: (floor: Int, pure: Bool)] = [
        "CChecksum": (-1, true),
        "CLinux": (0, false), "COpenSSL": (0, false), "CYAML": (0, false), "Bytes": (0, true),
        "Formats": (1, true), "HTTP": (1, true), "Raft": (1, true), "Storage": (1, true),
        "MVCC": (1, true), "Posix": (1, false),
        "EtcdAPI": (2, true), "Program": (2, true), "Net": (2, false), "FileDisk": (2, false),
        "Replicated": (3, true), "V2Facade": (3, true), "EtcdClient": (3, false),
        "NodeCore": (4, true), "Interchange": (4, true), "Recovery": (4, true),
        "NodeServer": (5, false), "Ctl": (5, false),
        "Main": (6, false),
    ]
    static let impure = [
        "import Foundation", "import Glibc", "import Dispatch", "import Posix", "import Net",
        "import Synchronization", "async ", "await ", "Task {", ".now()", ".random(", "getenv",
    ]
    /// Formats may read JSON and YAML with libraries whose result depends on their input only.
    static let allowed: [String: Set<String>] = ["Formats": ["import Foundation"]]
    static let banned = [
        "public ": "nothing outside the package imports us: use package",
        "try!": "handle it, or invariant()", "FIX" + "ME": "finish before merging",
        "precondition(": "its message is lost in release builds: use invariant()",
        "TO" + "DO": "an issue, not a comment",
    ]
    static let vagueNames = ["Util", "Helper", "Common", "Misc", "Manager", "Extensions"]
    static let longFile = 600
    static let longFunction = 60

    struct Source {
        var path: String
        var room: String
        var lines: [String]
    }

    static let sources: [Source] = {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent("Sources")
        let walker = FileManager.default.enumerator(atPath: folder.path)
        let paths = (walker?.allObjects as? [String] ?? []).filter { $0.hasSuffix(".swift") }
        return paths.sorted().compactMap { path in
            let file = folder.appendingPathComponent(path).path
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
            let parts = path.split(separator: "/")
            return Source(
                path: path, room: parts.count > 2 ? String(parts[1]) : "?",
                lines: text.components(separatedBy: "\n"))
        }
    }()

    @Test func `arrows point down`() {
        #expect(Self.sources.count > 100)
        for source in Self.sources {
            guard let here = Self.rooms[source.room] else {
                Issue.record("\(source.path): room \(source.room) is not in the plan")
                continue
            }
            for line in source.lines where line.contains("import ") && !line.hasPrefix("//") {
                let name = String(line.split(separator: " ").last ?? "")
                guard let there = Self.rooms[name] else { continue }
                #expect(there.floor < here.floor, "\(source.path): \(source.room) imports \(name)")
            }
        }
    }

    @Test func `pure rooms touch nothing`() {
        for source in Self.sources where Self.rooms[source.room]?.pure == true {
            let allowed = Self.allowed[source.room] ?? []
            for (number, line) in code(source) {
                for word in Self.impure where line.contains(word) && !allowed.contains(word) {
                    Issue.record("\(source.path):\(number): \(word) in a pure room")
                }
            }
        }
    }

    @Test func `banned words`() {
        for source in Self.sources {
            for (number, line) in code(source) {
                for (word, reason) in Self.banned where line.contains(word) {
                    Issue.record("\(source.path):\(number): \(word): \(reason)")
                }
            }
        }
    }

    @Test func `files are named after what they hold`() {
        for source in Self.sources {
            for name in Self.vagueNames where source.path.contains(name) {
                Issue.record("\(source.path): name it after what it holds")
            }
        }
    }

    @Test func `every file names its licence`() {
        for source in Self.sources {
            let head = source.lines.prefix(2).joined()
            let isManifest = source.path.hasSuffix("Package.swift")
            #expect(isManifest || head.contains("SPDX-License-Identifier"), "\(source.path)")
        }
    }

    @Test func `main files only start things`() {
        for source in Self.sources where source.path.hasSuffix("main.swift") {
            #expect(source.lines.count <= 40, "\(source.path)")
        }
    }

    /// Sizes are no rule: they are printed, and a person decides whether a split spares the reader.
    @Test func `print what has grown long`() {
        for source in Self.sources {
            if source.lines.count > Self.longFile {
                print("long file: \(source.path), \(source.lines.count) lines")
            }
            for (line, length) in functions(source) where length > Self.longFunction {
                print("long function: \(source.path):\(line), \(length) lines")
            }
        }
    }

    private func code(_ source: Source) -> [(Int, String)] {
        source.lines.enumerated().compactMap { index, line in
            line.drop { $0 == " " }.hasPrefix("//") ? nil : (index + 1, line)
        }
    }

    /// A function ends at the first line that is its own indentation and a brace.
    private func functions(_ source: Source) -> [(Int, Int)] {
        var found: [(Int, Int)] = []
        for (index, line) in source.lines.enumerated() where line.contains("func ") {
            let closing = String(line.prefix { $0 == " " }) + "}"
            if line.hasSuffix("}") { continue }
            if let end = source.lines[index...].firstIndex(of: closing) {
                found.append((index + 1, end - index + 1))
            }
        }
        return found
    }
}
