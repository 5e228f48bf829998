// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// Names of our own, from the file that KEELSON_HOSTS names: lines of an address and its names, as
/// in /etc/hosts. For sandboxes, where pods are processes and have no DNS.
enum HostsFile {
    static func lookup() -> NameLookup {
        guard let path = NodeEnvironment.value("KEELSON_HOSTS"),
            let text = try? File(path, .read).readAll(limit: 1 << 20)
        else { return NameLookup() }
        var hosts: [String: [String]] = [:]
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: "#", omittingEmptySubsequences: false)[0]
                .split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let address = words.first else { continue }
            for name in words.dropFirst() {
                hosts[String(name), default: []].append(String(address))
            }
        }
        return NameLookup(hosts: hosts)
    }
}
