// SPDX-License-Identifier: Apache-2.0
internal import Glibc

let tool = SimulatorTool(arguments: Array(CommandLine.arguments.dropFirst()))
exit(tool.run())
