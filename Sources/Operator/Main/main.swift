// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import OperatorRunner

exit(OperatorProgram.main(arguments: Array(CommandLine.arguments.dropFirst())))
