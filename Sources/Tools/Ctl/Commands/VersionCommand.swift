// SPDX-License-Identifier: Apache-2.0

enum VersionCommand {
    static let row = Command(
        "version", usage: "version", "Prints the version of \(CtlProgram.name)", run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        call.console.write(
            "\(CtlProgram.name) version: \(CtlProgram.version)\n"
                + "API version: \(CtlProgram.apiVersion)\n")
    }
}
