// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Lines for a person, whole and at once, also when the process ends in the middle of its work.
enum Console {
    static func line(_ text: String) { write(text, to: 1) }
    static func error(_ text: String) { write(text, to: 2) }
    static var processID: Int32 { getpid() }
    static func remove(_ path: String) { _ = unsafe unlink(path) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8) + [UInt8(ascii: "\n")]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count <= 0 { return }
            bytes.removeFirst(count)
        }
    }
}
