// SPDX-License-Identifier: Apache-2.0
internal import Foundation
internal import Posix

/// Where programs are that tests talk to.
package enum Tools {
    /// A program of this package, built beside the running tests (or in KEELSON_PRODUCTS).
    package static func product(_ name: String) -> String? {
        var folders: [String] = []
        if let told = variable("KEELSON_PRODUCTS") { folders.append(told) }
        if let own = ThisProcess.executablePath { folders.append(Directory.parent(of: own)) }
        folders += [".build/debug", ".build/release"]
        return first(name, in: folders)
    }

    /// `etcd`, `etcdctl` or `etcdutl`: from the folder KEELSON_ETCD, from /opt/etcd*, from PATH.
    package static func etcd(_ name: String = "etcd") -> String? {
        var folders: [String] = []
        if let told = variable("KEELSON_ETCD") { folders.append(told) }
        let optional = (try? Directory.list("/opt")) ?? []
        folders += optional.filter { $0.hasPrefix("etcd") }.reversed().map { "/opt/\($0)" }
        return first(name, in: folders) ?? onPath(name)
    }

    package static func onPath(_ name: String) -> String? {
        let folders = (variable("PATH") ?? "/usr/bin:/bin").split(separator: ":").map(String.init)
        return first(name, in: folders)
    }

    private static func first(_ name: String, in folders: [String]) -> String? {
        folders.map { "\($0)/\(name)" }.first { path in
            FileManager.default.isExecutableFile(atPath: path) && Directory.kind(of: path) == .file
        }
    }

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
