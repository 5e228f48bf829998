// SPDX-License-Identifier: Apache-2.0

enum V2AuthCommands {
    static let rows = [
        V2Command(
            "auth enable", usage: " ", "enable auth access controls", examples: ["auth enable"]
        ) { call throws(V2Failure) in
            try set(call, isEnabled: true)
        },
        V2Command(
            "auth disable", usage: " ", "disable auth access controls",
            examples: ["-u root auth disable"]
        ) { call throws(V2Failure) in
            try set(call, isEnabled: false)
        },
    ]

    private static func set(_ call: V2Call, isEnabled: Bool) throws(V2Failure) {
        guard call.arguments.isEmpty else { throw .plain("No arguments accepted") }
        let auth = V2Auth(client: try call.client())
        try V2MemberCommands.plain { () throws(V2CallError) in try auth.set(isEnabled: isEnabled) }
        call.console.write("Authentication \(isEnabled ? "Enabled" : "Disabled")\n")
    }
}
