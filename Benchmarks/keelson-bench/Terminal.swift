// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The little of the C library that a command needs.
internal enum Terminal {
    internal static func complain(_ text: String) {
        let line = Array((text + "\n").utf8)
        unsafe _ = Glibc.write(2, line, line.count)
    }

    internal static func leave(_ code: Int32) -> Never {
        exit(code)
    }

    internal static func kill(_ process: Int32) -> Bool {
        Glibc.kill(process, SIGKILL) == 0
    }

    internal static var ticksPerSecond: Int64 {
        Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }
}
