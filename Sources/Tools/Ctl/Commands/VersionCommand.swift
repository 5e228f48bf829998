// SPDX-License-Identifier: Apache-2.0

enum VersionCommand {
    static let row = Command(
        "version", usage: "version", "Prints the version of etcdctl", examples: ["version"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        call.console.write(
            "\(call.personality.name) version: \(call.personality.version)\n"
                + "API version: \(CtlProgram.apiVersion)\n")
    }
}
