// SPDX-License-Identifier: Apache-2.0

/// Tables as etcdctl draws them: titles in the middle, cells at the right, long ones broken at
/// blanks.
enum TextTable {
    private static let wrapWidth = 30

    static func text(_ titles: [String], _ rows: [[String]]) -> String {
        let heads = titles.map { title in
            title.uppercased().split(separator: "_").joined(separator: " ")
        }
        let cells = rows.map { row in row.map(lines) }
        let widths = heads.indices.map { column in
            cells.reduce(heads[column].count) { width, row in
                row[column].reduce(width) { max($0, $1.count) }
            }
        }
        let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined() + "\n"
        var output = rule + line(zip(heads, widths).map(centred)) + rule
        for row in cells {
            for place in 0..<(row.map(\.count).max() ?? 0) {
                output += line(
                    zip(row, widths).map { lines, width in
                        let text = place < lines.count ? lines[place] : ""
                        return String(repeating: " ", count: width - text.count) + text
                    })
            }
        }
        return output + rule
    }

    private static func line(_ cells: [String]) -> String {
        "|" + cells.map { " \($0) |" }.joined() + "\n"
    }

    private static func centred(_ text: String, _ width: Int) -> String {
        let gap = width - text.count
        return String(repeating: " ", count: gap / 2) + text
            + String(repeating: " ", count: gap - gap / 2)
    }

    /// Breaks a long text so that the lines differ least in length: each line costs the square of
    /// what it lacks, as in Knuth and Plass, "Breaking paragraphs into lines".
    static func lines(_ text: String) -> [String] {
        let words = text.split(separator: " ").map(String.init)
        if text.count <= wrapWidth || words.count < 2 { return [text] }
        let limit = max(wrapWidth, words.map(\.count).max() ?? 0)
        var (cost, next) = ([Int](repeating: .max, count: words.count), [Int](words.indices))
        for first in words.indices.reversed() {
            var width = -1
            for last in first..<words.count {
                width += words[last].count + 1
                if width > limit { break }
                let isEnd = last == words.count - 1
                let price = isEnd ? 0 : (limit - width) * (limit - width) + cost[last + 1]
                if price < cost[first] { (cost[first], next[first]) = (price, last + 1) }
            }
        }
        var lines: [String] = []
        var place = 0
        while place < words.count {
            lines.append(words[place..<next[place]].joined(separator: " "))
            place = next[place]
        }
        return lines
    }
}
