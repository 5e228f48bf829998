// SPDX-License-Identifier: Apache-2.0
internal import Foundation
internal import SandboxRunner

let process = ProcessInfo.processInfo
exit(
    SandboxProgram.main(
        arguments: Array(CommandLine.arguments.dropFirst()),
        environment: process.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
        program: Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""))
