// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NodeServer

let environment = NodeEnvironment.all
exit(
    NodeProgram.main(arguments: Array(CommandLine.arguments.dropFirst()), environment: environment))
