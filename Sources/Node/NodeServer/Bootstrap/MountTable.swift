// SPDX-License-Identifier: Apache-2.0

/// Where mounts really are, for sandboxes, where pods see the machine's own files: lines
/// `PATH=FOLDER` in KEELSON_MOUNTS. For paths that come by a ticket; those of flags are the
/// sandbox's to replace.
enum MountTable {
    static func real(_ path: String) -> String {
        real(path, NodeEnvironment.value("KEELSON_MOUNTS") ?? "")
    }

    /// The longest mount path that the path is in wins.
    static func real(_ path: String, _ table: String) -> String {
        var best: (from: Substring, to: Substring)?
        for line in table.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            let from = line[..<equals]
            guard !from.isEmpty, path == from || path.hasPrefix(from + "/"),
                from.utf8.count > best?.from.utf8.count ?? 0
            else { continue }
            best = (from, line[line.index(after: equals)...])
        }
        return best.map { String($0.to) + path.dropFirst($0.from.count) } ?? path
    }
}
