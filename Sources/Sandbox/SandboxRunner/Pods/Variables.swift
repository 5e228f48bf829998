// SPDX-License-Identifier: Apache-2.0

/// `$(NAME)` in commands and environments, as Kubernetes expands them.
package enum Variables {
    /// Names that are not known stay as they are; `$$` is one dollar sign.
    package static func expand(_ text: String, _ known: (String) -> String?) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "$")) else { return text }
        var output: [UInt8] = []
        var at = 0
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "$"), at + 1 < bytes.count else {
                output.append(bytes[at])
                at += 1
                continue
            }
            switch bytes[at + 1] {
            case UInt8(ascii: "$"):
                output.append(bytes[at])
                at += 2
            case UInt8(ascii: "("):
                guard let end = bytes[at...].firstIndex(of: UInt8(ascii: ")")) else {
                    output += bytes[at...]
                    at = bytes.count
                    continue
                }
                let name = String(decoding: bytes[at + 2..<end], as: UTF8.self)
                if let value = known(name) {
                    output += value.utf8
                } else {
                    output += bytes[at...end]
                }
                at = end + 1
            default:
                output += bytes[at...at + 1]
                at += 2
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
