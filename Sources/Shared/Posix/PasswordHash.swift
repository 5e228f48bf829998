// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import CLinux

/// bcrypt, as libcrypt has it and as Go's programs write it: `$2a$COST$`, 22 letters of salt, 31 of
/// hash. Slow on purpose: never on a thread that others wait for.
package enum PasswordHash {
    package static let costs = 4...31
    /// Longer passwords are cut by every implementation; here they are refused.
    package static let maxPasswordBytes = 72

    private static let alphabet = Array(
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let headBytes = 7
    private static let hashBytes = 60

    /// Nil for a password that cannot be hashed faithfully: too long, or with a zero byte in it,
    /// behind which libcrypt does not look.
    package static func make(
        _ password: [UInt8], cost: Int, salt: [UInt8]
    ) -> [UInt8]? {
        invariant(costs.contains(cost), "bcrypt cost \(cost)")
        invariant(salt.count == 16, "\(salt.count) bytes of salt")
        guard password.count <= maxPasswordBytes, !password.contains(0) else { return nil }
        let digits: [UInt8] = [0x30 + UInt8(cost / 10), 0x30 + UInt8(cost % 10), 0x24]
        return hash(password, setting: Array("$2b$".utf8) + digits + letters(of: salt)).map(named)
    }

    /// False also for a hash that is none, and for an empty one.
    package static func matches(_ password: [UInt8], _ stored: [UInt8]) -> Bool {
        guard stored.count == hashBytes, stored[0] == 0x24, stored[1] == 0x32, stored[3] == 0x24,
            !password.contains(0)
        else { return false }
        // libcrypt reads `2a` as the variant of a once broken program and changes some hashes; what
        // Go calls `2a` is what libcrypt calls `2b`.
        let setting = Array("$2b$".utf8) + stored[4...]
        guard let made = hash(password, setting: setting), made.count == stored.count else {
            return false
        }
        // All bytes are looked at, wherever the first difference is.
        var difference: UInt8 = 0
        for index in headBytes..<made.count { difference |= made[index] ^ stored[index] }
        return difference == 0
    }

    /// A hash that no password has, as costly to check as another of this cost.
    package static func decoy(cost: Int) -> [UInt8] {
        let digits: [UInt8] = [0x30 + UInt8(cost / 10), 0x30 + UInt8(cost % 10), 0x24]
        return Array("$2a$".utf8) + digits + [UInt8](repeating: 0x2e, count: 53)
    }

    private static func named(_ hash: [UInt8]) -> [UInt8] {
        var hash = hash
        hash[2] = UInt8(ascii: "a")
        return hash
    }

    private static func hash(_ password: [UInt8], setting: [UInt8]) -> [UInt8]? {
        var output = [CChar](repeating: 0, count: 128)
        let password = (password + [0]).map { CChar(bitPattern: $0) }
        let setting = (setting + [0]).map { CChar(bitPattern: $0) }
        guard unsafe keelson_crypt(password, setting, &output, output.count) == 0 else {
            return nil
        }
        let made = output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return made.count == hashBytes ? made : nil
    }

    /// bcrypt's own base64: another alphabet, no padding.
    private static func letters(of salt: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var index = 0
        while index < salt.count {
            let group = salt[index..<min(index + 3, salt.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0...group.count {
                output.append(alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)])
            }
            index += 3
        }
        return output
    }
}
