// SPDX-License-Identifier: Apache-2.0
import Posix
import Testing

@Suite struct PasswordHashTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private let salt = [UInt8](0..<16)

    @Test func `hashes that Go's programs wrote are known`() {
        let stored = bytes("$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga")
        #expect(PasswordHash.matches(bytes("allmine"), stored))
        #expect(!PasswordHash.matches(bytes("allmin"), stored))
        #expect(!PasswordHash.matches(bytes("allmine "), stored))
        #expect(!PasswordHash.matches([], stored))
    }

    @Test func `what is made is in Go's form and is known again`() throws {
        for password in ["", "p", "pässwörd", "\u{ff}\u{a3}", String(repeating: "x", count: 72)] {
            let made = try #require(PasswordHash.make(bytes(password), cost: 4, salt: salt))
            let text = String(decoding: made, as: UTF8.self)
            #expect(text.hasPrefix("$2a$04$"))
            #expect(made.count == 60)
            #expect(PasswordHash.matches(bytes(password), made))
            #expect(!PasswordHash.matches(bytes(password + "x"), made) || password.count == 72)
            #expect(!PasswordHash.matches(bytes("other"), made))
        }
    }

    /// Bytes from 128 on are where old programs went wrong and libcrypt's `2a` still goes another way.
    @Test func `bytes beyond ASCII hash as Go hashes them`() throws {
        var random: UInt8 = 1
        for _ in 0..<50 {
            let password = (0..<7).map { _ -> UInt8 in
                random = random &* 77 &+ 13
                return random | 0x80
            }
            let made = try #require(PasswordHash.make(password, cost: 4, salt: salt))
            #expect(PasswordHash.matches(password, made))
            var other = made
            other[2] = UInt8(ascii: "b")
            #expect(PasswordHash.matches(password, other))
        }
    }

    @Test func `salts differ, so hashes do`() {
        let first = PasswordHash.make(bytes("p"), cost: 4, salt: salt)
        let second = PasswordHash.make(bytes("p"), cost: 4, salt: salt.reversed())
        #expect(first != second)
    }

    @Test func `a password that cannot be hashed faithfully is refused`() {
        #expect(PasswordHash.make([UInt8](repeating: 1, count: 73), cost: 4, salt: salt) == nil)
        #expect(PasswordHash.make([0x61, 0, 0x62], cost: 4, salt: salt) == nil)
        let stored = PasswordHash.make(bytes("a"), cost: 4, salt: salt) ?? []
        #expect(!PasswordHash.matches([0x61, 0, 0x62], stored))
    }

    @Test func `what is no hash matches nothing`() {
        let password = bytes("p")
        for text in [
            "", "$", "*0", "$1$abc", "$2a$10$short", "$2a$99$" + String(repeating: "a", count: 53),
            "$6$salt$" + String(repeating: "a", count: 52), String(repeating: "$", count: 60),
        ] {
            #expect(!PasswordHash.matches(password, bytes(text)))
        }
        #expect(!PasswordHash.matches(password, PasswordHash.decoy(cost: 4)))
    }
}
