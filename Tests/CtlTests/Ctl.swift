// SPDX-License-Identifier: Apache-2.0
import TestKit

@testable import Ctl

/// keelsonctl in this process, with a console made of strings.
struct CtlRun: Equatable {
    var output: String
    var errors: String
    var code: Int32

    private final class Text: @unchecked Sendable {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var input: [UInt8]

        init(_ input: String) {
            self.input = Array(input.utf8)
        }

        func take() -> [UInt8] {
            defer { input = [] }
            return input
        }
    }

    init(
        _ arguments: [String], as personality: Personality = .keelsonctl, input: String = "",
        environment: [String] = []
    ) {
        let text = Text(input)
        let console = Console(
            output: { text.output += $0 }, errors: { text.errors += $0 }, input: { text.take() })
        code = CtlProgram.run(
            arguments, as: personality, environment: environment, console: console)
        output = String(decoding: text.output, as: UTF8.self)
        errors = String(decoding: text.errors, as: UTF8.self)
    }
}
