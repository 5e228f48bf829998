// SPDX-License-Identifier: Apache-2.0
internal import Formats
package import Program

/// What the command line asks for.
package enum NodeInvocation: Equatable, Sendable {
    case run(NodeConfig, notices: [ConfigNotice])
    /// Print the lines on standard output and exit with 0.
    case print([String])

    package static let usage = """
        Usage:

          keelson-node [flags]
            Start a member.

          keelson-node --version
            Show the version.

          keelson-node -h | --help
            Show the flags.

          keelson-node --config-file FILE
            Read the configuration from a YAML file; all other flags and variables are ignored.
        """

    /// `arguments` without the name of the program; `environment` as (name, value) in any order.
    /// `readFile` answers with what is in a file, or with the sentence that says why not.
    package static func read(
        arguments: [String], environment: [(String, String)], build: BuildInfo,
        readFile: (_ path: String) throws(ConfigError) -> [UInt8]
    ) throws(ConfigError) -> NodeInvocation {
        let table = EtcdFlags.table
        let parsed: ParsedFlags
        do throws(FlagError) {
            parsed = try FlagParser.parse(arguments, table)
        } catch {
            switch error {
            case .helpWanted: return .print([usage, "", table.usage()])
            case .wrong(let text): throw .usage(text)
            }
        }
        if parsed["version"] == .bool(true) { return .print(build.lines) }
        var settings = Settings()
        try settings.checkURLs(of: parsed)
        if let extra = parsed.arguments.first {
            throw .invalid("'\(extra)' is not a valid flag")
        }
        if let path = configFile(parsed, environment) {
            try settings.read(file: try readFile(path))
        } else {
            settings.read(parsed)
            try settings.read(environment: environment)
        }
        try settings.settle()
        let config = try settings.config(environment)
        return .run(config, notices: settings.notices)
    }

    private static func configFile(
        _ parsed: ParsedFlags, _ environment: [(String, String)]
    ) -> String? {
        if case .text(let path) = parsed["config-file"], !path.isEmpty { return path }
        let path = environment.first { $0.0 == "ETCD_CONFIG_FILE" }?.1
        return path?.isEmpty == false ? path : nil
    }
}
