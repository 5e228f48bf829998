// SPDX-License-Identifier: Apache-2.0

/// A pod sees the machine's own files, so paths of its mounts are replaced by where these really
/// are: in its command, arguments and environment. A path counts only where it stands alone:
/// `--dir=/data`, `/data/x`, `a:/data`, but neither `/database` nor `http://host/data`.
package struct PathRewriter: Equatable, Sendable {
    /// The longest mount path first, so that the innermost mount wins.
    private let rules: [(from: [UInt8], to: [UInt8])]

    package init(_ mounts: [(path: String, real: String)]) {
        rules = mounts.filter { $0.path.hasPrefix("/") && $0.path.count > 1 }
            .map { (Array($0.path.utf8), Array($0.real.utf8)) }
            .sorted { $0.0.count > $1.0.count }
    }

    package static func == (left: PathRewriter, right: PathRewriter) -> Bool {
        left.rules.elementsEqual(right.rules) { $0.from == $1.from && $0.to == $1.to }
    }

    package func rewrite(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "/")) else { return text }
        var output: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if let rule = rules.first(where: { stands($0.from, at, in: bytes) }) {
                output += rule.to
                at += rule.from.count
            } else {
                output.append(bytes[at])
                at += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private func stands(_ path: [UInt8], _ at: Int, in bytes: [UInt8]) -> Bool {
        guard bytes.count - at >= path.count, bytes[at..<at + path.count].elementsEqual(path) else {
            return false
        }
        if at > 0, PathRewriter.isPart(bytes[at - 1]) || bytes[at - 1] == UInt8(ascii: "/") {
            return false
        }
        let end = at + path.count
        return end == bytes.count || !PathRewriter.isPart(bytes[end])
    }

    /// What names of files are mostly made of.
    private static func isPart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: byte >= 0x80
        }
    }
}

/// "All addresses" are all addresses of a pod; here these are those of all pods, and only one could
/// have them. So `0.0.0.0:2379` and `:2379` in a flag mean the pod's own address.
package struct WildcardAddress: Equatable, Sendable {
    private let address: String

    package init(address: String) {
        self.address = address
    }

    package func rewrite(_ word: String) -> String {
        guard word.hasPrefix("-"), let equals = word.firstIndex(of: "=") else { return word }
        let values = word[word.index(after: equals)...].split(
            separator: ",", omittingEmptySubsequences: false)
        return word[...equals] + values.map { value($0) }.joined(separator: ",")
    }

    private func value(_ text: Substring) -> String {
        if text.hasPrefix(":"), text.count > 1, text.dropFirst().utf8.allSatisfy(isDigit) {
            return address + text
        }
        for head in ["", "http://", "https://"] {
            for wildcard in ["0.0.0.0:", "[::]:"] where text.hasPrefix(head + wildcard) {
                return "\(head)\(address):\(text.dropFirst(head.count + wildcard.count))"
            }
        }
        return String(text)
    }

    private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
