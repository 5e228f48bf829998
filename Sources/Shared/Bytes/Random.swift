// SPDX-License-Identifier: Apache-2.0

/// Seeded random numbers (SplitMix64, Steele, Lea and Flood, OOPSLA 2014): the same seed gives the
/// same sequence in every process and on every machine. Not for secrets.
package struct Random: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<limit`.
    package mutating func below(_ limit: Int) -> Int {
        invariant(limit > 0, "no number below \(limit)")
        return Int(truncatingIfNeeded: next() % UInt64(limit))
    }

    /// True in `percent` of a hundred draws.
    package mutating func chance(percent: Int) -> Bool {
        below(100) < percent
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
    }
}
