// SPDX-License-Identifier: Apache-2.0
internal import Ctl
internal import Glibc

exit(CtlProgram.main(CommandLine.arguments, environment: CtlProgram.environment))
