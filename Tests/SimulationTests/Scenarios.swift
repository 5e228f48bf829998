// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

/// Tests/Scenarios/seeds.txt: seeds that failed once and must never again.
struct Scenarios {
    var seed: UInt64
    var isSmoke: Bool
    var about: String

    static let all: [Scenarios] = {
        let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        guard
            let text = try? String(contentsOfFile: "/\(here)/Scenarios/seeds.txt", encoding: .utf8)
        else { return [] }
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let seed = UInt64(words[0]) else { return nil }
            return Scenarios(
                seed: seed, isSmoke: words[1] == "smoke", about: String(words[2]))
        }
    }()
}
