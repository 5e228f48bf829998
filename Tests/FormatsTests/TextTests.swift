// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Formats

@Suite struct TextTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func `base64 of RFC 4648`(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test func `base64 of both alphabets, and what is none`() {
        let bytes: [UInt8] = [0xfb, 0xff, 0xfe, 0x01]
        #expect(Base64.encode(bytes) == "+//+AQ==")
        #expect(Base64.encode(bytes, .url) == "-__-AQ")
        #expect(Base64.decode("-__-AQ", .url) == bytes)
        #expect(Base64.decode("+//+\r\nAQ==") == bytes)
        for text in ["A", "AA", "AAA", "A===", "AA=A", "A-==", "====", "AA==AA==", "é"] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
    }

    @Test func `base64 keeps any bytes`() {
        var random = Random(seed: 2)
        for _ in 0..<2000 {
            let bytes = random.bytes(random.below(40))
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, .url), .url) == bytes)
        }
        for _ in 0..<5000 {
            _ = Base64.decode(String(decoding: random.bytes(random.below(12)), as: UTF8.self))
        }
    }

    @Test func `timestamps in both forms`() {
        #expect(Timestamp.milliseconds(0) == "1970-01-01T00:00:00.000Z")
        let time: Int64 = 1_767_366_245_012_300_000
        #expect(Timestamp.milliseconds(time) == "2026-01-02T15:04:05.012Z")
        #expect(Timestamp.nanoseconds(time) == "2026-01-02T15:04:05.0123Z")
        #expect(Timestamp.nanoseconds(time - 12_300_000) == "2026-01-02T15:04:05Z")
        #expect(Timestamp.milliseconds(-1) == "1969-12-31T23:59:59.999Z")
        #expect(Timestamp.seconds(951_782_400) == "2000-02-29T00:00:00Z")
        #expect(Timestamp.seconds(.max) == "9999-12-31T23:59:59Z")
        #expect(Timestamp.seconds(.min) == "0000-01-01T00:00:00Z")
    }

    @Test func `timestamps are read back`() {
        var random = Random(seed: 4)
        for _ in 0..<3000 {
            let time = Int64(bitPattern: random.next())
            #expect(Timestamp.parse(Timestamp.nanoseconds(time)) == time)
        }
        #expect(Timestamp.parse("2026-01-02T17:04:05+02:00") == 1_767_366_245_000_000_000)
        #expect(Timestamp.parse("2026-01-02T15:04:05.0000000019z") == 1_767_366_245_000_000_001)
        for text in [
            "", "2026-01-02", "2026-13-02T15:04:05Z", "2026-02-29T15:04:05Z",
            "2026-01-02T24:04:05Z", "2026-01-02T15:04:05", "2026-01-02T15:04:05.Z",
            "2026-01-02T15:04:05Zx", "9999-01-02T15:04:05Z", "2026-01-02T15:04:05+0200",
        ] {
            #expect(Timestamp.parse(text) == nil, "\(text)")
        }
    }

    @Test(
        arguments: [
            (0, "0s"), (1, "1ns"), (1_100, "1.1µs"), (2_200_000, "2.2ms"), (3_300_000_000, "3.3s"),
            (90_000_000_000, "1m30s"), (3_600_000_000_000, "1h0m0s"), (500_000_000, "500ms"),
            (3_661_001_000_000, "1h1m1.001s"), (.max, "2562047h47m16.854775807s"),
            (.min, "-2562047h47m16.854775808s"), (-1_500, "-1.5µs"),
        ] as [(Int64, String)])
    func `durations are written and read as Go does`(_ nanoseconds: Int64, _ text: String) {
        #expect(GoDuration.text(nanoseconds) == text)
        #expect(GoDuration.parse(text) == nanoseconds)
    }

    @Test func `other spellings of durations`() {
        #expect(GoDuration.parse("72h") == 259_200_000_000_000)
        #expect(GoDuration.parse("1.5h") == 5_400_000_000_000)
        #expect(GoDuration.parse(".5s") == 500_000_000)
        #expect(GoDuration.parse("1us") == 1000)
        #expect(GoDuration.parse("+5s") == 5_000_000_000)
        #expect(GoDuration.parse("0") == 0)
        #expect(GoDuration.text(Duration.milliseconds(1500)) == "1.5s")
        for text in ["", "5", "s", ".s", "-", "1x", "1 s", "9999999h", "3000000h", "1s1"] {
            #expect(GoDuration.parse(text) == nil, "\(text)")
        }
    }

    @Test func `durations are read back, and no text crashes`() {
        var random = Random(seed: 6)
        for _ in 0..<3000 {
            let nanoseconds = Int64(bitPattern: random.next()) >> Int64(random.below(60))
            #expect(GoDuration.parse(GoDuration.text(nanoseconds)) == nanoseconds)
        }
        let letters = Array("0123456789.hmsnu-+µ")
        for _ in 0..<20_000 {
            let text = (0..<random.below(24)).map { _ in letters[random.below(letters.count)] }
            _ = GoDuration.parse(String(text))
        }
    }

    @Test(
        arguments: [
            (0, "0 B"), (9, "9 B"), (10, "10 B"), (999, "999 B"), (1000, "1.0 kB"),
            (1024, "1.0 kB"),
            (9999, "10 kB"), (20_480, "20 kB"), (82_854_982, "83 MB"), (1_153_434, "1.2 MB"),
            (999_960, "1000 kB"), (2_147_483_648, "2.1 GB"), (.max, "18 EB"), (9_950, "10 kB"),
        ] as [(UInt64, String)])
    func `sizes are written as go-humanize does`(_ bytes: UInt64, _ text: String) {
        #expect(HumanSize.text(bytes) == text)
    }
}
