// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix
internal import Testing

struct DigestTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `sums of known texts`() {
        // FIPS 180-4, examples of NIST.
        let text = Array("abc".utf8)
        #expect(hex(Digest.sha1(text)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex(Digest.sha1([])) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(
            hex(Digest.sha256(text))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex(Digest.sha256([]))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `pieces give the sum of the whole, and a sum begins anew`() {
        var random = Random(seed: 1)
        let bytes = random.bytes(10_000)
        let digest = Digest(.sha256)
        for _ in 0..<2 {
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(random.below(500))
                digest.update(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            #expect(digest.finish() == Digest.sha256(bytes))
        }
    }
}
