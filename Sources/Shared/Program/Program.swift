// SPDX-License-Identifier: Apache-2.0

// What every program of the house needs before it does anything of its own.
//
//   FlagTable    one row per flag: name, variable, key in the file, kind, default, help, status
//   FlagParser   arguments → values, by the rules of Go's flag package
//   Logger       lines as zap writes them; the sink and the clock are passed in
//   MetricRegistry  counters, gauges, histograms → Prometheus text
//   BuildInfo    who we are
//
// Nothing here opens a file, reads a clock or the environment, or holds global state: arguments,
// variables and file contents come in as values, lines and text go out through closures and
// answers.

/// What the program calls itself. Passed down, so tests can be someone else.
package struct BuildInfo: Equatable, Sendable {
    /// Of Keelson.
    package var version: String
    /// The release of etcd whose behaviour is offered; peers and clients see this one.
    package var apiVersion: String
    /// Empty if unknown.
    package var gitSHA: String
    /// `linux/amd64`.
    package var platform: String

    package static let keelsonVersion = "0.1.0"

    package init(
        version: String = BuildInfo.keelsonVersion, apiVersion: String, gitSHA: String = "",
        platform: String
    ) {
        self.version = version
        self.apiVersion = apiVersion
        self.gitSHA = gitSHA
        self.platform = platform
    }

    /// `3.5` of `3.5.21`: what capabilities go by.
    package var apiMinor: String {
        apiVersion.split(separator: ".").prefix(2).joined(separator: ".")
    }

    /// What `--version` prints, in the form of etcd, whose four lines tools read.
    package var lines: [String] {
        [
            "etcd Version: \(apiVersion)",
            "Git SHA: \(gitSHA.isEmpty ? "Not provided" : gitSHA)",
            "Keelson Version: \(version)",
            "OS/Arch: \(platform)",
        ]
    }
}
