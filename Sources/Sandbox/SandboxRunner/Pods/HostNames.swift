// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import Posix
internal import SandboxAPI

/// The names of services and of pods behind headless services, as files in the form of /etc/hosts:
/// one for each namespace, where short names mean that namespace, and one for everybody else.
/// Programs of ours find it by KEELSON_HOSTS.
struct HostNames {
    private let folder: String
    private let server: String
    private var written: [String: String] = [:]

    init(folder: String, server: String) {
        self.folder = folder
        self.server = server
    }

    func path(namespace: String) -> String { "\(folder)/hosts.d/\(namespace)" }

    private struct Entry {
        var address: String
        var namespace: String
        /// `web` or `web-0.web`.
        var name: String
    }

    mutating func write(_ api: SandboxAPI) {
        let entries = entries(api)
        let common = entries.map { entry in
            "\(entry.address) \(HostNames.longNames(entry).joined(separator: " "))"
        }
        let head = "\(server) kubernetes.default.svc kubernetes.default.svc.cluster.local\n"
        put("hosts", head + common.joined(separator: "\n") + "\n")
        for namespace in api.list(.namespace, namespace: nil).map(\.name) {
            let lines = zip(entries, common).map { entry, line in
                entry.namespace == namespace ? "\(line) \(entry.name)" : line
            }
            put(
                "hosts.d/\(namespace)",
                head + "\(server) kubernetes.default\n" + lines.joined(separator: "\n") + "\n")
        }
    }

    private static func longNames(_ entry: Entry) -> [String] {
        let name = "\(entry.name).\(entry.namespace)"
        return [name, "\(name).svc", "\(name).svc.cluster.local"]
    }

    private func entries(_ api: SandboxAPI) -> [Entry] {
        var entries: [Entry] = []
        for endpoints in api.list(.endpoints, namespace: nil) {
            for subset in endpoints.list("subsets") {
                for address in subset["addresses"]?.array ?? [] {
                    guard let ip = address["ip"]?.string else { continue }
                    entries.append(
                        Entry(
                            address: ip, namespace: endpoints.namespace, name: endpoints.name))
                    if let host = address["hostname"]?.string {
                        entries.append(
                            Entry(
                                address: ip, namespace: endpoints.namespace,
                                name: "\(host).\(endpoints.name)"))
                    }
                }
            }
        }
        return entries
    }

    /// In one step: a reader sees the old names or the new ones.
    private mutating func put(_ name: String, _ text: String) {
        if written[name] == text { return }
        let path = "\(folder)/\(name)"
        do throws(PosixError) {
            try Directory.make(Directory.parent(of: path), permissions: 0o755)
            let file = try File("\(path).new", .replace, permissions: 0o644)
            try file.write(at: 0, Array(text.utf8))
            file.close()
            try Directory.rename("\(path).new", to: path)
            written[name] = text
        } catch {
            // Written again with the next change.
        }
    }
}
