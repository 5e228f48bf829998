// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Random bytes of the kernel, fit for identifiers, tokens and keys.
package enum SecureRandom {
    package static func bytes(_ count: Int) throws(PosixError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(count, 0))
        let code = unsafe bytes.withUnsafeMutableBytes { buffer -> Int32 in
            guard let base = buffer.baseAddress else { return 0 }
            return unsafe keelson_random(base, buffer.count)
        }
        if code != 0 { throw PosixError("getrandom") }
        return bytes
    }

    package static func number() throws(PosixError) -> UInt64 {
        try bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
