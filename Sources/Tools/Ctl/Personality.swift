// SPDX-License-Identifier: Apache-2.0

/// Whose part the program plays, by the name it was started with. Under an upstream name it says
/// what that tool says, no more and no less; under its own it also explains.
package enum Personality: String, CaseIterable, Sendable {
    case keelsonctl, etcdctl, etcdutl

    /// By the last part of the path; any other name is our own.
    package init(startedAs path: String) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        self = Personality(rawValue: name) ?? .keelsonctl
    }

    var name: String { rawValue }

    /// What `version` and help tell. The upstream tools are played as of this release.
    var version: String {
        switch self {
        case .keelsonctl: CtlProgram.version
        case .etcdctl, .etcdutl: "3.5.1"
        }
    }

    var summary: String {
        switch self {
        case .keelsonctl, .etcdctl: "A simple command line client for etcd3."
        case .etcdutl: "An administrative command line tool for etcd3."
        }
    }

    /// Errors come with the next step, help with examples, and lists with all that is known.
    var explains: Bool { self == .keelsonctl }
}
