// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Testing

@testable import Replicated

@Suite struct PermissionTests {
    /// Every key over a small alphabet, and what a list of permissions says of it, one by one.
    private struct Naive {
        static let universe: [[UInt8]] = {
            let letters: [UInt8] = [0, 1, 0x61, 0x62, 0xff]
            var keys: [[UInt8]] = []
            var longest: [[UInt8]] = [[]]
            for _ in 0..<3 {
                longest = longest.flatMap { key in letters.map { key + [$0] } }
                keys += longest
            }
            return keys
        }()

        var permissions: [Permission]

        static func contains(_ key: [UInt8], _ end: [UInt8], _ candidate: [UInt8]) -> Bool {
            if key.isEmpty { return false }
            if end.isEmpty { return candidate == key }
            if candidate.lexicographicallyPrecedes(key) { return false }
            return end == [0] || candidate.lexicographicallyPrecedes(end)
        }

        func allows(_ access: KeyGrants.Access, _ key: [UInt8]) -> Bool {
            permissions.contains { permission in
                let fits =
                    switch (access, permission.permType) {
                    case (.read, .read), (.write, .write), (_, .readWrite): true
                    default: false
                    }
                return fits && Naive.contains(permission.key, permission.rangeEnd, key)
            }
        }
    }

    private func key(_ random: inout Random) -> [UInt8] {
        let letters: [UInt8] = [0, 1, 0x61, 0x62, 0xff]
        let count = 1 + random.below(2)
        return (0..<count).map { _ in letters[random.below(5)] }
    }

    private func end(_ random: inout Random) -> [UInt8] {
        switch random.below(4) {
        case 0: []
        case 1: [0]
        default: key(&random)
        }
    }

    /// A range of more keys than the universe holds: between any two of it there are others. What
    /// covers all of the universe inside a range and is made of ends in the universe covers those
    /// too, for the keys of permissions are at most two bytes long and the universe goes to three.
    @Test func `merged ranges permit what the permissions permit one by one`() {
        let seed: UInt64 = 20_260_716
        var random = Random(seed: seed)
        var allowed = 0
        for round in 0..<4_000 {
            let permissions = (0..<random.below(7)).map { _ in
                Permission(
                    permType: [.read, .write, .readWrite, .unknown(9)][random.below(4)],
                    key: key(&random), rangeEnd: end(&random))
            }
            let naive = Naive(permissions: permissions)
            let clever = KeyGrants(permissions)
            for _ in 0..<6 {
                let (asked, askedEnd) = (key(&random), end(&random))
                let access: KeyGrants.Access = random.below(2) == 0 ? .read : .write
                let inside = Naive.universe.filter { Naive.contains(asked, askedEnd, $0) }
                // Without an end there are keys behind all others; only an open permission has them.
                let isOpen =
                    askedEnd != [0] || clever.permits(access, [0xff, 0xff, 0xff, 0xff], [0])
                let expected =
                    !inside.isEmpty && isOpen && inside.allSatisfy { naive.allows(access, $0) }
                #expect(
                    clever.permits(access, asked, askedEnd) == expected,
                    "seed \(seed) round \(round): \(permissions) asked \(asked) \(askedEnd)")
                if expected { allowed += 1 }
            }
        }
        #expect(allowed > 2_000, "the test asks for too little: \(allowed)")
    }

    @Test func `neighbours are one range, gaps are not`() {
        func grants(_ ranges: [(String, String)]) -> KeyGrants {
            KeyGrants(
                ranges.map {
                    Permission(permType: .read, key: bytes($0.0), rangeEnd: bytes($0.1))
                })
        }
        let touching = grants([("c", "e"), ("a", "c")])
        #expect(touching.permits(.read, bytes("a"), bytes("e")))
        #expect(!touching.permits(.write, bytes("a"), bytes("e")))
        #expect(!touching.permits(.read, bytes("a"), bytes("e\0")))
        #expect(!touching.permits(.read, bytes("a"), [0]))
        let gap = grants([("a", "c"), ("c\0", "e")])
        #expect(!gap.permits(.read, bytes("a"), bytes("e")))
        #expect(gap.permits(.read, bytes("b"), bytes("c")))
        // One key closes the gap.
        #expect(
            grants([("a", "c"), ("c\0", "e"), ("c", "")]).permits(.read, bytes("a"), bytes("e")))
        let open = grants([("b", "\0")])
        #expect(open.permits(.read, bytes("z"), [0]))
        #expect(open.permits(.read, bytes("b"), bytes("zz")))
        #expect(!open.permits(.read, bytes("a"), [0]))
    }

    @Test func `a range without keys and an empty key are never permitted`() {
        let all = KeyGrants([Permission(permType: .readWrite, key: [0], rangeEnd: [0])])
        #expect(all.permits(.read, [0], [0]))
        #expect(!all.permits(.read, bytes("b"), bytes("a")))
        #expect(!all.permits(.read, [], []))
        #expect(!KeyGrants([Permission(permType: .read)]).permits(.read, [], []))
    }

    /// As in etcd only the first of the permissions with the same key is looked at.
    @Test func `granting a range again replaces its type`() throws {
        var scribe = Scribe()
        scribe.apply(addRole("r"))
        for type in [Permission.PermissionType.readWrite, .read] {
            scribe.apply(permit("r", type, "a", "b"))
        }
        scribe.apply(permit("r", .write, "a", "c"))
        scribe.apply(permit("r", .read, "Z"))
        let shown = try AuthRoleGetResponse(decoding: scribe.apply(getRole("r")).answer).perm
        #expect(shown.map { text($0.key) } == ["Z", "a", "a"])
        #expect(shown.map(\.permType) == [.read, .read, .write])
        #expect(shown.map { text($0.rangeEnd) } == ["", "b", "c"])
        scribe.apply(addRole("root"))
        let root = try AuthRoleGetResponse(decoding: scribe.apply(getRole("root")).answer).perm
        #expect(root == [Permission(permType: .readWrite, rangeEnd: [0])])
    }
}
