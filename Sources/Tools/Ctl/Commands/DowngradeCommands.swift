// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

/// Preparing a cluster for an older release.
enum DowngradeCommands {
    static let rows: [Command] = [
        Command(
            "downgrade cancel", usage: "downgrade cancel",
            "Cancel the ongoing downgrade action to cluster", examples: ["downgrade cancel"],
            isNewer: true
        ) { call throws(CtlError) in
            try run(call, .cancel, "cancel", version: "")
        },
        Command(
            "downgrade enable", usage: "downgrade enable <TARGET_VERSION>",
            "Start a downgrade action to cluster", examples: ["downgrade enable 3.5"],
            isNewer: true
        ) { call throws(CtlError) in
            try run(call, .enable, "enable", version: try target(call))
        },
        Command(
            "downgrade validate", usage: "downgrade validate <TARGET_VERSION>",
            "Validate downgrade capability before starting downgrade",
            examples: ["downgrade validate 3.5"], isNewer: true
        ) { call throws(CtlError) in
            try run(call, .validate, "validate", version: try target(call))
        },
    ]

    private static func target(_ call: Invocation) throws(CtlError) -> String {
        if call.arguments.isEmpty { throw .badArguments("TARGET_VERSION not provided") }
        if call.arguments.count > 1 { throw .badArguments("too many arguments") }
        let version = call.arguments[0]
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ UInt32($0) != nil }) else {
            throw .badArguments("wrong target version format: \(version)")
        }
        return version
    }

    private static func run(
        _ call: Invocation, _ action: DowngradeRequest.DowngradeAction, _ name: String,
        version: String
    ) throws(CtlError) {
        let client = try call.client()
        let response = try calling { () throws(ClientError) in
            try client.downgrade(
                .with { request in
                    request.action = action
                    request.version = version
                })
        }
        try call.show(.downgrade(name, response))
    }
}
